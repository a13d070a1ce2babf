package nic

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/nic/link"
	"golang.org/x/sys/unix"
)

// tagged is a frame with one more VLAN tag.
func tagged(frame []byte, vlan byte) []byte {
	return slices.Insert(bytes.Clone(frame), addressBytes, 0x81, 0x00, 0x20, vlan)
}

// A device of tagged frames shows them as they are on the wire, and no frames of other
// types.
func TestPacketTagged(t *testing.T) {
	a, b, _, nsB := packetPair(t, PacketConfig{Tagged: true}, 1500)
	var ours net.HardwareAddr
	in(t, nsB, func() error {
		state, err := link.Get("vb")
		ours = state.HardwareAddr
		return err
	})
	toUs := etherFrame(100, 4)
	copy(toUs, ours)
	other := etherFrame(100, 5)
	other[addressBytes]++
	want := [][]byte{
		tagged(etherFrame(1514, 1), 5), etherFrame(60, 2), tagged(etherFrame(100, 3), 7), toUs, tagged(toUs, 9),
		tagged(etherFrame(60, 6), 0),
	}
	sent := append([][]byte{other, tagged(other, 5)}, want...)
	transmitAll(t, a, sent)
	equalFrames(t, receiveN(t, b, len(want)), want)
	if c := b.Counters(); c.RxFrames != uint64(len(want)) || c.RxDropped() != 0 {
		t.Errorf("counted %+v", c)
	}
}

// What a filter refuses takes no slot.
func TestPacketFilter(t *testing.T) {
	first := []unix.SockFilter{ // frames whose first octet behind the header is 0x41
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: ethernetHeader},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: 0x41},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	for _, tags := range []bool{false, true} {
		a, b, _, _ := packetPair(t, PacketConfig{Filter: first, Tagged: tags}, 1500)
		var want [][]byte
		for i := range 300 {
			frame := etherFrame(100, i)
			frame[ethernetHeader] = byte(0x40 + i%3)
			if tags && i%2 == 0 {
				frame = tagged(frame, 5)
			}
			transmitAll(t, a, [][]byte{frame})
			if i%3 == 1 {
				want = append(want, frame)
			}
		}
		equalFrames(t, receiveN(t, b, len(want)), want)
		if c := b.Counters(); c != (Counters{RxFrames: 100, RxOctets: c.RxOctets}) {
			t.Errorf("counted %+v", c)
		}
	}
}

func TestPacketRefusesFilter(t *testing.T) {
	ns, _ := vethPair(t, 1500)
	in(t, ns, func() error {
		for name, program := range map[string][]unix.SockFilter{
			"too long":     make([]unix.SockFilter, MaxFilter+1),
			"no program":   {{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS}},
			"jumps beyond": {{Code: unix.BPF_JMP | unix.BPF_JA, K: 5}, {Code: unix.BPF_RET}},
		} {
			if dev, err := OpenPacket(PacketConfig{Interface: "va", EtherType: testEtherType, Filter: program}); err == nil {
				_ = dev.Close()
				t.Errorf("%s: taken", name)
			}
		}
		return nil
	})
}

// A device that is held takes nothing, whatever its filter; admitted, its filter holds.
func TestPacketHeldKeepsItsFilter(t *testing.T) {
	only := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: ethernetHeader},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: 0x41},
		{Code: unix.BPF_RET | unix.BPF_K, K: 1 << 16},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	a, b, _, _ := packetPair(t, PacketConfig{Filter: only, Held: true}, 1500)
	good, other := etherFrame(100, 1), etherFrame(100, 2)
	good[ethernetHeader], other[ethernetHeader] = 0x41, 0x42
	transmitAll(t, a, [][]byte{good, other})
	if err := b.(Holder).Admit(); err != nil {
		t.Fatal(err)
	}
	last := etherFrame(200, 3)
	last[ethernetHeader] = 0x41
	transmitAll(t, a, [][]byte{other, last})
	equalFrames(t, receiveN(t, b, 1), [][]byte{last})
	if c := b.Counters(); c.RxFrames != 1 || c.RxDropped() != 0 {
		t.Errorf("counted %+v", c)
	}
}
