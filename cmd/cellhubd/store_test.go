package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// serviceManager stands in for systemd: its notify socket, and the files that a service has it
// keep (sd_notify(3), sd_pid_notify_with_fds(3)).
type serviceManager struct {
	name string
	conn *net.UnixConn
	mu   sync.Mutex
	kept []passedFile
	ever int // files that it was given to keep
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	m := &serviceManager{name: filepath.Join(t.TempDir(), "notify")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.name, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for m.take() {
		}
	}()
	t.Cleanup(func() {
		_ = m.conn.Close()
		<-done
		for _, f := range m.kept {
			_ = f.file.Close()
		}
	})
	return m
}

// take takes one notification.
func (m *serviceManager) take() bool {
	data, rights := make([]byte, 4096), make([]byte, 1024)
	n, r, _, _, err := m.conn.ReadMsgUnix(data, rights)
	if err != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	says := map[string]string{}
	for line := range strings.Lines(string(data[:n])) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		says[key] = value
	}
	name := says["FDNAME"]
	if says["FDSTOREREMOVE"] == "1" {
		m.kept = slices.DeleteFunc(m.kept, func(f passedFile) bool { return f.name == name && f.file.Close() == nil })
	}
	messages, _ := unix.ParseSocketControlMessage(rights[:r])
	for _, c := range messages {
		fds, _ := unix.ParseUnixRights(&c)
		for _, fd := range fds {
			f := os.NewFile(uintptr(fd), name)
			if says["FDSTORE"] == "1" {
				m.kept, m.ever = append(m.kept, passedFile{name, f}), m.ever+1
			} else {
				_ = f.Close()
			}
		}
	}
	return true
}

// given is how many files it was ever given to keep.
func (m *serviceManager) given() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ever
}

// names are those of the files that it keeps.
func (m *serviceManager) names() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, f := range m.kept {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// start starts a daemon as its service, with what it has kept.
func (m *serviceManager) start(t *testing.T, h *lab.Host, path string, args ...string) *peer {
	t.Helper()
	d := &peer{path: path, host: h}
	d.cmd = h.Command(context.Background(), append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, programs.Path(t, "cellhubd"), "--control", path}, args...)...)
	m.mu.Lock()
	kept := slices.Clone(m.kept)
	m.mu.Unlock()
	var names []string
	for _, f := range kept {
		names = append(names, f.name)
		d.cmd.ExtraFiles = append(d.cmd.ExtraFiles, f.file)
	}
	d.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.name, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	d.start(t)
	return d
}

// The TAPs that a daemon has made outlive it in the service manager's store: killed, it goes on
// with the same interface, whose number and addresses have stayed; one that is deleted
// gives way to the new one, and one that leaves the configuration leaves the store.
func TestDescriptorStore(t *testing.T) {
	for _, gso := range []string{"auto", "off"} {
		t.Run("gso="+gso, func(t *testing.T) { testDescriptorStore(t, gso) })
	}
}

func testDescriptorStore(t *testing.T, gso string) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	there := startDaemon(t, l.B, filepath.Join(dir, "b"))
	carry(t, there, "eth:"+lab.Dev+",label=100", "atm0")
	if err := l.B.AddAddr("atm0", inner[1]); err != nil {
		t.Fatal(err)
	}
	const port = "ports:\n  p: eth:" + lab.Dev + ",label=100\n"
	lan := "streams:\n  lan: {top: tap atm0 gso=" + gso + ", modules: [rfc2684 llc bridged, aal5]}\n"
	const pvcs = "pvcs:\n  - {port: p, vc: 0/100, stream: lan}\n"
	other := "  other: {top: tun atm1, modules: [rfc2684 llc routed, aal5]}\n"
	file := write(t, filepath.Join(dir, "x.yaml"), port+lan+other+pvcs)
	m := newServiceManager(t)
	keeps := func(want string) {
		t.Helper()
		controltest.Until(t, "the store has "+want, func() bool { return m.names() == want })
	}
	d := m.start(t, l.A, filepath.Join(dir, "a"), "--config", file)
	keeps("kept-atm0 kept-atm1")
	if err := l.A.AddAddr("atm0", inner[0]); err != nil {
		t.Fatal(err)
	}
	ping(t, l)
	index := func(dev string) int {
		t.Helper()
		state, err := l.A.Link(dev)
		if err != nil {
			t.Fatal(err)
		}
		return state.Index
	}
	was := index("atm0")
	again := func(sig syscall.Signal) {
		t.Helper()
		_ = d.cmd.Stop(sig)
		d = m.start(t, l.A, d.path, "--config", file)
		ping(t, l)
		if now := index("atm0"); now != was {
			t.Errorf("after %v it is interface %d, was %d", sig, now, was)
		}
		keeps("kept-atm0 kept-atm1")
	}
	again(syscall.SIGKILL)
	again(syscall.SIGTERM) // as for a restart; who stops a service empties its store
	if err := l.A.Delete("atm0"); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the TAP is made again", func() bool {
		state, err := l.A.Link("atm0")
		return err == nil && state.Index != was
	})
	controltest.Until(t, "the new one is kept", func() bool { return m.given() == 3 })
	keeps("kept-atm0 kept-atm1")
	if err := l.A.AddAddr("atm0", inner[0]); err != nil {
		t.Fatal(err)
	}
	was = index("atm0")
	_ = d.cmd.Stop(syscall.SIGKILL)
	write(t, file, port+lan+pvcs) // what is gone from the file before the start …
	d = m.start(t, l.A, d.path, "--config", file)
	keeps("kept-atm0")
	ping(t, l)
	if now := index("atm0"); now != was {
		t.Errorf("it is interface %d, was %d", now, was)
	}
	if _, err := l.A.Link("atm1"); err == nil {
		t.Error("atm1 is in no configuration, and there still")
	}
	d.reload(t, file, port) // … or while it runs
	keeps("")
	if _, err := l.A.Link("atm0"); err == nil {
		t.Error("atm0 is in no configuration, and there still")
	}
}
