package nic

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// vethUDP opens a UDP device at each end of a veth of MTU 1500.
func vethUDP(t *testing.T, cfg [2]UDPConfig) (devs [2]Device, ns [2]*link.Namespace) {
	t.Helper()
	ns[0], ns[1] = vethPair(t, 1500)
	for i, name := range []string{"va", "vb"} {
		in(t, ns[i], func() error {
			return link.AddAddr(name, netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", 1+i)))
		})
	}
	for i := range devs {
		in(t, ns[i], func() (err error) {
			cfg[i].Local = netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:6635", 1+i))
			cfg[i].Remote = netip.MustParseAddrPort(fmt.Sprintf("192.0.2.%d:6635", 2-i))
			devs[i], err = OpenUDP(cfg[i])
			return err
		})
		closing(t, devs[i])
	}
	return devs, ns
}

// randomFrames are runs of frames of equal length, often with a shorter one behind; none longer than the path's 1,472.
func randomFrames(r *rand.Rand, n int) (frames [][]byte) {
	for len(frames) < n {
		size := []int{r.IntN(100), 1472, r.IntN(1473)}[r.IntN(3)]
		for range 1 + r.IntN(70) {
			frames = append(frames, etherFrame(max(size, ethernetHeader), len(frames))[:size])
		}
		if r.IntN(2) == 0 {
			frames = append(frames, etherFrame(1472, len(frames))[:r.IntN(size+1)])
		}
	}
	return frames[:n]
}

// With super-frames at either end, both or none, the same frames arrive in the same order.
func TestUDPMixedSuperFrames(t *testing.T) {
	for _, ends := range [][2]GSO{{GSOOn, GSOOn}, {GSOOn, GSOOff}, {GSOOff, GSOOn}, {GSOAuto, GSOAuto}} {
		for _, lends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v to %v, lends %v", ends[0], ends[1], lends), func(t *testing.T) {
				r := random(t)
				devs, _ := vethUDP(t, [2]UDPConfig{{GSO: ends[0]}, {GSO: ends[1], Lends: lends, AnySourcePort: lends}})
				for range 30 {
					frames := randomFrames(r, 1+r.IntN(200))
					transmitAll(t, devs[0], frames)
					equalFrames(t, receiveN(t, devs[1], len(frames)), frames)
				}
				tx, rx := devs[0].Counters(), devs[1].Counters()
				if tx.TxFrames != rx.RxFrames || tx.TxOctets != rx.RxOctets || tx.TxDropped()+rx.RxDropped()+tx.GSOFallbacks != 0 {
					t.Errorf("sent %+v, received %+v", tx, rx)
				}
			})
		}
	}
}

// setFeature is one of ethtool's old switches.
func setFeature(t testing.TB, ns *link.Namespace, name string, command, on uint32) {
	t.Helper()
	in(t, ns, func() error {
		fd, err := controlSocket()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		value := struct{ command, data uint32 }{command, on}
		return ethtool(fd, name, unsafe.Pointer(&value))
	})
}

// On a wire whose interfaces cut nothing themselves, the packets are the same with super-frames and without, but for the
// numbers that the kernel counts up, and their checksums are right.
func TestUDPSameOnTheWire(t *testing.T) {
	seed := random(t).Uint64()
	var captures [2][]string
	for i, gso := range []GSO{GSOOn, GSOOff} {
		devs, ns := vethUDP(t, [2]UDPConfig{{GSO: gso}, {GSO: gso}})
		for _, command := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_STXCSUM} {
			setFeature(t, ns[0], "va", command, 0)
		}
		var wire Device
		in(t, ns[1], func() (err error) {
			wire, err = OpenPacket(PacketConfig{Interface: "vb", EtherType: typeIPv4, GSO: GSOOff})
			return err
		})
		closing(t, wire)
		frames := randomFrames(rand.New(rand.NewPCG(seed, 0)), 400)
		for batch := range slices.Chunk(frames, 100) {
			transmitAll(t, devs[0], batch)
			for j, packet := range receiveN(t, wire, len(batch)) {
				var s segment
				if !s.parse(packet, false) || s.kind != kindUDP4 || !s.valid(packet) || !bytes.Equal(packet[s.payload:], batch[j]) {
					t.Fatalf("%v: packet %d is %d octets %x", gso, j, len(packet), head(packet))
				}
				clear(packet[:12]) // stations: of each veth its own
				put16(packet[s.ip+ip4ID:], 0)
				put16(packet[s.ip+ip4Sum:], 0)
				captures[i] = append(captures[i], string(packet))
			}
			receiveN(t, devs[1], len(batch))
		}
	}
	if !slices.Equal(captures[0], captures[1]) {
		t.Error("the captures differ")
	}
}

// A frame that is too long spoils no train: it is counted, and trains go on.
func TestUDPTooLongInATrain(t *testing.T) {
	devs, _ := vethUDP(t, [2]UDPConfig{{GSO: GSOOn}, {GSO: GSOOn}})
	frames := [][]byte{etherFrame(100, 0), etherFrame(1473, 1), etherFrame(1473, 2), etherFrame(700, 3), etherFrame(50, 4)}
	transmitAll(t, devs[0], frames)
	equalFrames(t, receiveN(t, devs[1], 3), [][]byte{frames[0], frames[3], frames[4]})
	if c := devs[0].Counters(); c.TxTooLong != 2 || c.TxFrames != 3 || c.GSOFallbacks != 0 {
		t.Errorf("counted %+v, want 2 too long, 3 sent and no fallback", c)
	}
}

// A kernel that refuses trains gets frames one by one, from the first refusal on.
func TestUDPGivesUpTrains(t *testing.T) {
	devs, _ := vethUDP(t, [2]UDPConfig{{GSO: GSOOn}, {GSO: GSOOn}})
	// Without checksums there is no segmentation: udp_send_skb says EINVAL.
	if err := unix.SetsockoptInt(devs[0].FD(), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Fatal(err)
	}
	frames := randomFrames(random(t), 100)
	frames[0], frames[1] = etherFrame(100, 0), etherFrame(100, 1)
	for range 2 {
		transmitAll(t, devs[0], frames)
		equalFrames(t, receiveN(t, devs[1], len(frames)), frames)
	}
	if told := devs[0].(Degrader).Degraded(); !strings.Contains(told, "datagrams") {
		t.Errorf("told: %q", told)
	}
	if c := devs[0].Counters(); c.GSOFallbacks != 1 || c.TxFrames != 200 || c.TxDropped() != 0 {
		t.Errorf("counted %+v, want one fallback and 200 sent", c)
	}
}

// What is lent stays as it is until Release, whatever else is received meanwhile.
func TestUDPLentMemoryStays(t *testing.T) {
	devs, _ := vethUDP(t, [2]UDPConfig{{GSO: GSOOn}, {GSO: GSOOn, Lends: true}})
	if i := devs[1].Info(); !i.Lends || i.Batch != groBatch {
		t.Errorf("Info = %+v", i)
	}
	var want, got [][]byte
	for i := range 2 * groMessages {
		train := [][]byte{etherFrame(300, 3*i), etherFrame(300, 3*i+1), etherFrame(200, 3*i+2)}
		transmitAll(t, devs[0], train)
		want = append(want, train...)
		waitFor(t, devs[1], unix.POLLIN)
		bufs := make([][]byte, 2) // a frame is left over each time
		n, err := devs[1].Receive(bufs)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, bufs[:n]...)
	}
	equalFrames(t, got, want[:len(got)])
	devs[1].Release()
	equalFrames(t, receiveN(t, devs[1], len(want)-len(got)), want[len(got):])
}

func TestUDPLendingAllocatesNothing(t *testing.T) {
	devs, _ := vethUDP(t, [2]UDPConfig{{GSO: GSOOn}, {GSO: GSOOn, Lends: true}})
	frames, bufs := buffers(100, 1472), make([][]byte, groBatch)
	noAllocation(t, func() {
		_, _ = devs[0].Transmit(frames)
		for got := 0; got < len(frames); devs[1].Release() {
			n, err := devs[1].Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	})
}

// Where the loopback interface is down the self-test cannot be made, and there are no super-frames, but frames.
func TestUDPWithoutLoopback(t *testing.T) {
	devs, ns := vethUDP(t, [2]UDPConfig{{GSO: GSOOn}, {GSO: GSOOn}})
	_ = devs[0].Close()
	var dev Device
	in(t, ns[0], func() (err error) {
		if err := link.Down("lo"); err != nil {
			return err
		}
		dev, err = OpenUDP(UDPConfig{Local: netip.MustParseAddrPort("192.0.2.1:6635"), Remote: netip.MustParseAddrPort("192.0.2.2:6635")})
		return err
	})
	closing(t, dev)
	if note := dev.Info().Note; !strings.Contains(note, "loopback") || dev.(*udp).tx.on {
		t.Errorf("note %q, trains %v", note, dev.(*udp).tx.on)
	}
	frames := randomFrames(random(t), 50)
	transmitAll(t, dev, frames)
	equalFrames(t, receiveN(t, devs[1], len(frames)), frames)
}
