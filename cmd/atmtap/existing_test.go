package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// owned is who owns the devices that were there before, when somebody does.
const owned = 65534

// persistent is a TAP or TUN that an administrator has made.
type persistent struct {
	flags    uint16
	owner    int // 0: nobody
	mtu      int
	mac      net.HardwareAddr
	up       bool
	offloads int // TUN_F_…
	addr     string
}

// make makes the device in the namespace of the calling thread.
func (p persistent) make(name string) error {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	ifr.SetUint16(p.flags)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		return fmt.Errorf("TUNSETIFF: %w", err)
	}
	if p.owner != 0 {
		if err := errors.Join(unix.IoctlSetInt(fd, unix.TUNSETOWNER, p.owner), unix.IoctlSetInt(fd, unix.TUNSETGROUP, p.owner)); err != nil {
			return fmt.Errorf("TUNSETOWNER: %w", err)
		}
	}
	if p.offloads != 0 {
		if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, p.offloads); err != nil {
			return fmt.Errorf("TUNSETOFFLOAD: %w", err)
		}
	}
	if err := unix.IoctlSetInt(fd, unix.TUNSETPERSIST, 1); err != nil {
		return fmt.Errorf("TUNSETPERSIST: %w", err)
	}
	if p.mac != nil {
		if err := link.SetHardwareAddr(name, p.mac); err != nil {
			return err
		}
	}
	if p.mtu != 0 {
		if err := link.SetMTU(name, p.mtu); err != nil {
			return err
		}
	}
	if p.addr != "" {
		if err := link.AddAddr(name, netip.MustParsePrefix(p.addr)); err != nil {
			return err
		}
	}
	if p.up {
		return link.Up(name)
	}
	return nil
}

// describe tells all of a TUN or TAP that somebody could have changed.
func describe(h *lab.Host, name string) (string, error) {
	var text string
	err := h.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		tun, ok := l.(*netlink.Tuntap)
		if !ok {
			return fmt.Errorf("%s is a %s", name, l.Type())
		}
		a := tun.Attrs()
		info, err := link.TunInfo(name)
		if err != nil {
			return err
		}
		addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
		if err != nil {
			return err
		}
		offloads, err := offloadsOf(name)
		text = fmt.Sprintf("index %d mtu %d queue %d mac %v flags %v raw %#x promisc %d alias %q group %d; %+v mode %v owner %d group %d; addresses %v; offloads %v",
			a.Index, a.MTU, a.TxQLen, a.HardwareAddr, a.Flags&^net.FlagRunning, a.RawFlags&^(unix.IFF_RUNNING|unix.IFF_LOWER_UP), a.Promisc, a.Alias, a.Group,
			info, tun.Mode, tun.Owner, tun.Group, addrs, offloads)
		return err
	})
	return text, err
}

// offloadsOf asks for what ethtool -k shows: checksums, scatter, TSO, GSO and GRO.
func offloadsOf(name string) ([]uint32, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var values []uint32
	for _, cmd := range []uint32{unix.ETHTOOL_GTXCSUM, unix.ETHTOOL_GSG, unix.ETHTOOL_GTSO, unix.ETHTOOL_GGSO, unix.ETHTOOL_GGRO, unix.ETHTOOL_GFLAGS} {
		value := struct{ cmd, data uint32 }{cmd: cmd}
		var request struct {
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}
		copy(request.name[:], name)
		request.data = unsafe.Pointer(&value)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return nil, errno
		}
		values = append(values, value.data)
	}
	return values, nil
}

var existing = []struct {
	name string
	dev  persistent
	args []string
	mtu  int // in use
}{
	{"TAP that is down", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, owner: owned, mtu: 1400, mac: net.HardwareAddr{2, 0, 0, 0, 0, 1}}, nil, 1400},
	{"TAP that is up", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, up: true, addr: "203.0.113.1/24"}, nil, 1500},
	{"TAP with another MTU and MAC", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, mtu: 1400, mac: net.HardwareAddr{2, 0, 0, 0, 0, 1}, up: true},
		[]string{"--mtu", "1300", "--mac", "02:00:00:00:00:02"}, 1300},
	{"TAP with VNET_HDR", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, owner: owned}, nil, 1500},
	{"TAP with VNET_HDR and offloads", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR, up: true,
		offloads: unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6}, nil, 1500},
	{"TAP with MULTI_QUEUE", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_MULTI_QUEUE, owner: owned}, nil, 1500},
	{"TAP with VNET_HDR and MULTI_QUEUE", persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI | unix.IFF_VNET_HDR | unix.IFF_MULTI_QUEUE, mtu: 1280}, nil, 1280},
	{"TAP with packet information", persistent{flags: unix.IFF_TAP}, nil, 1500},
	{"TUN", persistent{flags: unix.IFF_TUN | unix.IFF_NO_PI, owner: owned, mtu: 1280}, nil, 1280},
	{"TUN with packet information", persistent{flags: unix.IFF_TUN, up: true}, nil, 1500},
	{"TUN with VNET_HDR", persistent{flags: unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR}, nil, 1500},
}

// TestExistingDevice takes devices that an administrator made: they carry traffic, and
// are afterwards what they were before, whichever signal ends atmtap.
func TestExistingDevice(t *testing.T) {
	for _, e := range existing {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(e.name+"/"+sig.String(), func(t *testing.T) {
				t.Parallel()
				testExisting(t, e.dev, e.args, e.mtu, sig)
			})
		}
	}
}

func testExisting(t *testing.T, dev persistent, args []string, mtu int, sig syscall.Signal) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{})
	if err := l.A.Do(func() error { return dev.make(tunnelDev) }); err != nil {
		t.Fatal(err)
	}
	before, err := describe(l.A, tunnelDev)
	if err != nil {
		t.Fatal(err)
	}
	kind := "--tap"
	if dev.flags&unix.IFF_TUN != 0 {
		kind = "--tun"
	}
	port := []string{kind, tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100"}
	far := startPeer(t, ctx, l.B, append(port, "--mtu", fmt.Sprint(mtu))...)
	near := startPeer(t, ctx, l.A, append(port, args...)...)
	far.address(t, ctx, 1)
	near.address(t, ctx, 0)
	state, err := l.A.Link(tunnelDev)
	if err != nil || state.MTU != mtu || !state.Up {
		t.Errorf("in use it is %+v, %v, want MTU %d", state, err, mtu)
	}
	expectTraffic(t, ctx, l)
	if r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 2, Size: mtu - 28}); err != nil || r.Lost() != 0 {
		t.Errorf("ping of the whole MTU: %v, %v", r, err)
	}
	for _, a := range []netip.Prefix{inner4[0], inner6[0]} {
		if err := removeAddr(l.A, tunnelDev, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := near.cmd.Stop(sig); err != nil {
		t.Errorf("%v: %v", sig, err)
	}
	if r := near.summary(t); r.Drops != 0 {
		t.Errorf("drops %v", r.drops())
	}
	if after, err := describe(l.A, tunnelDev); err != nil || after != before {
		t.Errorf("it was  %s\nand is %s, %v", before, after, err)
	}
}

func removeAddr(h *lab.Host, dev string, a netip.Prefix) error {
	return h.Do(func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		addr, err := netlink.ParseAddr(a.String())
		if err != nil {
			return err
		}
		return netlink.AddrDel(l, addr)
	})
}

// TestNewDeviceGoes shows that either signal removes what atmtap made.
func TestNewDeviceGoes(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for _, kind := range []string{"--tap", "--tun"} {
			t.Run(sig.String()+"/"+kind[2:], func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				l := lab.ForTest(t, lab.Config{})
				p := startPeer(t, ctx, l.A, kind, tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100")
				p.waitUp(t, ctx, tunnelDev)
				if err := p.cmd.Stop(sig); err != nil {
					t.Error(err)
				}
				if _, err := l.A.Link(tunnelDev); !errors.Is(err, link.ErrNotFound) {
					t.Errorf("%s is still there: %v", tunnelDev, err)
				}
			})
		}
	}
}

// TestExistingDeviceMadeAgain deletes an administrator's TAP under a running tunnel:
// atmtap leaves it to the administrator to make it again, and then takes it.
func TestExistingDeviceMadeAgain(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{})
	dev := persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, mac: net.HardwareAddr{2, 0, 0, 0, 0, 1}, up: true}
	make := func() error { return dev.make(tunnelDev) }
	if err := l.A.Do(make); err != nil {
		t.Fatal(err)
	}
	port := []string{"--tap", tunnelDev, "--vc", "0/100", "--port", "eth:eth0,label=100"}
	near, said := startWatched(t, ctx, l.A, port...)
	far := startPeer(t, ctx, l.B, port...)
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	expectTraffic(t, ctx, l)
	from := len(said.String())
	if err := l.A.Delete(tunnelDev); err != nil {
		t.Fatal(err)
	}
	from = said.wait(t, from, tunnelDev, "deleted")
	time.Sleep(50 * time.Millisecond) // in which it must not come by itself
	if _, err := l.A.Link(tunnelDev); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("%s came back without its administrator: %v", tunnelDev, err)
	}
	if err := l.A.Do(make); err != nil {
		t.Fatal(err)
	}
	said.wait(t, from, tunnelDev, "back")
	near.address(t, ctx, 0)
	expectTraffic(t, ctx, l)
	near.stop(t)
	if _, err := l.A.Link(tunnelDev); err != nil {
		t.Errorf("%s should still be there: %v", tunnelDev, err)
	}
}

// unprivileged is a user who is not root, and what he has.
type unprivileged struct {
	name  string
	caps  string // as setpriv(1) takes them
	owned bool   // the TAP is there, and his
	port  carrier
}

// TestWithoutRoot runs atmtap as a user with the capabilities that its manual page
// names.
func TestWithoutRoot(t *testing.T) {
	testUnprivileged(t, []unprivileged{
		{"both capabilities over Ethernet", "+net_admin,+net_raw", false, carriers[0]},
		{"CAP_NET_ADMIN over UDP", "+net_admin", false, carriers[1]},
	})
}

// asUser is the command line that runs another as a user with capabilities. The user has
// a /dev/net/tun of his own, of the given mode: the machine's may be closed to him.
func asUser(t *testing.T, mode, caps string, args ...string) []string {
	t.Helper()
	for _, tool := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	const script = `mount -t tmpfs none /dev/net && mknod -m "$0" /dev/net/tun c 10 200 && c=$1 && shift &&
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps "-all$c" --ambient-caps "-all$c" "$@"`
	if caps != "" {
		caps = "," + caps
	}
	return append([]string{"unshare", "-m", "sh", "-c", script, mode, caps}, args...)
}

func testUnprivileged(t *testing.T, tests []unprivileged) {
	t.Helper()
	name := publicBinary(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			l := lab.ForTest(t, lab.Config{})
			if test.owned {
				dev := persistent{flags: unix.IFF_TAP | unix.IFF_NO_PI, owner: owned, up: true}
				if err := l.A.Do(func() error { return dev.make(tunnelDev) }); err != nil {
					t.Fatal(err)
				}
			}
			p := startCommand(t, ctx, l.A, asUser(t, "666", test.caps, name, "--json", "--tap", tunnelDev, "--vc", "0/100", "--port", test.port.spec(l, 0, "n1"))...)
			far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", test.port.spec(l, 1, "n1"))
			p.address(t, ctx, 0)
			far.address(t, ctx, 1)
			expectTraffic(t, ctx, l)
			p.stop(t)
		})
	}
}

// publicBinary is a copy of atmtap that any user may run.
func publicBinary(t *testing.T) string {
	t.Helper()
	name := programs.Path(t, "atmtap")
	program, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "atmtap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	public := filepath.Join(dir, "atmtap")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(public, program, 0o755)); err != nil {
		t.Fatal(err)
	}
	return public
}
