package classifier

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// Stations of the tests.
var (
	own   = [6]byte{2, 0, 0, 0, 0, 1}
	group = [6]byte{1, 0, 0x5E, 0x90, 0, 0}
	peer  = [6]byte{2, 0, 0, 0, 0, 2}

	here4, there4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	here6, there6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
)

// labelsOf is a label stack.
func labelsOf(labels ...uint32) (stack []byte) {
	for i, l := range labels {
		e := l<<12 | 255
		if i == len(labels)-1 {
			e |= 1 << 8
		}
		stack = binary.BigEndian.AppendUint32(stack, e)
	}
	return stack
}

// newWorld is a switch with ports of every kind, in which everything happens.
func newWorld() *model {
	m := newModel()
	udp4 := netip.AddrPortFrom(here4, 6635)
	udp6 := netip.AddrPortFrom(here6, 6635)
	for w, p := range map[Wire]Port{
		{Interface: testInterface, Label: 200}:          {Verdict: Hub},
		{Interface: testInterface, Label: 201}:          {Verdict: Drop},
		{Interface: testInterface, Label: 202, VLAN: 3}: {Verdict: Pass},
		{Interface: testInterface, Label: 100}:          {Verdict: Hub, Connections: true, Number: 1, Payload: Cells, Paths: true, CheckOwn: true, Own: own, Group: group},
		{Interface: testInterface, Label: 101, VLAN: 2}: {Verdict: Drop, Connections: true, Number: 2, Payload: Cells, ControlWord: true, CheckSender: true, Sender: peer},
		{Label: 100, Local: udp4, Remote: there4}:       {Verdict: Hub, Connections: true, Number: 3, Payload: Cells},
		{Label: 101, Local: udp6, Remote: there6}:       {Verdict: Hub, Connections: true, Number: 4, Payload: Cells, ControlWord: true, Paths: true},
		{Interface: testInterface, Label: 102}:          {Verdict: Hub, Connections: true, Number: 5, Payload: Unit, ControlWord: true, Frames: true, VC: MakeVC(0, 50)},
		{Label: 102, Local: udp4, Remote: there4}:       {Verdict: Hub, Connections: true, Number: 6, Payload: Unit, ControlWord: true, Frames: true, VC: MakeVC(0, 51)},
		{Interface: testInterface, Label: 103}:          {Verdict: Hub, Connections: true, Number: 7, Payload: Unit, ControlWord: true, VC: MakeVP(3), Cell: 51},
	} {
		m.wires[w] = p
	}
	relay := func(from Key, out uint32, as VC) { m.connections[from] = Connection{Verdict: Relay, Out: out, As: as} }
	for port := range uint32(4) {
		port++
		relay(Key{port, MakeVC(0, 100)}, port%4+1, MakeVC(4095, 65535))
		relay(Key{port, MakeVC(0, 101)}, port%4+1, MakeVC(3, 32))
		relay(Key{port, MakeVC(0, 102)}, (port+1)%4+1, MakeVC(0, 102))
		relay(Key{port, MakeVP(7)}, port%4+1, MakeVP(9))
		relay(Key{port, MakeVC(0, 106)}, 90, MakeVC(0, 106)) // which is not resolved
		relay(Key{port, MakeVC(0, 107)}, port, MakeVC(1, 107))
		m.connections[Key{port, MakeVC(0, 103)}] = Connection{Verdict: Drop}
		m.connections[Key{port, MakeVC(0, 104)}] = Connection{Verdict: Pass}
		m.connections[Key{port, MakeVC(0, 105)}] = Connection{Verdict: Hub}
	}
	relay(Key{5, MakeVC(0, 50)}, 6, MakeVC(0, 51))
	relay(Key{6, MakeVC(0, 51)}, 5, MakeVC(0, 50))
	relay(Key{7, MakeVP(3)}, 7, MakeVP(4))
	m.outputs = map[uint32]Output{
		1: {Device: 1, Own: own, To: peer, Labels: labelsOf(300), Payload: Cells, Frame: 1514, Cells: 28 * 52},
		2: {Device: 1, Own: own, To: group, VLAN: 2, Labels: labelsOf(17, 18, 19, 301), Payload: Cells, ControlWord: true, Numbered: true, Frame: 1514, Cells: 4 * 52},
		3: {
			Device: 1, Own: own, To: peer, Local: udp4, Remote: netip.AddrPortFrom(there4, 6635), DSCP: 46,
			Labels: labelsOf(16), Payload: Cells, Frame: 300, Cells: 28 * 52,
		},
		4: {
			Device: 1, Own: own, To: peer, VLAN: 9, Local: udp6, Remote: netip.AddrPortFrom(there6, 6636), DSCP: 63,
			Labels: labelsOf(20, 302), Payload: Cells, ControlWord: true, Frame: 1514, Cells: 28 * 52,
		},
		5: {Device: 1, Own: own, To: peer, Labels: labelsOf(303), Payload: Unit, ControlWord: true, Numbered: true, Frame: 1514},
		6: {
			Device: 1, Own: own, To: peer, Local: udp4, Remote: netip.AddrPortFrom(there4, 6635),
			Labels: labelsOf(304), Payload: Unit, ControlWord: true, Frame: 120,
		},
		7: {Device: 1, Own: own, To: peer, Labels: labelsOf(305), Payload: Unit, ControlWord: true, Numbered: true, Specific: true, Frame: 1514},
	}
	return m
}

// maker makes frames, most of which a classifier can read a part of.
type maker struct{ *rand.Rand }

// pick gives i as often as its weight says.
func (r maker) pick(weights ...int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := r.IntN(sum)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}

// frame makes one for one of the wires, or nearly.
func (r maker) frame(wires []Wire, ports map[Wire]Port) []byte {
	w := wires[r.IntN(len(wires))]
	f := make([]byte, 0, 300)
	to := [][6]byte{own, group, peer}[r.pick(8, 4, 1)]
	from := [][6]byte{peer, own}[r.pick(8, 1)]
	f = append(append(f, to[:]...), from[:]...)
	vlan, tags := w.VLAN, 0
	if w.VLAN != 0 || r.pick(9, 1) == 1 {
		tags = 1 + r.pick(9, 1)
	}
	for range tags {
		f = binary.BigEndian.AppendUint16(f, [...]uint16{0x8100, 0x88A8}[r.IntN(2)])
		f = binary.BigEndian.AppendUint16(f, uint16(r.IntN(8))<<13|vlan)
	}
	inner := r.inner(w.Label, ports[w])
	if !w.Local.IsValid() {
		f = binary.BigEndian.AppendUint16(f, [...]uint16{0x8847, 0x8848, 0x0806}[r.pick(40, 1, 1)])
		return append(f, inner...)
	}
	f = r.datagram(f, w, len(inner))
	f = append(f, inner...)
	if at := len(f) - len(inner) - 8; r.IntN(2) == 0 { // with a checksum
		all := binary.BigEndian.AppendUint32([]byte{0, 17}, uint32(len(f)-at))
		all = append(append(append(all, w.Remote.AsSlice()...), w.Local.Addr().AsSlice()...), f[at:]...)
		sum := internetChecksum(append(all, make([]byte, len(all)%2)...))
		binary.BigEndian.PutUint16(f[at+6:], max(sum, 1)) // nearly always right
	}
	return append(f, make([]byte, 7*r.pick(9, 1))...)
}

// datagram appends the headers of one.
func (r maker) datagram(f []byte, w Wire, n int) []byte {
	if w.Remote.Is4() {
		f = binary.BigEndian.AppendUint16(f, 0x0800)
		f = append(f, 0x45, 0, byte((28+n)>>8), byte(28+n), 1, 2, byte(0x40*r.pick(1, 4)+0x20*r.pick(30, 1)), 0, 64, 17, 0, 0)
	} else {
		f = binary.BigEndian.AppendUint16(f, 0x86DD)
		f = append(f, 0x60, 0, 0, 0, byte((8+n)>>8), byte(8+n), [...]byte{17, 44, 6}[r.pick(30, 1, 1)], 64)
	}
	f = append(append(f, w.Remote.AsSlice()...), w.Local.Addr().AsSlice()...)
	f = binary.BigEndian.AppendUint16(f, uint16(49152+r.IntN(16384)))
	f = binary.BigEndian.AppendUint16(f, w.Local.Port())
	f = binary.BigEndian.AppendUint16(f, uint16(8+n))
	return append(f, 0, 0)
}

// inner makes a label stack and what stands behind it.
func (r maker) inner(label uint32, p Port) (b []byte) {
	for depth := r.pick(20, 5, 3, 2, 1, 1, 1, 2, 1); depth > 0; depth-- {
		l := uint32(r.IntN(1 << 20))
		if r.IntN(20) == 0 {
			l = 1
		}
		b = binary.BigEndian.AppendUint32(b, l<<12|255)
	}
	b = binary.BigEndian.AppendUint32(b, label<<12|1<<8|255)
	if p.ControlWord {
		var word uint32
		if p.Frames {
			word = uint32(r.IntN(16))<<24&^(1<<27) | uint32(r.pick(3, 1)*r.IntN(64))<<16
		}
		b = binary.BigEndian.AppendUint32(b, word|uint32(r.pick(30, 1))<<28|uint32(r.IntN(1<<16)))
	}
	if p.Payload != Cells {
		for range r.IntN(80) {
			b = append(b, byte(r.Uint32()))
		}
		return b
	}
	vci := uint32(100 + r.IntN(9))
	vpi := uint32(7 * r.pick(4, 1))
	for range r.pick(0, 10, 4, 3, 2, 1) {
		switch r.pick(12, 3, 1) {
		case 1:
			vci = uint32(100 + r.IntN(9))
		case 2:
			vpi = 7 - vpi
		}
		b = binary.BigEndian.AppendUint32(b, vpi<<20|vci<<4|uint32(r.IntN(16)))
		for range 48 {
			b = append(b, byte(r.Uint32()))
		}
	}
	return b
}

// mutate often leaves a frame alone; else it flips some bits, or cuts the frame short.
func (r maker) mutate(f []byte) []byte {
	for range r.pick(10, 3, 2, 1) {
		f[r.IntN(len(f))] ^= 1 << r.IntN(8)
	}
	if r.IntN(8) == 0 {
		f = f[:r.IntN(len(f)+1)]
	}
	const shortest = 14 // that the kernel runs a program on
	return append(f, make([]byte, max(shortest-len(f), 0))...)
}
