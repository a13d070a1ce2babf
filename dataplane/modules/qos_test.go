package modules

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// qosTestTable has a marking of its own for each category and CLP.
func qosTestTable() *QoSTable {
	t := new(QoSTable)
	for c := range t.Cells {
		for clp := range t.Cells[c] {
			t.Cells[c][clp] = Marking{DSCP: uint8(8*c + clp), TC: uint8(c), PCP: uint8(7 - c - clp), Given: GivenDSCP | GivenTC | GivenPCP}
		}
	}
	return t
}

// qosRig is a port in and an Ethernet port with a VLAN and an outer label out.
func qosRig(t *testing.T, rate uint32, q *QoS) *switchRig {
	out := label(16)
	out.Outer, out.TC, out.QoS, out.Rate = []uint32{99}, 6, q, rate
	out.Far = Far{Station: [6]byte{2, 0, 0, 0, 0, 9}, VLAN: 7}
	r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1500, Depth: 1024},
		CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Link: LinkEthernet, Own: [6]byte{2, 0, 0, 0, 0, 1}, Ports: []PortConfig{out}})
	r.now = 1e9
	for i, c := range []aal.Contract{{}, {Category: aal.CBR, PCR: 10}, {Category: aal.VBR, PCR: 10, SCR: 5, MBS: 5}} {
		vc := sourceVC(i)
		if err := r.carriers[1].Reserve(Leg{Connection: Connection{VC: vc}, Contract: c}); err != nil {
			t.Fatal(err)
		}
		if err := r.carriers[0].Connect(Connection{VC: vc}, r.to(1, 0, vc)); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// shown decodes a frame by gopacket's own layers: "PCP TC[/TC] cells VCI:CLP …".
func shown(t *testing.T, f []byte) string {
	t.Helper()
	p := gopacket.NewPacket(f, layers.LayerTypeEthernet, gopacket.Default)
	tag, ok := p.Layer(layers.LayerTypeDot1Q).(*layers.Dot1Q)
	if !ok || tag.VLANIdentifier != 7 {
		t.Fatalf("%v", p)
	}
	s := fmt.Sprintf("pcp %d tc", tag.Priority)
	var cells []byte
	for _, l := range p.Layers() {
		if m, ok := l.(*layers.MPLS); ok {
			s += fmt.Sprintf(" %d", m.TrafficClass)
			cells = m.LayerPayload()
		}
	}
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		h := aal.ReadHeader(cells)
		clp := 0
		if h.CLP() {
			clp = 1
		}
		s += fmt.Sprintf(", %d/%d", h.VC().VCI, clp)
	}
	return s
}

// Frames of an Ethernet port show PCP and TC by the category and the CLP of the cells in them; cells leave in the
// order in which they came, those of another marking in the next frame, whether cells wait for a rate or not.
func TestQoSOfCells(t *testing.T) {
	for _, rate := range []uint32{0, 1e6} {
		q := NewQoS(qosTestTable())
		r := qosRig(t, rate, q)
		cell := func(i int, clp bool, pti uint8) []byte {
			c := make([]byte, aal.CellSize)
			aal.MakeHeader(sourceVC(i), pti, clp).Put(c)
			return c
		}
		send := func(cells ...[]byte) (got []string) {
			r.send(0, 0, slices.Concat(cells...))
			r.now += 1e9
			r.pass()
			for _, f := range receiveAll(t, r.far[1]) {
				got = append(got, shown(t, f))
			}
			return got
		}
		check := func(what string, got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("rate %d, %s:\n got %q\nwant %q", rate, what, got, want)
			}
		}
		check("one VC", send(cell(1, false, 0), cell(1, false, aal.PTIUserEnd), cell(1, false, aal.PTIEndToEndOAM)), "pcp 6 tc 1 1, 101/0, 101/0, 101/0")
		check("CLP", send(cell(2, false, 0), cell(2, true, 0), cell(2, true, 0), cell(2, false, 0)),
			"pcp 4 tc 3 3, 102/0", "pcp 3 tc 3 3, 102/1, 102/1", "pcp 4 tc 3 3, 102/0")
		if rate == 0 { // else the higher class goes first
			check("two VCs", send(cell(0, false, 0), cell(1, false, 0), cell(0, false, 0)),
				"pcp 7 tc 0 0, 100/0", "pcp 6 tc 1 1, 101/0", "pcp 7 tc 0 0, 100/0")
		} else {
			check("two VCs", send(cell(0, false, 0), cell(1, false, 0), cell(0, false, 0)), "pcp 6 tc 1 1, 101/0", "pcp 7 tc 0 0, 100/0, 100/0")
		}
		long := make([][]byte, 20)
		for i := range long {
			long[i] = cell(1, false, 0)
		}
		got := send(long...)
		if len(got) != 1 || got[0][:12] != "pcp 6 tc 1 1" {
			t.Errorf("a block that is handed on: %q", got)
		}
		q.Set(&QoSTable{})
		check("exchanged: all as the port has it", send(cell(1, false, 0), cell(0, true, 0)), "pcp 0 tc 6 6, 101/0, 100/1")
	}
}

// markedDevice is an end of a wire that remembers how its frames were marked.
type markedDevice struct {
	nic.Device
	class uint8
	marks []uint8
	in    [64]uint8
	got   []uint8
}

func (d *markedDevice) Class() uint8         { return d.class }
func (d *markedDevice) Mark(differs []uint8) { d.marks = differs }
func (d *markedDevice) Marks() []uint8       { return d.in[:] }
func (d *markedDevice) Transmit(frames [][]byte) (int, error) {
	n, err := d.Device.Transmit(frames)
	for i := range n {
		d.got = append(d.got, d.class^d.marks[i])
	}
	return n, err
}

func (d *markedDevice) take() []uint8 {
	got := d.got
	d.got = nil
	return got
}

// The traffic class of datagrams is DSCP by the table, and in the ECN field CE where the port says so and all
// cells have EFCI; a datagram that has met congestion gives its user cells EFCI, and the packet of an SDU CE.
func TestQoSOfDatagrams(t *testing.T) {
	out := label(16)
	out.QoS, out.ECN = NewQoS(qosTestTable()), true
	r := newSwitchRigOf(t, 1, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{label(16)}}, CarrierConfig{Ports: []PortConfig{out}})
	var devs [2]*markedDevice
	for i, c := range r.carriers {
		near, far, err := nic.NewWire(nic.WireConfig{})
		if err != nil {
			t.Fatal(err)
		}
		devs[i] = &markedDevice{Device: near, class: 46 << 2}
		if err := c.Replace(devs[i], [6]byte{}); err != nil {
			t.Fatal(err)
		}
		r.far[i] = far
	}
	vc := sourceVC(0)
	if err := r.carriers[0].Connect(Connection{VC: vc}, r.to(1, 0, vc)); err != nil {
		t.Fatal(err)
	}
	cells := func(efci ...bool) (b []byte) {
		for _, e := range efci {
			c := make([]byte, aal.CellSize)
			aal.MakeHeader(vc, aal.PTIUser, true).WithEFCI(e).Put(c)
			b = append(b, c...)
		}
		return b
	}
	for _, c := range []struct {
		outer uint8
		efci  []bool
		class uint8
		want  []bool
	}{
		{nic.NotECT, []bool{false, false}, 1 << 2, []bool{false, false}},
		{nic.NotECT, []bool{true, true}, 1<<2 | nic.CE, []bool{true, true}},
		{nic.NotECT, []bool{true, false}, 1 << 2, []bool{true, false}},
		{nic.ECT0, []bool{false}, 1 << 2, []bool{false}},
		{nic.CE, []bool{false, false}, 1<<2 | nic.CE, []bool{true, true}},
	} {
		devs[0].in[0] = c.outer
		r.send(0, 0, cells(c.efci...))
		wantCells(t, fmt.Sprintf("outer %d, EFCI %v", c.outer, c.efci), r.sent(1)[0], cells(c.want...))
		if got := devs[1].take(); !slices.Equal(got, []uint8{c.class}) {
			t.Errorf("outer %d, EFCI %v: traffic classes %x, want %x", c.outer, c.efci, got, c.class)
		}
	}
	if n := r.carriers[0].ports[0].counts.metCongestion; n != 2 {
		t.Errorf("%d cells are counted", n)
	}
}

// EFCI at the end of a VC marks the packet inside where its transport takes marks, and drops none.
func TestCongestOfPackets(t *testing.T) {
	for inner, want := range map[uint8]uint8{nic.NotECT: nic.NotECT, nic.ECT0: nic.CE, nic.ECT1: nic.CE, nic.CE: nic.CE} {
		for name, c := range marked(inner) {
			congest(innerIP(c.frame, c.kind))
			if w := marked(want)[name].frame; !slices.Equal(c.frame, w) {
				t.Errorf("%s, mark %d: %x, want %x", name, inner, c.frame, w)
			}
		}
	}
	congest(nil) // no packet
}

// A packet's own DSCP travels with its cells, and with an SDU, to the table of the port.
func TestQoSOfInnerPackets(t *testing.T) {
	for name, c := range marked(nic.ECT0) { // all of them have DSCP 46
		var m dataplane.Msg
		setDSCP(&m, innerIP(c.frame, c.kind))
		p := &port{carrier: &Carrier{}, cfg: PortConfig{QoS: NewQoS(&QoSTable{ByInner: true})}}
		p.cfg.QoS.table.Load().Inner[46] = Marking{DSCP: 26, Given: GivenDSCP}
		if !p.markByInner(&m) || p.want.DSCP != 26 {
			t.Errorf("%s: %+v", name, p.want)
		}
		p.cfg.QoS.Set(&QoSTable{ByInner: true})
		if p.markByInner(&m) {
			t.Errorf("%s: marked by a table that does not speak of it", name)
		}
	}
}

// A frame that is marked costs no allocation.
func TestQoSAllocatesNothing(t *testing.T) {
	r := qosRig(t, 0, NewQoS(qosTestTable()))
	var cells []byte
	for i := range 12 {
		c := make([]byte, aal.CellSize)
		aal.MakeHeader(sourceVC(i%3), aal.PTIUser, i%2 == 0).Put(c)
		cells = append(cells, c...)
	}
	f := frameOf(LinkBare, r.carriers[0].ports[0].cfg, [6]byte{}, cells)
	bufs, room := make([][]byte, 64), make([][]byte, 64)
	for i := range room {
		room[i] = make([]byte, 2048)
	}
	frames := [][]byte{f}
	if n := testing.AllocsPerRun(200, func() {
		_, _ = r.far[0].Transmit(frames)
		r.hubs[0].Pass()
		copy(bufs, room)
		_, _ = r.far[1].Receive(bufs)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
