package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// nobody is a user without any privilege.
const nobody = 65534

// passedFile is one that the daemon gets with its start.
type passedFile struct {
	name string
	file *os.File
}

// openIn opens what a daemon is to be passed, in a host.
func openIn(t *testing.T, h *lab.Host, name string, open func() (int, error)) passedFile {
	t.Helper()
	var f *os.File
	err := h.Do(func() error {
		fd, err := open()
		if err == nil {
			f = os.NewFile(uintptr(fd), name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return passedFile{name, f}
}

func tapIn(t *testing.T, h *lab.Host, dev string) passedFile {
	t.Helper()
	f := openIn(t, h, "lan", func() (int, error) {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		if err != nil {
			return fd, err
		}
		request, err := unix.NewIfreq(dev)
		if err != nil {
			return fd, err
		}
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		return fd, unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	})
	if err := h.SetUp(dev, true); err != nil {
		t.Fatal(err)
	}
	return f
}

// controlIn listens at a path that nobody may connect to.
func controlIn(t *testing.T, path string) passedFile {
	t.Helper()
	l, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: path, Net: "unixpacket"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	return passedFile{"control", f}
}

// startNobody starts a daemon as nobody, with these files and no others.
func startNobody(t *testing.T, h *lab.Host, path string, files ...passedFile) *peer {
	t.Helper()
	name := programs.Path(t, "cellhubd")
	if err := os.Chmod(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	d := &peer{path: path, host: h}
	d.cmd = h.Command(context.Background(), "sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, name)
	d.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	d.cmd.Dir = "/"
	var names []string
	for _, f := range files {
		names = append(names, f.name)
		d.cmd.ExtraFiles = append(d.cmd.ExtraFiles, f.file)
	}
	d.cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	d.start(t)
	return d
}

// publicDir is a folder that every user may reach.
func publicDir(t *testing.T) string {
	t.Helper()
	dir := folder(t)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A daemon that has no privilege at all carries a PVC by what whoever started it has opened: the
// control socket, a TAP, a packet socket or a UDP socket on a port below 1024. Killed, it starts
// again with the same files, and the TAP has stayed.
func TestUnprivileged(t *testing.T) {
	for name, c := range map[string]struct {
		here, there string
		open        func() (int, error)
	}{
		"ethernet": {"eth:" + lab.Dev + ",label=100,fd=line", "eth:" + lab.Dev + ",label=100", func() (int, error) {
			return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		}},
		"udp": {"udp:192.0.2.1:635,remote=192.0.2.2:6635,label=100,fd=line", "udp:192.0.2.2:6635,remote=192.0.2.1:635,label=100", func() (int, error) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err == nil {
				err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 1}, Port: 635})
			}
			return fd, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			dir := publicDir(t)
			there := startDaemon(t, l.B, filepath.Join(dir, "b"))
			carry(t, there, c.there, "atm0")
			if err := l.B.AddAddr("atm0", inner[1]); err != nil {
				t.Fatal(err)
			}
			files := []passedFile{tapIn(t, l.A, "atm0"), controlIn(t, filepath.Join(dir, "a")), openIn(t, l.A, "line", c.open)}
			if err := l.A.AddAddr("atm0", inner[0]); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				d := startNobody(t, l.A, filepath.Join(dir, "a"), files...)
				if !strings.Contains(d.log.String(), "capabilities none") {
					t.Errorf("it has capabilities: %s", d.log.String())
				}
				carry(t, d, c.here, "fd:lan")
				ping(t, l)
				refusesPassed(t, d)
				_ = d.cmd.Stop(syscall.SIGKILL)
			}
		})
	}
}

// carry sets up a port, a stream and the PVC between them.
func carry(t *testing.T, d *peer, spec, tap string) {
	t.Helper()
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	c.Must(c.Hub(control.HubOpen, 0, 7, "port", "dslam "+spec, ""))
	c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: lan(c, "lan", tap)}))
}

// refusesPassed wants each wrong use of a descriptor to be refused with its reason.
func refusesPassed(t *testing.T, d *peer) {
	t.Helper()
	c := controltest.Dial(t, d.path, control.RoleAdmin)
	for _, use := range []struct{ module, arg, why string }{
		{"tap", "fd:lan", `descriptor "lan" is another stream's`},
		{"tap", "fd:gone", `no descriptor "gone" was passed; there are: lan, line`},
		{"tap", "fd:line", "attached to no TAP"},
		{"tun", "fd:line", "attached to no TAP"},
		{"port", "p udp:127.0.0.1:7000,remote=127.0.0.1:7001,label=200,fd=lan", "descriptor passed is no socket"},
		{"port", "q eth:" + lab.Dev + ",label=200,fd=lan", "descriptor passed is no socket"},
	} {
		p, err := c.Call(c.Hub(control.HubOpen, 0, 0, use.module, use.arg, ""))
		if text := fmt.Sprint(p, err); err == nil || !strings.Contains(text, use.why) {
			t.Errorf("%s %s: %s, want %s", use.module, use.arg, text, use.why)
		}
	}
}
