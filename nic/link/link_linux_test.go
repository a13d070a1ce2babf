package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

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

func TestWatch(t *testing.T) {
	ns := namespace(t, "")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var events <-chan Event
	in(t, ns, func() (err error) {
		if err := AddVeth(Veth{Name: "va", Peer: "vb"}); err != nil {
			return err
		}
		events, err = Watch(ctx, "va", "vc")
		return err
	})
	expect := func(what string, want func(Event) bool) {
		t.Helper()
		for {
			select {
			case e, ok := <-events:
				if !ok {
					t.Fatalf("closed before %s", what)
				}
				if want(e) {
					return
				}
				if e.Name != "va" && e.Name != "vc" {
					t.Errorf("event about another link: %+v", e)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("no event: %s", what)
			}
		}
	}
	expect("va is there", func(e Event) bool { return e.Name == "va" && !e.Up && !e.Gone })
	in(t, ns, func() error { return errors.Join(Up("va"), Up("vb")) })
	expect("va runs", func(e Event) bool { return e.Name == "va" && e.Running })
	in(t, ns, func() error { return Down("va") })
	expect("va is down", func(e Event) bool { return e.Name == "va" && !e.Up })
	in(t, ns, func() error { return Delete("va") })
	expect("va is gone", func(e Event) bool { return e.Name == "va" && e.Gone })
	in(t, ns, func() error { return AddVeth(Veth{Name: "vc", Peer: "vd"}) })
	expect("vc appears", func(e Event) bool { return e.Name == "vc" && !e.Gone })
	cancel()
	for range events { // closes
	}
}
