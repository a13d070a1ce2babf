package nic

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/loader/classifier"
	"github.com/cellhub/cellhub/nic/link"
)

// Frames of every size pass both ways, octet by octet: between two AF_XDP devices, and between one and a packet socket.
// Those over 1,792 octets are chains (a veth's MTU over 3,500 wants a program that knows of them).
func TestXDPEverySizeBothWays(t *testing.T) {
	for _, c := range []struct{ mtu, step int }{{1500, 1}, {9600, 7}} {
		var lengths []int
		for n := labelledMin; n <= c.mtu+ethernetHeader; n += c.step {
			lengths = append(lengths, n)
		}
		frames := labelled(c.mtu, append(lengths, c.mtu+ethernetHeader)...)
		for _, peer := range []string{"AF_XDP", "AF_PACKET"} {
			t.Run(fmt.Sprint(c.mtu, " ", peer), func(t *testing.T) {
				nsA, nsB := vethPair(t, c.mtu)
				a := openKeeping(t, nsA, XDPConfig{Interface: "va"})
				var b Device
				if peer == "AF_XDP" {
					b = openKeeping(t, nsB, XDPConfig{Interface: "vb"})
				} else {
					in(t, nsB, func() (err error) {
						b, err = OpenPacket(PacketConfig{Interface: "vb", EtherType: mplsType})
						return err
					})
					closing(t, b)
				}
				if i := a.Info(); i.Name != "va" || i.MaxFrame != c.mtu+14 || !i.Keeps || !strings.Contains(i.Note, "native XDP, the kernel copies frames") {
					t.Errorf("Info = %+v", i)
				}
				for _, ends := range [][2]Device{{a, b}, {b, a}} {
					for rest := frames; len(rest) > 0; {
						batch := rest[:min(100, len(rest))]
						rest = rest[len(batch):]
						sendKeeping(t, ends[0], batch)
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
}

// A queue of 64 slots goes round many times, in batches that share no factor with it.
func TestXDPRingsWrap(t *testing.T) {
	a, b, _, _ := xdpPair(t, XDPConfig{Posts: 64}, 1500)
	if got := len(b.sockets[0].fill.slots); got != 64 {
		t.Fatalf("%d slots, want 64", got)
	}
	for round := range 200 {
		frames := labelled(round, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70)
		sendKeeping(t, a, frames)
		equalFrames(t, receiveN(t, b, len(frames)), frames)
	}
}

// What the kernel has no piece for is lost and counted, and what the receive ring has no slot for; then all goes on.
func TestXDPStarvedAndOverrun(t *testing.T) {
	nsA, nsB := vethPair(t, 1500)
	a := openKeeping(t, nsA, XDPConfig{Interface: "va"})
	b := openKeeping(t, nsB, XDPConfig{Interface: "vb", Posts: 64})
	sendKeeping(t, a, labelled(0, make100(300)...))
	n := b.Counters()
	for ; n.RxDropped() < 300-64; n = b.Counters() { // they arrive by and by
		a.complete()
	}
	if n.RxStarved != 300-64 || n.RxDropped() != n.RxStarved {
		t.Errorf("300 frames to 64 pieces: %+v", n)
	}
	if got := receiveN(t, b, 64); len(got) != 64 {
		t.Errorf("%d of 64 frames came", len(got))
	}
	frames := labelled(7, 100, 200)
	sendKeeping(t, a, frames)
	equalFrames(t, receiveN(t, b, 2), frames)
}

// make100 is n lengths of 100 octets.
func make100(n int) []int {
	lengths := make([]int, n)
	for i := range lengths {
		lengths[i] = 100
	}
	return lengths
}

// What is not the device's: other stations' frames are counted, other labels and VLANs go to Linux as if there were no
// device, and a tag that is only a priority stays in the frame.
func TestXDPNotOurs(t *testing.T) {
	nsA, nsB := vethPair(t, 1500)
	var a, linux Device
	in(t, nsA, func() (err error) {
		a, err = OpenPacket(PacketConfig{Interface: "va", EtherType: mplsType})
		return err
	})
	closing(t, a)
	in(t, nsB, func() (err error) {
		linux, err = OpenPacket(PacketConfig{Interface: "vb", EtherType: mplsType, Tagged: true})
		return err
	})
	closing(t, linux)
	b := openKeeping(t, nsB, XDPConfig{Interface: "vb"})
	make := func(change func([]byte)) []byte {
		f := labelled(1, 100)[0]
		change(f)
		return f
	}
	foreign := make(func(f []byte) { copy(f, []byte{2, 0, 0, 0, 0, 99}) })
	other := make(func(f []byte) { binary.BigEndian.PutUint32(f[14:], 101<<12|1<<8|255) })
	inTag := tagged(labelled(2, 100)[0], 5)
	priority := tagged(labelled(3, 100)[0], 0)
	deeper := make(func(f []byte) {
		binary.BigEndian.PutUint32(f[14:], 777<<12|255)
		binary.BigEndian.PutUint32(f[18:], xdpLabel<<12|1<<8|255)
	})
	ours := make(func(f []byte) { copy(f, b.address[:]) })
	transmitAll(t, a, [][]byte{foreign, other, inTag, priority, deeper, ours})
	equalFrames(t, receiveN(t, b, 3), [][]byte{priority, deeper, ours})
	equalFrames(t, receiveN(t, linux, 2), [][]byte{other, inTag})
	if n := b.Counters(); n.RxForeign != 1 || n.RxDropped() != 1 {
		t.Errorf("%+v", n)
	}
}

// The device follows its interface to another address: that one's frames are its own then, and the former's another's.
func TestXDPReaddressed(t *testing.T) {
	a, b, _, nsB := xdpPair(t, XDPConfig{}, 1500)
	was, now := b.address, [6]byte{2, 0, 0, 0, 0, 77}
	in(t, nsB, func() error { return link.SetHardwareAddr("vb", now[:]) })
	b.SetAddress(now)
	frames := labelled(1, 100, 101)
	copy(frames[0], was[:])
	copy(frames[1], now[:])
	sendKeeping(t, a, frames)
	equalFrames(t, receiveN(t, b, 1), frames[1:])
	if n := b.Counters(); n.RxForeign != 1 {
		t.Errorf("%+v", n)
	}
}

// When the interface is down Transmit says so, and counts; when it is up again all goes on, and what the kernel held
// leaves late. Deleted, it is gone for both directions, and everything comes back.
func TestXDPDownUpGone(t *testing.T) {
	a, b, nsA, nsB := xdpPair(t, XDPConfig{}, 1500)
	frames := labelled(1, 60, 70)
	in(t, nsA, func() error { return link.Down("va") })
	if n, err := a.Transmit(frames); n != 2 || err != nil {
		t.Errorf("Transmit when it has just fallen = %d, %v, want 2, to leave later", n, err)
	}
	for range 2 {
		if n, err := a.Transmit(frames); n != 2 || !errors.Is(err, ErrDown) {
			t.Errorf("Transmit while down = %d, %v, want 2, ErrDown", n, err)
		}
	}
	if n := a.Counters(); n.TxDown != 4 || n.TxFrames != 2 || a.ready() {
		t.Errorf("while down: %+v", n)
	}
	in(t, nsA, func() error { return errors.Join(link.Up("va"), running(t, "va")) })
	in(t, nsB, func() error { return running(t, "vb") })
	sendKeeping(t, a, frames)
	equalFrames(t, receiveN(t, b, 4), append(frames, frames...))
	sendKeeping(t, b, frames)
	equalFrames(t, receiveN(t, a, 2), frames)

	in(t, nsB, func() error { return link.Delete("vb") })
	for _, dev := range []*keeping{a, b} {
		var err error
		for range 2 * errorPeriod {
			if _, err = dev.Receive(make([][]byte, 8)); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrGone) {
			t.Errorf("Receive when deleted: %v, want ErrGone", err)
		}
		if n, err := dev.Transmit(frames); n != 2 || !errors.Is(err, ErrGone) {
			t.Errorf("Transmit when deleted = %d, %v, want 2, ErrGone", n, err)
		}
		if err := errors.Join(dev.Close(), dev.Close()); err != nil {
			t.Error(err)
		}
		checkAllBack(t, dev)
		checkClosed(t, dev)
	}
}

// checkAllBack completes a closed device, which has then no piece any more and has given none twice.
func checkAllBack(t *testing.T, k *keeping) {
	t.Helper()
	k.Release()
	k.complete()
	seen := map[int]bool{}
	for _, f := range k.free {
		offset, _ := offsetIn(k.region, f)
		seen[offset/XDPPiece] = true
	}
	if len(seen) != xdpPieces || len(k.free) != xdpPieces {
		t.Errorf("%d pieces are back, %d of them once, of %d", len(k.free), len(seen), xdpPieces)
	}
}

// With several queues there is a socket on each, all over one region. VLANs spread frames over the queues.
func TestXDPSeveralQueues(t *testing.T) {
	const queues, vlans = 3, 12
	nsA, nsB := namespace(t), namespace(t)
	in(t, nsA, func() error {
		return errors.Join(quietIPv6(), link.AddVeth(link.Veth{Name: "va", Peer: "vb", PeerIn: nsB, Queues: queues}), link.Up("va"))
	})
	in(t, nsB, func() error { return errors.Join(quietIPv6(), link.Up("vb"), running(t, "vb")) })
	var a Device
	in(t, nsA, func() (err error) {
		a, err = OpenPacket(PacketConfig{Interface: "va", EtherType: mplsType})
		return errors.Join(err, running(t, "va"))
	})
	closing(t, a)
	var wires []classifier.Wire
	for v := range vlans {
		wires = append(wires, classifier.Wire{Label: xdpLabel, VLAN: uint16(v + 1)})
	}
	b := openKeeping(t, nsB, XDPConfig{Interface: "vb", Steer: steer(wires...)})
	if len(b.sockets) != queues || b.epoll < 0 {
		t.Fatalf("%d sockets, want %d", len(b.sockets), queues)
	}
	used := map[int]bool{}
	for round := range 20 {
		want := map[string]int{}
		var frames [][]byte
		for v := range vlans {
			f := tagged(labelled(round*vlans+v, 80)[0], byte(v+1))
			frames, want[string(f)] = append(frames, f), 1
		}
		transmitAll(t, a, frames)
		waitFor(t, b, unix.POLLIN)
		for i, s := range b.sockets {
			used[i] = used[i] || s.rx.waiting() > 0
		}
		for _, f := range receiveN(t, b, len(frames)) {
			if want[string(f)]--; want[string(f)] != 0 {
				t.Fatalf("a frame came twice, or another than was sent: %x", f)
			}
		}
	}
	if len(used) < queues {
		t.Errorf("only queues %v were used: the test is too easy", used)
	}
	frames := labelled(5, 90)
	sendKeeping(t, b, frames)
	equalFrames(t, receiveN(t, a, 1), frames)
	if n := b.Counters(); n.RxFrames != 20*vlans || n.RxDropped() != 0 {
		t.Errorf("%+v", n)
	}
	_ = b.Close()
	checkAllBack(t, b)
}

// A device whose completions nobody takes fills up and says so; when they are taken all goes on in order.
func TestXDPBackpressure(t *testing.T) {
	a, b, _, _ := xdpPair(t, XDPConfig{}, 1500)
	frames := labelled(0, make100(3*XDPTransmits)...)
	for i, f := range frames {
		binary.BigEndian.PutUint32(f[20:], uint32(i))
	}
	taken := 0
	for a.count.TxFull == 0 { // no Complete
		piece := a.free[len(a.free)-1]
		n, err := a.xdp.Transmit([][]byte{piece[:copy(piece, frames[taken])]})
		if err != nil || taken == len(frames) {
			t.Fatal(taken, err)
		}
		a.free = a.free[:len(a.free)-n]
		taken += n
	}
	if taken < XDPTransmits || a.count.TxDropped() != 0 {
		t.Errorf("full after %d frames: %+v", taken, a.count)
	}
	var got [][]byte
	for rest := frames[taken:]; len(got) < len(frames); {
		n, err := a.Transmit(rest)
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		got = append(got, receiveN(t, b, 1)...)
		if len(rest) == 0 {
			a.complete()
			_, _ = a.Receive(nil) // which calls the kernel where it has left frames
		}
	}
	equalFrames(t, got, frames)
	for a.count.TxCompleted != uint64(len(frames)) {
		a.complete()
	}
}

// A queue has one device at a time, and an interface one program; both are free again after Close.
func TestXDPExclusive(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	first := openKeeping(t, ns, XDPConfig{Interface: "va"})
	cfg := XDPConfig{Interface: "va", Region: xdpRegion(t, 1<<20), Steer: steer()}
	in(t, ns, func() error {
		for _, cfg.Replaces = range []Device{nil, first} {
			if _, err := OpenXDP(cfg); !errors.Is(err, ErrQueueInUse) {
				t.Errorf("a second device: %v", err)
			}
		}
		_ = first.Close()
		c, err := classifier.New(classifier.Config{})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.Attach(first.index); err != nil {
			return err
		}
		if _, err := OpenXDP(cfg); !errors.Is(err, classifier.ErrOtherProgram) {
			t.Errorf("a second program: %v", err)
		}
		_ = c.Close()
		dev, err := OpenXDP(cfg)
		if err == nil {
			_ = dev.Close()
		}
		return err
	})
}

func TestXDPRefuses(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	good := xdpRegion(t, 1<<16)
	in(t, ns, func() error {
		tun, err := OpenTAP(TAPConfig{Name: "tun0", TUN: true})
		if err != nil {
			return err
		}
		defer tun.Close()
		for name, c := range map[string]struct {
			cfg  XDPConfig
			want error
		}{
			"no interface":     {XDPConfig{Interface: "nothing0", Region: good}, ErrNoInterface},
			"no number":        {XDPConfig{Index: 9999, Region: good}, ErrNoInterface},
			"long name":        {XDPConfig{Interface: "sixteen-octets-x", Region: good}, ErrNameTooLong},
			"not Ethernet":     {XDPConfig{Interface: "tun0", Region: good}, nil},
			"no region":        {XDPConfig{Interface: "va"}, nil},
			"half a page":      {XDPConfig{Interface: "va", Region: good[:2048]}, nil},
			"no page's start":  {XDPConfig{Interface: "va", Region: good[2048 : 2048+4096]}, nil},
			"frame":            {XDPConfig{Interface: "va", Region: good, MaxFrame: maxXDPChain*xdpPieceRoom + 1}, nil},
			"posts":            {XDPConfig{Interface: "va", Region: good, Posts: -1}, nil},
			"nobody steers it": {XDPConfig{Interface: "va", Region: good}, nil},
		} {
			if name != "nobody steers it" {
				c.cfg.Steer = steer()
			}
			dev, err := OpenXDP(c.cfg)
			if err == nil {
				_ = dev.Close()
			}
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: got error %v, want %v", name, err, c.want)
			}
		}
		return nil
	})
	unprivileged(t, ns, func() {
		if _, err := OpenXDP(XDPConfig{Interface: "va", Region: good, Steer: steer()}); !errors.Is(err, ErrNeedNetRaw) {
			t.Errorf("without privilege: %v, want ErrNeedNetRaw", err)
		}
	})
}

func TestXDPMulticast(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	b := openKeeping(t, ns, XDPConfig{Interface: "va", Multicast: []net.HardwareAddr{{1, 0, 0x5e, 0x77, 0x66, 0x55}}})
	table := func() (text []byte) {
		in(t, ns, func() (err error) {
			text, err = os.ReadFile("/proc/thread-self/net/dev_mcast")
			return err
		})
		return text
	}
	if !bytes.Contains(table(), []byte("01005e776655")) {
		t.Errorf("the group was not joined:\n%s", table())
	}
	_ = b.Close()
	if bytes.Contains(table(), []byte("01005e776655")) {
		t.Errorf("the group was not left:\n%s", table())
	}
}

func TestXDPAllocatesNothing(t *testing.T) {
	a, b, _, _ := xdpPair(t, XDPConfig{}, 1500)
	frames, bufs := labelled(1, 1514, 100, 700, 60, 60), make([][]byte, maxBatch)
	noAllocation(t, func() {
		sendKeeping(t, a, frames)
		for got := 0; got < len(frames); {
			n, err := b.Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			got += n
			b.Release()
		}
		b.Counters()
	})
}

// BenchmarkXDPVeth is BenchmarkPacketVeth with AF_XDP at both ends.
func BenchmarkXDPVeth(b *testing.B) {
	for _, size := range []int{60, 512, 1514, 9614} {
		for _, batch := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("%d/%d", size, batch), func(b *testing.B) {
				tx, rx, _, _ := xdpPair(b, XDPConfig{}, 9600)
				frames, bufs := labelled(0, slices.Repeat([]int{size}, batch)...), make([][]byte, maxBatch)
				b.SetBytes(int64(size))
				b.ResetTimer() // the namespaces took longer
				for sent := 0; sent < b.N; sent += batch {
					sendKeeping(b, tx, frames)
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

// TestXDPShortFrame: a frame that is refused for its length is either taken and given back,
// or not taken: never both, for then two would free its memory.
func TestXDPShortFrame(t *testing.T) {
	for have := range 3 {
		x := &xdp{region: make([]byte, XDPPiece), sockets: []*xdpSocket{{}}, back: make([][]byte, have, 2)}
		x.info.MaxFrame = 1514
		for _, frame := range [][]byte{make([]byte, ethernetHeader-1), make([]byte, 1515)} {
			before := len(x.back)
			taken := x.put(frame)
			if back := len(x.back) > before; taken != back {
				t.Errorf("%d octets, %d of 2 wait: taken %v, given back %v", len(frame), before, taken, back)
			}
		}
	}
}
