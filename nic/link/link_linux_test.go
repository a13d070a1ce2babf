package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func namespace(t *testing.T, name string) *Namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a network namespace")
	}
	ns, err := NewNamespace(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ns.Delete() })
	return ns
}

func in(t *testing.T, ns *Namespace, f func() error) {
	t.Helper()
	if err := ns.Do(f); err != nil {
		t.Fatal(err)
	}
}

func TestVethSetUp(t *testing.T) {
	a, b := namespace(t, ""), namespace(t, "")
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	in(t, a, func() error {
		return errors.Join(
			AddVeth(Veth{Name: "va", Peer: "vb", MTU: 9600, PeerIn: b}),
			SetHardwareAddr("va", mac),
			AddAddr("va", netip.MustParsePrefix("10.9.0.1/24")),
			AddAddr("va", netip.MustParsePrefix("fd00::1/64")),
			Up("va"))
	})
	in(t, b, func() error {
		s, err := Get("vb")
		if s.MTU != 9600 || s.Up || s.Running {
			t.Errorf("peer is %+v, want MTU 9600 and down", s)
		}
		return errors.Join(err, Up("vb"))
	})
	in(t, a, func() error {
		s, err := Get("va")
		if s.Name != "va" || s.Index == 0 || s.MTU != 9600 || s.HardwareAddr.String() != mac.String() || !s.Up || !s.Running {
			t.Errorf("first end is %+v", s)
		}
		for _, addr := range []string{"10.9.0.1:0", "[fd00::1]:0"} {
			conn, err := net.ListenPacket("udp", addr)
			if err != nil {
				t.Errorf("address not usable: %v", err)
				continue
			}
			_ = conn.Close()
		}
		return errors.Join(err, SetMTU("va", 1400), Down("va"))
	})
	in(t, a, func() error {
		s, err := Get("va")
		if s.MTU != 1400 || s.Up {
			t.Errorf("then it is %+v, want MTU 1400 and down", s)
		}
		return errors.Join(err, Delete("va"))
	})
	in(t, b, func() error {
		if there, err := Exists("vb"); there || err != nil {
			t.Errorf("peer of a deleted veth: %v, %v", there, err)
		}
		return nil
	})
}

func TestErrorsNameTheLink(t *testing.T) {
	in(t, namespace(t, ""), func() error {
		for what, err := range map[string]error{
			"Up":     Up("nothing0"),
			"SetMTU": SetMTU("nothing0", 1500),
			"Delete": Delete("nothing0"),
		} {
			if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nothing0") {
				t.Errorf("%s: %v, want ErrNotFound and the name", what, err)
			}
		}
		if _, err := TunInfo("lo"); !errors.Is(err, ErrNotTUN) {
			t.Errorf("TunInfo of lo: %v, want ErrNotTUN", err)
		}
		if err := SetMTU("lo", -1); err == nil {
			t.Error("a negative MTU was taken")
		}
		return nil
	})
}

func TestNamespaceNamed(t *testing.T) {
	name := fmt.Sprintf("cellhub-test-%d", os.Getpid())
	ns := namespace(t, name)
	if _, err := NewNamespace(name); err == nil {
		t.Error("the same name was taken twice")
	}
	in(t, ns, func() error {
		s, err := Get("lo")
		if !s.Up {
			t.Error("loopback is not up")
		}
		return errors.Join(err, AddVeth(Veth{Name: "va", Peer: "vb"}))
	})
	again, err := OpenNamespace(name)
	if err != nil {
		t.Fatal(err)
	}
	in(t, again, func() error { _, err := Get("vb"); return err })
	if err := errors.Join(again.Close(), ns.Delete()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenNamespace(name); err == nil {
		t.Error("the name is still there after Delete")
	}
}

func TestDoComesBack(t *testing.T) {
	own := func() string {
		s, err := os.Readlink(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ns, before, inside := namespace(t, ""), own(), ""
	failure := errors.New("as is")
	if err := ns.Do(func() error { inside = own(); return failure }); err != failure {
		t.Errorf("Do = %v, want the function's own error", err)
	}
	if inside == before {
		t.Error("Do did not enter the namespace")
	}
	if after := own(); after != before {
		t.Errorf("namespace is %s after Do, was %s", after, before)
	}
	if err := ns.Do(func() error { runtime.Goexit(); return nil }); err == nil {
		t.Error("a function that did not return gave no error")
	}
}

func TestWaitRunning(t *testing.T) {
	a, b := namespace(t, ""), namespace(t, "")
	in(t, a, func() error { return errors.Join(AddVeth(Veth{Name: "va", Peer: "vb", PeerIn: b}), Up("va")) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	in(t, a, func() error {
		if err := WaitRunning(ctx, "va"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without carrier: %v, want the deadline", err)
		}
		return nil
	})
	in(t, b, func() error { return Up("vb") })
	in(t, a, func() error {
		if err := WaitRunning(t.Context(), "va"); err != nil {
			return err
		}
		s, err := Get("va")
		if !s.Running {
			t.Error("returned before the interface was running")
		}
		return err
	})
}

// TestWatch wants a reason to look after each kind of change, and to be told a move from a deletion.
func TestWatch(t *testing.T) {
	ns, other := namespace(t, ""), namespace(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var changes *Changes
	in(t, ns, func() (err error) {
		changes, err = Watch(ctx)
		return err
	})
	expect := func(what string) {
		t.Helper()
		select {
		case _, ok := <-changes.C():
			if !ok {
				t.Fatalf("closed at %s", what)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no change: %s", what)
		}
	}
	var moved, deleted State
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"veths are made", func() error {
			return errors.Join(AddVeth(Veth{Name: "va", Peer: "vb"}), AddVeth(Veth{Name: "vc", Peer: "vd"}))
		}},
		{"va is up", func() error { return Up("va") }},
		{"an address", func() error { return AddAddr("va", netip.MustParsePrefix("192.0.2.1/24")) }},
		{"vb is moved", func() (err error) {
			if moved, err = Get("vb"); err != nil {
				return err
			}
			l, err := netlink.LinkByName("vb")
			if err != nil {
				return err
			}
			return netlink.LinkSetNsFd(l, other.FD())
		}},
		{"vc is deleted", func() (err error) {
			if deleted, err = Get("vc"); err != nil {
				return err
			}
			return Delete("vc")
		}},
	} {
		in(t, ns, step.do)
		expect(step.what)
	}
	for deadline := time.Now().Add(20 * time.Second); !changes.Moved(moved.Index); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("vb was moved, and nothing says so")
		}
	}
	if changes.Moved(deleted.Index) {
		t.Error("vc was deleted, not moved")
	}
	cancel()
	for range changes.C() { // closes
	}
}

func TestPathTo(t *testing.T) {
	addr := netip.MustParseAddr
	in(t, namespace(t, ""), func() error {
		err := errors.Join(AddVeth(Veth{Name: "va", Peer: "vb", MTU: 1400}), Up("va"), Up("vb"),
			AddAddr("va", netip.MustParsePrefix("192.0.2.1/24")), AddAddr("lo", netip.MustParsePrefix("198.51.100.1/32")),
			AddAddr("va", netip.MustParsePrefix("2001:db8::1/64")))
		if err != nil {
			return err
		}
		va, err := Get("va")
		if err != nil {
			return err
		}
		for _, test := range []struct {
			name          string
			local, remote string
			want          Path
			err           error
		}{
			{"on the link", "192.0.2.1", "192.0.2.2", Path{Index: va.Index}, nil},
			{"any local address", "0.0.0.0", "192.0.2.2", Path{Index: va.Index}, nil},
			{"local address on lo", "198.51.100.1", "192.0.2.2", Path{Index: va.Index}, nil},
			{"IPv6", "2001:db8::1", "2001:db8::2", Path{Index: va.Index}, nil},
			{"link-local", "::", "fe80::2%va", Path{Index: va.Index}, nil},
			{"own address", "0.0.0.0", "192.0.2.1", Path{Kind: Local, Index: 1}, nil},
			{"own IPv6 address", "::", "2001:db8::1", Path{Kind: Local, Index: va.Index}, nil},
			{"broadcast", "0.0.0.0", "192.0.2.255", Path{Kind: Broadcast, Index: va.Index}, nil},
			{"group", "192.0.2.1", "239.1.1.1", Path{Kind: Multicast, Index: va.Index}, nil},
			{"nowhere", "0.0.0.0", "203.0.113.1", Path{}, ErrNoRoute},
			{"nowhere, IPv6", "::", "2001:db8:ffff::1", Path{}, ErrNoRoute},
			{"another's address", "192.0.2.77", "192.0.2.2", Path{}, ErrNotOurs},
		} {
			got, err := PathTo(addr(test.local), addr(test.remote))
			got.MTU = 0
			if got.Kind == Local {
				got.Index = test.want.Index // the kernel names lo or the interface
			}
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%s: %+v, %v; want %+v, %v", test.name, got, err, test.want, test.err)
			}
		}
		return nil
	})
}

// TestOffloads switches what a veth does for the kernel, silences IPv6 on it, and finds what is below interfaces.
func TestOffloads(t *testing.T) {
	ns := namespace(t, "")
	features := func() (tso, sum bool) {
		for cmd, on := range map[uint32]*bool{unix.ETHTOOL_GTSO: &tso, unix.ETHTOOL_GTXCSUM: &sum} {
			value := ethtoolValue{cmd: Offload(cmd)}
			if err := ethtool("va", &value); err != nil {
				t.Error(err)
			}
			*on = value.data != 0
		}
		return tso, sum
	}
	in(t, ns, func() error {
		if err := errors.Join(AddVeth(Veth{Name: "va", Peer: "vb"}), SilenceIPv6("va"), Up("va"), Up("vb")); err != nil {
			return err
		}
		for _, on := range []bool{false, true} {
			all := []Offload{TCPSegmentation, SendChecksum}
			if on {
				slices.Reverse(all)
			}
			if err := SetOffloads("va", on, all...); err != nil {
				return err
			}
			if tso, sum := features(); tso != on || sum != on {
				t.Errorf("switched %t: segmentation %t, checksums %t", on, tso, sum)
			}
		}
		if err := SetOffloads("none", true, SendChecksum); !errors.Is(err, unix.ENODEV) {
			t.Errorf("of no interface: %v", err)
		}
		l, err := netlink.LinkByName("va")
		if err != nil {
			return err
		}
		if addrs, err := netlink.AddrList(l, netlink.FAMILY_V6); err != nil || len(addrs) != 0 {
			t.Errorf("a silent interface has %v, %v", addrs, err)
		}
		for _, index := range []int{l.Attrs().Index, 1, 999} { // a veth, lo, none
			if Hardware(index) {
				t.Errorf("interface %d leaves the machine", index)
			}
		}
		return nil
	})
}

// TestGroup has an interface receive a group, as /proc/net/dev_mcast shows.
func TestGroup(t *testing.T) {
	group := net.HardwareAddr{0x01, 0x00, 0x5E, 0x90, 0x00, 0x00}
	in(t, namespace(t, ""), func() error {
		if err := errors.Join(AddVeth(Veth{Name: "va", Peer: "vb"}), Up("va")); err != nil {
			return err
		}
		for _, on := range []bool{true, true, false, false} {
			if err := SetGroup("va", group, on); err != nil {
				t.Errorf("%t: %v", on, err)
			}
			groups, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
			if err != nil {
				return err
			}
			if strings.Contains(string(groups), "01005e900000") != on {
				t.Errorf("%t: %s", on, groups)
			}
		}
		if err := SetGroup("none", group, true); !errors.Is(err, unix.ENODEV) {
			t.Errorf("of no interface: %v", err)
		}
		return nil
	})
}
