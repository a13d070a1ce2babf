package nic

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/nic/link"
)

// TestUDPReportsOfAnyPort counts that nobody listens, on a socket without a peer of its own too, and then
// sleeps: a report that stayed unread would wake for ever.
func TestUDPReportsOfAnyPort(t *testing.T) {
	var dev Device
	in(t, namespace(t), func() (err error) {
		dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("127.0.0.1:1001"), Remote: netip.MustParseAddrPort("127.0.0.1:1002"), AnySourcePort: true})
		return err
	})
	closing(t, dev)
	transmitAll(t, dev, [][]byte{etherFrame(60, 1)})
	bufs := buffers(4, 2048)
	for deadline := time.Now().Add(patience); dev.Counters().PeerRefused == 0; time.Sleep(time.Millisecond) {
		if n, err := dev.Receive(bufs); n != 0 || err != nil {
			t.Fatalf("Receive = %d, %v", n, err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody has said that nobody listens")
		}
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(dev.FD()), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
		t.Errorf("it would wake: %d, %v", n, err)
	}
	if c := dev.Counters(); c.PeerRefused != 1 || c.TxFrames != 1 || c.TxDropped() != 0 {
		t.Errorf("%+v", c)
	}
}

// TestUDPRefusedFramesLeaveNoReports sends frames that are too long: each is counted once, and what the kernel
// tells of them wakes nobody.
func TestUDPRefusedFramesLeaveNoReports(t *testing.T) {
	a, _ := vethPair(t, 1500)
	var dev Device
	in(t, a, func() (err error) {
		if err := link.AddAddr("va", netip.MustParsePrefix("192.0.2.1/24")); err != nil {
			return err
		}
		dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("192.0.2.1:1001"), Remote: netip.MustParseAddrPort("192.0.2.2:1002"), MaxFrame: 9000, AnySourcePort: true})
		return err
	})
	closing(t, dev)
	transmitAll(t, dev, [][]byte{etherFrame(2000, 1), etherFrame(2000, 2), etherFrame(2000, 3)})
	if c := dev.Counters(); c.TxTooLong != 3 || c.PathTooLong != 0 {
		t.Errorf("%+v", c)
	}
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(dev.FD()), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
		t.Errorf("it would wake: %d, %v", n, err)
	}
}

// TestUDPTellsOfItsQueue fills the queue of its interface: what that drops is in the counters.
func TestUDPTellsOfItsQueue(t *testing.T) {
	a, _ := vethPair(t, 1500)
	var dev Device
	in(t, a, func() error {
		va, err := netlink.LinkByName("va")
		if err != nil {
			return err
		}
		slow := &netlink.Tbf{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: va.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
			Rate:       1000, Limit: 4000, Buffer: 32 << 20, // octets a second, octets, and a burst of two seconds in units of 64 ns
		}
		err = errors.Join(netlink.QdiscAdd(slow), link.AddAddr("va", netip.MustParsePrefix("192.0.2.1/24")),
			netlink.NeighAdd(&netlink.Neigh{LinkIndex: va.Attrs().Index, State: netlink.NUD_PERMANENT,
				IP: netip.MustParseAddr("192.0.2.2").AsSlice(), HardwareAddr: []byte{2, 0, 0, 0, 0, 2}}))
		if err != nil {
			return err
		}
		dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("192.0.2.1:1001"), Remote: netip.MustParseAddrPort("192.0.2.2:1002"), AnySourcePort: true,
			GSO: GSOOff}) // of a super-frame that a queue drops in part nobody tells
		return err
	})
	closing(t, dev)
	var frames [][]byte
	for i := range 64 {
		frames = append(frames, etherFrame(1000, i))
	}
	transmitAll(t, dev, frames)
	if c := dev.Counters(); c.TxNoBuffer == 0 || c.TxNoBuffer+c.TxFrames != 64 {
		t.Errorf("%+v", c)
	}
}

// TestUDPTakesOver opens a second socket on the first one's address: nothing comes to both, nothing is lost.
func TestUDPTakesOver(t *testing.T) {
	a, b := netip.MustParseAddrPort("127.0.0.1:1001"), netip.MustParseAddrPort("127.0.0.1:1002")
	var tx, first, second Device
	in(t, namespace(t), func() (err error) {
		if tx, err = OpenUDP(UDPConfig{Local: a, Remote: b}); err != nil {
			return err
		}
		closing(t, tx)
		if first, err = OpenUDP(UDPConfig{Local: b, Remote: a, AnySourcePort: true}); err != nil {
			return err
		}
		closing(t, first)
		early := [][]byte{etherFrame(60, 1), etherFrame(61, 2)}
		transmitAll(t, tx, early)
		if second, err = OpenUDP(UDPConfig{Local: b, Remote: a, AnySourcePort: true, Replaces: first}); err != nil {
			return err
		}
		closing(t, second)
		late := [][]byte{etherFrame(62, 3)}
		transmitAll(t, tx, late)
		equalFrames(t, receiveN(t, first, 2), early)
		equalFrames(t, receiveN(t, second, 1), late)
		if _, err := OpenUDP(UDPConfig{Local: b, Remote: a}); !errors.Is(err, ErrAddressInUse) {
			t.Errorf("a stranger has the address too: %v", err)
		}
		return nil
	})
}

// FuzzExtendedError reads control messages of any form.
func FuzzExtendedError(f *testing.F) {
	f.Add([]byte{})
	good := make([]byte, unix.CmsgSpace(16))
	good[0] = byte(unix.CmsgLen(16))
	good[12] = unix.IP_RECVERR
	good[16], good[20] = byte(unix.ECONNREFUSED), unix.SO_EE_ORIGIN_ICMP
	f.Add(good)
	f.Fuzz(func(t *testing.T, control []byte) {
		errno, origin := extendedError(control)
		var c Counters
		countReport(errno, origin, &c)
	})
}
