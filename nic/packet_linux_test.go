package nic

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// packetPair opens a packet device at each end of a veth, va in the first namespace and vb in the second.
func packetPair(t testing.TB, cfg PacketConfig, mtu int) (a, b Device, nsA, nsB *link.Namespace) {
	t.Helper()
	nsA, nsB = vethPair(t, mtu)
	cfg.EtherType = testEtherType
	open := func(ns *link.Namespace, name string) (dev Device) {
		in(t, ns, func() (err error) {
			cfg := cfg
			cfg.Interface = name
			dev, err = OpenPacket(cfg)
			return err
		})
		return closing(t, dev)
	}
	return open(nsA, "va"), open(nsB, "vb"), nsA, nsB
}

// sizes are frames of every payload from 1 octet to the MTU, in steps.
func sizes(mtu, step int) (frames [][]byte) {
	for size := ethernetHeader + 1; size <= mtu+ethernetHeader; size += step {
		frames = append(frames, etherFrame(size, size))
	}
	return append(frames, etherFrame(mtu+ethernetHeader, 0))
}

func TestPacketEverySizeBothWays(t *testing.T) {
	for _, c := range []struct{ mtu, step, slot int }{{1500, 1, 2048}, {9600, 7, 16384}} {
		t.Run(fmt.Sprint(c.mtu), func(t *testing.T) {
			a, b, _, _ := packetPair(t, PacketConfig{}, c.mtu)
			if i := a.Info(); i.Name != "va" || i.MaxFrame != c.mtu+14 || !i.Lends || i.Batch != maxBatch {
				t.Errorf("Info = %+v", i)
			}
			frames := sizes(c.mtu, c.step)
			for _, ends := range [][2]Device{{a, b}, {b, a}} {
				for batch := range slices.Chunk(frames, 100) {
					transmitAll(t, ends[0], batch)
					equalFrames(t, receiveN(t, ends[1], len(batch)), batch)
				}
				tx, rx := ends[0].Counters(), ends[1].Counters()
				if tx.TxFrames != uint64(len(frames)) || rx.RxFrames != tx.TxFrames || rx.RxOctets != tx.TxOctets || rx.RxDropped()+tx.TxDropped() != 0 {
					t.Errorf("sent %+v, received %+v", tx, rx)
				}
			}
		})
	}
}

// TestPacketRingWraps goes round a ring of 32 slots many times, in batches that share no factor with it, sometimes
// holding two batches before they are released.
func TestPacketRingWraps(t *testing.T) {
	a, b, _, _ := packetPair(t, PacketConfig{RxRing: 1 << 16}, 1500)
	if got := b.(*packet).slotMask; got != 31 {
		t.Fatalf("slot mask %d, want 31", got)
	}
	first, second := make([][]byte, 11), make([][]byte, 11)
	for round := range 100 {
		frames := make([][]byte, 22)
		for i := range frames {
			frames[i] = etherFrame(60+i, round*22+i)
		}
		transmitAll(t, a, frames)
		for i, bufs := range [][][]byte{first, second} {
			if n, err := b.Receive(bufs); n != 11 || err != nil {
				t.Fatalf("round %d: Receive = %d, %v", round, n, err)
			}
			if round%2 == 0 && i == 0 {
				equalFrames(t, first, frames[:11])
				b.Release()
			}
		}
		if round%2 == 1 {
			equalFrames(t, first, frames[:11])
		}
		equalFrames(t, second, frames[11:])
		b.Release()
	}
	if c := b.Counters(); c.RxFrames != 2200 || c.RxDropped() != 0 {
		t.Errorf("counted %+v", c)
	}
}

func TestPacketOverrun(t *testing.T) {
	a, b, _, _ := packetPair(t, PacketConfig{RxRing: 1 << 16}, 1500)
	frames := make([][]byte, 50)
	for i := range frames {
		frames[i] = etherFrame(100, i)
	}
	transmitAll(t, a, frames)
	held := make([][]byte, 64)
	if n, err := b.Receive(held); n != 32 || err != nil {
		t.Fatalf("Receive from a full ring of 32 = %d, %v", n, err)
	}
	if n, err := b.Receive(make([][]byte, 64)); n != 0 || err != nil { // all is lent: nothing may be lent twice
		t.Fatalf("Receive with the whole ring lent = %d, %v", n, err)
	}
	equalFrames(t, held[:32], frames[:32])
	if c := b.Counters(); c.RxOverrun != 18 || b.Counters().RxOverrun != 18 {
		t.Errorf("counted %d overruns, want 18", c.RxOverrun)
	}
	b.Release()
	transmitAll(t, a, frames[:20])
	equalFrames(t, receiveN(t, b, 20), frames[:20])
}

func TestPacketNotOurs(t *testing.T) {
	a, b, _, nsB := packetPair(t, PacketConfig{}, 1500)
	var ours net.HardwareAddr
	in(t, nsB, func() error {
		state, err := link.Get("vb")
		ours = state.HardwareAddr
		return err
	})
	to := func(address net.HardwareAddr, seed int) []byte {
		frame := etherFrame(100, seed)
		copy(frame, address)
		return frame
	}
	tag := func(frame []byte, vlan byte) []byte {
		return slices.Insert(bytes.Clone(frame), 12, 0x81, 0x00, 0x20, vlan)
	}
	want := [][]byte{to(ours, 1), etherFrame(100, 2), etherFrame(100, 3)}
	transmitAll(t, a, [][]byte{
		tag(etherFrame(100, 9), 5), // a VLAN, broadcast
		tag(to(ours, 9), 5),        // a VLAN, to us
		want[0],
		tag(want[1], 0), // only a priority
		to(net.HardwareAddr{2, 0, 0, 0, 0xbb, 0xbb}, 9),
		want[2],
	})
	equalFrames(t, receiveN(t, b, len(want)), want)
	if got, want := b.Counters(), (Counters{RxTagged: 2, RxForeign: 1, RxFrames: 3, RxOctets: 300}); got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
	if n, err := a.Receive(make([][]byte, 8)); n != 0 || err != nil {
		t.Errorf("the sender received %d of its own, %v", n, err)
	}
}

func TestPacketTruncation(t *testing.T) {
	a, b, nsA, nsB := packetPair(t, PacketConfig{}, 1500)
	in(t, nsA, func() error { return link.SetMTU("va", 9600) })
	in(t, nsB, func() error { return link.SetMTU("vb", 9600) })
	frames := [][]byte{etherFrame(1900, 0), etherFrame(3000, 1), etherFrame(60, 2)}
	transmitAll(t, a, frames)
	equalFrames(t, receiveN(t, b, 2), [][]byte{frames[0], frames[2]})
	if c := b.Counters(); c.RxTruncated != 1 || c.RxFrames != 2 {
		t.Errorf("counted %+v, want one truncated", c)
	}
}

// TestPacketDropsAloneAreReleased: when all that waits is dropped, there is nothing for the caller to release.
func TestPacketDropsAloneAreReleased(t *testing.T) {
	a, b, _, _ := packetPair(t, PacketConfig{RxRing: 1 << 16}, 1500)
	foreign := etherFrame(100, 1)
	copy(foreign, []byte{2, 0, 0, 0, 0xbb, 0xbb})
	for range 100 {
		transmitAll(t, a, [][]byte{foreign, foreign, foreign})
		if n, err := b.Receive(make([][]byte, 8)); n != 0 || err != nil {
			t.Fatalf("Receive = %d, %v", n, err)
		}
	}
	if c := b.Counters(); c.RxForeign != 300 || c.RxOverrun != 0 {
		t.Errorf("counted %+v, want 300 foreign", c)
	}
}

func TestPacketRefusedFrames(t *testing.T) {
	a, b, _, _ := packetPair(t, PacketConfig{}, 1500)
	frames := [][]byte{etherFrame(60, 0), etherFrame(1515, 1), make([]byte, 13), {}, etherFrame(60, 2)}
	if n, err := a.Transmit(frames); n != len(frames) || err != nil {
		t.Fatalf("Transmit = %d, %v", n, err)
	}
	equalFrames(t, receiveN(t, b, 2), [][]byte{frames[0], frames[4]})
	if c := a.Counters(); c.TxFrames != 2 || c.TxTooLong != 1 || c.TxErrors != 2 {
		t.Errorf("counted %+v, want two sent, one too long, two refused", c)
	}
}

// receiveError receives as a sleeping caller does, until there is an error.
func receiveError(t *testing.T, dev Device) error {
	t.Helper()
	for range 1000 {
		waitFor(t, dev, unix.POLLIN)
		if _, err := dev.Receive(make([][]byte, 8)); err != nil {
			return err
		}
		dev.Release()
	}
	t.Fatal("the device wakes its user for ever and says no error")
	return nil
}

func TestPacketDownUpGone(t *testing.T) {
	a, b, nsA, nsB := packetPair(t, PacketConfig{}, 1500)
	frames := [][]byte{etherFrame(60, 1), etherFrame(70, 2)}
	for range 2 {
		in(t, nsA, func() error { return link.Down("va") })
		if err := receiveError(t, a); !errors.Is(err, ErrDown) {
			t.Errorf("Receive while down: %v, want ErrDown", err)
		}
		before := a.Counters().TxDown
		if n, err := a.Transmit(frames); n != 2 || !errors.Is(err, ErrDown) {
			t.Errorf("Transmit while down = %d, %v, want 2, ErrDown", n, err)
		}
		if lost := a.Counters().TxDown - before; lost != 2 {
			t.Errorf("counted %d lost, want 2", lost)
		}
		for range 2 * errorPeriod {
			if n, err := a.Receive(make([][]byte, 8)); n != 0 || err != nil {
				t.Fatalf("Receive, told already, = %d, %v", n, err)
			}
		}
		in(t, nsA, func() error { return errors.Join(link.Up("va"), running(t, "va")) })
		in(t, nsB, func() error { return running(t, "vb") })
		transmitAll(t, a, frames)
		equalFrames(t, receiveN(t, b, 2), frames)
		transmitAll(t, b, frames)
		equalFrames(t, receiveN(t, a, 2), frames)
	}
	in(t, nsB, func() error { return link.Delete("vb") })
	for _, dev := range []Device{a, b} {
		if err := receiveError(t, dev); !errors.Is(err, ErrGone) {
			t.Errorf("Receive when deleted: %v, want ErrGone", err)
		}
		if n, err := dev.Transmit(frames); n != 2 || !errors.Is(err, ErrGone) {
			t.Errorf("Transmit when deleted = %d, %v, want 2, ErrGone", n, err)
		}
		if err := errors.Join(dev.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
		checkClosed(t, dev)
	}
}

func TestPacketGoneWhileDown(t *testing.T) {
	a, _, nsA, nsB := packetPair(t, PacketConfig{}, 1500)
	in(t, nsA, func() error { return link.Down("va") })
	if err := receiveError(t, a); !errors.Is(err, ErrDown) {
		t.Errorf("Receive while down: %v, want ErrDown", err)
	}
	in(t, nsB, func() error { return link.Delete("vb") })
	var err error
	for range errorPeriod {
		if _, err = a.Receive(make([][]byte, 8)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrGone) {
		t.Errorf("Receive when deleted after its fall: %v, want ErrGone", err)
	}
}

func TestPacketMulticast(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	group := net.HardwareAddr{1, 0, 0x5e, 0x77, 0x66, 0x55}
	in(t, ns, func() error {
		dev, err := OpenPacket(PacketConfig{Interface: "va", EtherType: testEtherType, Multicast: []net.HardwareAddr{group}})
		if err != nil {
			return err
		}
		defer dev.Close()
		table, err := os.ReadFile("/proc/thread-self/net/dev_mcast")
		if !bytes.Contains(table, []byte("01005e776655")) {
			t.Errorf("the group was not joined:\n%s", table)
		}
		return err
	})
}

func TestPacketRefuses(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	in(t, ns, func() error {
		tun, err := OpenTAP(TAPConfig{Name: "tun0", TUN: true})
		if err != nil {
			return err
		}
		defer tun.Close()
		for name, c := range map[string]struct {
			cfg  PacketConfig
			want error
		}{
			"no interface": {PacketConfig{Interface: "nothing0", EtherType: testEtherType}, ErrNoInterface},
			"long name":    {PacketConfig{Interface: "sixteen-octets-x", EtherType: testEtherType}, ErrNameTooLong},
			"not Ethernet": {PacketConfig{Interface: "tun0", EtherType: testEtherType}, nil},
			"no EtherType": {PacketConfig{Interface: "va"}, nil},
			"not a group":  {PacketConfig{Interface: "va", EtherType: testEtherType, Multicast: []net.HardwareAddr{{2, 0, 0, 0, 0, 1}}}, nil},
			"frame":        {PacketConfig{Interface: "va", EtherType: testEtherType, MaxFrame: 13}, nil},
			"ring":         {PacketConfig{Interface: "va", EtherType: testEtherType, RxRing: maxRxRing + 1}, nil},
		} {
			dev, err := OpenPacket(c.cfg)
			if err == nil {
				_ = dev.Close()
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: got error %v, want %v", name, err, c.want)
			}
		}
		return nil
	})
}

func TestPacketAllocatesNothing(t *testing.T) {
	a, b, _, _ := packetPair(t, PacketConfig{}, 1500)
	frames, bufs := make([][]byte, 100), make([][]byte, maxBatch)
	for i := range frames {
		frames[i] = etherFrame(1514, i)
	}
	noAllocation(t, func() {
		_, _ = a.Transmit(frames)
		for got := 0; got < len(frames); {
			n, err := b.Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				waitFor(t, b, unix.POLLIN)
			}
			got += n
			b.Release()
		}
		b.Counters()
	})
}

// BenchmarkPacketVeth moves frames from one packet device over a veth into another's ring, which is emptied after each
// batch: the cost of a frame at both ends and in the kernel between.
func BenchmarkPacketVeth(b *testing.B) {
	for _, size := range []int{60, 512, 1514, 9614} {
		for _, batch := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%d/%d", size, batch), func(b *testing.B) {
				tx, rx, _, _ := packetPair(b, PacketConfig{}, 9600)
				frames, bufs := make([][]byte, batch), make([][]byte, maxBatch)
				for i := range frames {
					frames[i] = etherFrame(size, i)
				}
				b.SetBytes(int64(size))
				b.ResetTimer() // the namespaces took longer
				for sent := 0; sent < b.N; sent += batch {
					if n, err := tx.Transmit(frames); n != batch || err != nil {
						b.Fatal(n, err)
					}
					for got := 0; got < batch; {
						n, err := rx.Receive(bufs)
						if err != nil {
							b.Fatal(err)
						}
						if n == 0 {
							waitFor(b, rx, unix.POLLIN)
						}
						got += n
						rx.Release()
					}
				}
			})
		}
	}
}
