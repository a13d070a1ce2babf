package nic

import (
	"errors"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic/link"
)

// move renames an interface and moves it to another namespace.
func move(t testing.TB, from, to *link.Namespace, name, newName string) {
	t.Helper()
	in(t, from, func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetDown(l), netlink.LinkSetName(l, newName), netlink.LinkSetNsFd(l, to.FD()))
	})
}

// TestTAPMoved renames a TAP and moves it to another namespace: it stays attached, and Close leaves it there as it was,
// not the one that has its old name.
func TestTAPMoved(t *testing.T) {
	before, after := namespace(t), namespace(t)
	want := link.TUN{TAP: true, VnetHdr: true, Persist: true}
	persistentTAP(t, before, "tap0", unix.IFF_TAP|unix.IFF_NO_PI|unix.IFF_VNET_HDR, 0)
	dev := tapUp(t, before, TAPConfig{Name: "tap0"})
	move(t, before, after, "tap0", "moved0")
	persistentTAP(t, before, "moved0", unix.IFF_TAP, 0)
	if name, err := AttachedTo(dev); name != "moved0" || err != nil {
		t.Errorf("AttachedTo = %q, %v", name, err)
	}
	ns, err := NamespaceOf(dev)
	if err != nil {
		t.Fatal(err)
	}
	there := link.NamespaceFrom(ns)
	defer there.Close()
	in(t, there, func() error { return errors.Join(quietIPv6(), link.Up("moved0"), running(t, "moved0")) })
	frame := etherFrame(60, 1)
	if _, err := unix.Write(packetSocket(t, there, "moved0"), frame); err != nil {
		t.Fatal(err)
	}
	equalFrames(t, receiveN(t, dev, 1), [][]byte{frame})
	in(t, before, func() error { // Close is to work in any namespace
		return dev.Close()
	})
	in(t, after, func() error {
		got, err := link.TunInfo("moved0")
		if got != want {
			t.Errorf("afterwards it is %+v, want %+v", got, want)
		}
		return err
	})
	in(t, before, func() error {
		got, err := link.TunInfo("moved0")
		if (got != link.TUN{TAP: true, PI: true, Persist: true}) {
			t.Errorf("another TAP of the name became %+v", got)
		}
		return err
	})
}

func TestTAPDeletedIsGone(t *testing.T) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	in(t, ns, func() error { return link.Delete("tap0") })
	if name, err := AttachedTo(dev); !errors.Is(err, ErrGone) {
		t.Errorf("AttachedTo = %q, %v, want ErrGone", name, err)
	}
}

func TestTAPCarrier(t *testing.T) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	for _, on := range []bool{false, true, false} {
		if err := SetCarrier(dev, on); err != nil {
			t.Fatal(err)
		}
		in(t, ns, func() error {
			for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
				state, err := link.Get("tap0")
				if err != nil || state.Running == on {
					return err
				}
				if time.Now().After(deadline) {
					t.Fatalf("carrier is %v, want %v", state.Running, on)
				}
			}
		})
	}
}

// TestTAPCountsTheKernelsDrops sends more than the interface's queue holds to a TAP that is not read.
func TestTAPCountsTheKernelsDrops(t *testing.T) {
	ns := namespace(t)
	dev := tapUp(t, ns, TAPConfig{Name: "tap0"})
	host := packetSocket(t, ns, "tap0")
	const sent = 5000
	taken := uint64(0)
	for i := range sent {
		switch _, err := unix.Write(host, etherFrame(60, i)); err {
		case nil:
			taken++
		case unix.ENOBUFS: // the queue discipline's loss, which the sender is told of
		default:
			t.Fatal(err)
		}
	}
	bufs := buffers(maxBatch, 2048)
	for {
		n, err := dev.Receive(append([][]byte(nil), bufs...))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	c := dev.Counters()
	if c.RxOverrun == 0 || c.RxFrames+c.RxOverrun != taken {
		t.Errorf("of %d frames %d were received and %d counted as lost", taken, c.RxFrames, c.RxOverrun)
	}
}

// TestSetMaxFrame changes the longest frame of open devices.
func TestSetMaxFrame(t *testing.T) {
	a, _, _, _ := packetPair(t, PacketConfig{}, 1500)
	u, _ := udpPair(t, namespace(t), "127.0.0.1:1", "127.0.0.1:2", 1000)
	for _, test := range []struct {
		name   string
		dev    Device
		octets int
		ok     bool
	}{
		{"TAP", tapUp(t, namespace(t), TAPConfig{Name: "tap0"}), 9018, true},
		{"packet, within its slots", a, 1900, true},
		{"packet, beyond its slots", a, 2048, false},
		{"UDP", u, 9000, true},
	} {
		before := test.dev.Info().MaxFrame
		if ok := test.dev.(Sizer).SetMaxFrame(test.octets); ok != test.ok {
			t.Errorf("%s: %v, want %v", test.name, ok, test.ok)
		}
		want := before
		if test.ok {
			want = test.octets
		}
		if now := test.dev.Info().MaxFrame; now != want {
			t.Errorf("%s: the longest frame has %d octets, want %d", test.name, now, want)
		}
	}
}

// TestPacketTakesOver replaces a packet device by a second one on the same interface, known by its index, while frames
// come: each comes once.
func TestPacketTakesOver(t *testing.T) {
	a, _, _, nsB := packetPair(t, PacketConfig{}, 1500)
	var first, second Device
	open := func(held bool) (dev Device) {
		in(t, nsB, func() error {
			state, err := link.Get("vb")
			if err != nil {
				return err
			}
			dev, err = OpenPacket(PacketConfig{Index: state.Index, EtherType: testEtherType, Held: held})
			return err
		})
		return closing(t, dev)
	}
	first, second = open(false), open(true)
	if name := second.Info().Name; name != "vb" {
		t.Errorf("it is called %q", name)
	}
	early, late := [][]byte{etherFrame(60, 1), etherFrame(61, 2)}, [][]byte{etherFrame(62, 3)}
	transmitAll(t, a, early)
	if err := errors.Join(first.(Holder).Hold(), second.(Holder).Admit()); err != nil {
		t.Fatal(err)
	}
	transmitAll(t, a, late)
	equalFrames(t, receiveN(t, first, 2), early)
	equalFrames(t, receiveN(t, second, 1), late)
	for _, dev := range []Device{first, second} {
		if n, err := dev.Receive(buffers(4, 2048)); n != 0 || err != nil {
			t.Errorf("%d frames more, %v", n, err)
		}
	}
	in(t, nsB, func() error {
		if _, err := OpenPacket(PacketConfig{Index: 9999, EtherType: testEtherType}); !errors.Is(err, ErrNoInterface) {
			t.Errorf("index of nothing: %v", err)
		}
		return nil
	})
}
