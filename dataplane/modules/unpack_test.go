package modules

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// specificModes are those whose cells have no header.
var specificModes = []Mode{ModeVCC, ModeVPC, ModeAAL5PDU}

// onlyVC is what such a port carries in these tests: of a path one of its VCs.
var onlyVC = aal.VC{VPI: 7, VCI: 300}

func modePort(m Mode) PortConfig {
	c := label(FirstLabel)
	if c.Mode, c.VC = m, onlyVC; m.OneVP() {
		c.VC.VCI = 0
	}
	return c
}

// newModeRig is a port of a mode on carrier 0 and one of N-to-one cells on carrier 1, onlyVC of the
// first and 0/60 of the second cross-connected both ways.
func newModeRig(t testing.TB, c PortConfig) *switchRig {
	r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1600, Depth: 1024}, CarrierConfig{Ports: []PortConfig{c}}, CarrierConfig{Ports: []PortConfig{label(FirstLabel)}})
	ends := [2]aal.VC{onlyVC, {VCI: 60}}
	for i, vc := range ends {
		if err := r.carriers[i].Reserve(Leg{Connection: Connection{VC: vc}}); err != nil {
			t.Fatal(err)
		}
		if err := r.carriers[i].Connect(Connection{VC: vc}, r.to(1-i, 0, ends[1-i])); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// specificFrame is a frame of such a mode by hand, from RFC 4717, 9.1 and 11.1: the label, zero,
// number, and what the ATM-specific octet begins.
func specificFrame(number uint16, body ...byte) []byte {
	f := appendLabel(nil, FirstLabel, 0, DefaultTTL, true)
	return append(append(f, 0, byte(number>>8), byte(number)), body...)
}

// cellWith is a cell of 0/60, its payload all of one octet.
func cellWith(pti uint8, clp bool, fill byte) []byte {
	c := bytes.Repeat([]byte{fill}, aal.CellSize)
	aal.MakeHeader(aal.VC{VCI: 60}, pti, clp).Put(c)
	return c
}

func joined(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// What a port sends of cells that come from an N-to-one port, octet for octet.
func TestSpecificFrames(t *testing.T) {
	p := func(fill byte) []byte { return bytes.Repeat([]byte{fill}, aal.PayloadSize) }
	head := func(octets ...byte) []byte { return octets }
	for _, c := range []struct {
		name  string
		mode  Mode
		cells []byte
		want  [][]byte // from the ATM-specific octet on
	}{
		{"vcc", ModeVCC, joined(cellWith(0, false, 1), cellWith(1, true, 2), cellWith(5, false, 3)),
			[][]byte{joined(head(0), p(1), head(3), p(2), head(10), p(3))}},
		{"vpc", ModeVPC, joined(cellWith(2, false, 1), cellWith(4, false, 2)),
			[][]byte{joined(head(0x44, 300>>8, 300&0xFF), p(1), head(0x48, 300>>8, 300&0xFF), p(2))}},
		{"a PDU is a frame", ModeAAL5PDU, joined(cellWith(0, false, 1), cellWith(0, true, 2), cellWith(3, false, 3)),
			[][]byte{joined(head(0x87), p(1), p(2), p(3))}},
		{"two PDUs are two frames", ModeAAL5PDU, joined(cellWith(1, false, 1), cellWith(0, false, 2), cellWith(1, false, 3)),
			[][]byte{joined(head(0x84), p(1)), joined(head(0x84), p(2), p(3))}},
		{"OAM within a PDU ends its frame, and has one of its own (11.2.1)", ModeAAL5PDU,
			joined(cellWith(0, false, 1), cellWith(5, false, 2), cellWith(2, true, 3), cellWith(6, false, 4), cellWith(1, false, 5)),
			[][]byte{joined(head(0x80), p(1)), joined(head(10), p(2)), joined(head(0x83), p(3)), joined(head(12), p(4)), joined(head(0x84), p(5))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := modePort(c.mode)
			config.Numbered = true
			r := newModeRig(t, config)
			r.send(1, 0, c.cells)
			var want [][]byte
			for i, body := range c.want {
				want = append(want, specificFrame(uint16(i+1), body...))
			}
			if frames := receiveAll(t, r.far[0]); !equalFrames(frames, want) {
				t.Errorf("%x\nwant %x", frames, want)
			}
		})
	}
}

// pduAs is what AAL5 PDU mode makes of cells: CLP is the OR of a part's, EFCI that of its last
// cell. A part ends with its PDU, before a cell of management, or at most cells.
func pduAs(cells []byte, most int) []byte {
	out := bytes.Clone(cells)
	for at := 0; at < len(out); {
		n := min(aal.PDURun(out[at:]), most*aal.CellSize)
		if n == 0 {
			at += aal.CellSize
			continue
		}
		clp := false
		for i := at; i < at+n; i += aal.CellSize {
			clp = clp || aal.ReadHeader(out[i:]).CLP()
		}
		efci := aal.ReadHeader(out[at+n-aal.CellSize:]).EFCI()
		for i := at; i < at+n; i += aal.CellSize {
			aal.ReadHeader(out[i:]).WithCLP(clp).WithEFCI(efci).Put(out[i:])
		}
		at += n
	}
	return out
}

// There and back again: any cells, user's and of management, come out as they went in; in AAL5
// PDU mode as pduAs says.
func TestSpecificModesCarryCells(t *testing.T) {
	for _, m := range specificModes {
		t.Run(m.String(), func(t *testing.T) {
			r := newModeRig(t, modePort(m))
			rnd := rand.New(rand.NewPCG(seed(t), uint64(m)))
			for range 300 {
				var cells []byte
				for range 1 + rnd.IntN(30) {
					cells = append(cells, anyCell(rnd, aal.VC{VCI: 60})...)
				}
				if last := cells[len(cells)-aal.CellSize:]; m == ModeAAL5PDU { // else its frame waits
					aal.ReadHeader(last).WithPTI(aal.PTIUserEnd).Put(last)
				}
				r.send(1, 0, cells)
				want := cells
				if m == ModeAAL5PDU {
					want = pduAs(cells, 1<<20)
				}
				transmit(t, r, 0, receiveAll(t, r.far[0])...)
				wantCells(t, "back", r.sent(1)[0], want)
			}
			if n := r.carriers[0].PortCounts(0); countOf(t, n, "rx_cells") != countOf(t, n, "tx_cells") || countOf(t, n, "rx_cells") == 0 {
				t.Errorf("counts %v", n)
			}
		})
	}
}

// A frame holds as many cells as the carrier's: 1600 octets hold 32 of 49 octets, 31 of 51 and 33
// payloads. A PDU that does not fit goes in parts.
func TestSpecificModesFillFrames(t *testing.T) {
	for m, most := range map[Mode]int{ModeVCC: 32, ModeVPC: 31, ModeAAL5PDU: 33} {
		r := newModeRig(t, modePort(m))
		var cells []byte
		for i := range 100 {
			cells = append(cells, cellWith(uint8(i/99), false, byte(i))...)
		}
		r.send(1, 0, cells[:30*aal.CellSize])
		for at := 30 * aal.CellSize; at < len(cells); at += 10 * aal.CellSize {
			f := frameOf(LinkBare, r.carriers[1].ports[0].cfg, [6]byte{}, cells[at:at+10*aal.CellSize])
			if n, err := r.far[1].Transmit([][]byte{f}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		r.pass()
		frames := receiveAll(t, r.far[0])
		longest := 0
		for _, f := range frames {
			longest = max(longest, len(f))
		}
		if got := (longest - LabelBytes - 3) / m.cellSize(); got != most {
			t.Errorf("%v: at most %d cells in a frame, want %d", m, got, most)
		}
		transmit(t, r, 0, frames...)
		wantCells(t, m.String(), r.sent(1)[0], cells)
	}
}

// The cells of a PDU wait for its end, and not for ever: then what is there goes as a part.
func TestPDUWaits(t *testing.T) {
	for _, pack := range []int64{0, 3_000_000} {
		c := modePort(ModeAAL5PDU)
		c.Pack = pack
		r := newModeRig(t, c)
		r.send(1, 0, cellWith(0, false, 1))
		if frames := receiveAll(t, r.far[0]); len(frames) != 0 {
			t.Fatalf("%x before its time", frames)
		}
		wait := pack
		if wait == 0 {
			wait = pduWait
		}
		r.now += wait - 1
		r.pass()
		if frames := receiveAll(t, r.far[0]); len(frames) != 0 {
			t.Fatalf("%x before its time", frames)
		}
		r.now += int64(1 << 21)
		r.pass()
		if frames := receiveAll(t, r.far[0]); len(frames) != 1 || frames[0][LabelBytes+3] != 0x80 {
			t.Fatalf("%x, want one part", frames)
		}
		r.send(1, 0, cellWith(1, false, 2))
		if frames := receiveAll(t, r.far[0]); len(frames) != 1 || frames[0][LabelBytes+3] != 0x84 {
			t.Fatalf("%x, want the end", frames)
		}
	}
}

// A port with a rate queues cells; its frames are the same.
func TestSpecificModesQueue(t *testing.T) {
	for _, m := range specificModes {
		c := modePort(m)
		c.Rate = 10_000
		r := newModeRig(t, c)
		var cells, got []byte
		for i := range 64 {
			pti := uint8(0)
			switch i % 8 {
			case 4:
				pti = aal.PTIEndToEndOAM
			case 7:
				pti = aal.PTIUserEnd
			}
			cells = append(cells, cellWith(pti, false, byte(i))...)
		}
		for at := 0; at < len(cells); at += 16 * aal.CellSize {
			r.send(1, 0, cells[at:at+16*aal.CellSize])
		}
		for range 200 {
			r.now += 1_000_000
			r.pass()
			transmit(t, r, 0, receiveAll(t, r.far[0])...)
			got = append(got, r.sent(1)[0]...)
		}
		wantCells(t, m.String(), got, cells)
	}
}

// Malformed frames, each counted by its cause, and nothing else harmed.
func TestSpecificModesDrop(t *testing.T) {
	p := bytes.Repeat([]byte{1}, aal.PayloadSize)
	for _, c := range []struct {
		mode  Mode
		body  []byte
		cause string
	}{
		{ModeVCC, joined([]byte{0}, p[1:]), "rx_drop_length"},
		{ModeVCC, joined([]byte{0}, p, []byte{0}), "rx_drop_length"},
		{ModeVCC, []byte{0}, "rx_drop_length"},
		{ModeVCC, joined([]byte{0x80}, p), "rx_drop_mode"},
		{ModeVCC, joined([]byte{0x40}, p), "rx_drop_mode"},
		{ModeVCC, joined([]byte{0}, p, []byte{0x40}, p), "rx_drop_mode"},
		{ModeVPC, joined([]byte{0, 0, 64}, p), "rx_drop_mode"},
		{ModeVPC, joined([]byte{0x40, 0}, p), "rx_drop_length"},
		{ModeAAL5PDU, joined([]byte{0x84}, p, p[1:]), "rx_drop_length"},
		{ModeAAL5PDU, []byte{0x84}, "rx_drop_length"},
		{ModeAAL5PDU, joined([]byte{0xC4}, p), "rx_drop_mode"},
		{ModeAAL5PDU, joined([]byte{0x40}, p), "rx_drop_mode"},
	} {
		r := newModeRig(t, modePort(c.mode))
		transmit(t, r, 0, specificFrame(0, c.body...))
		n := r.carriers[0].PortCounts(0)
		if countOf(t, n, c.cause) != 1 || countOf(t, n, "rx_cells") != 0 || len(r.sent(1)) != 0 {
			t.Errorf("%v, %x: %v, want %s", c.mode, c.body[:1], n, c.cause)
		}
	}
	for _, c := range []struct{ text, cause string }{
		{"10000007 aa", "rx_drop_vccv"}, {"45000000 aa", "rx_drop_control_word"}, {"000000", "rx_drop_control_word"},
	} {
		r := newModeRig(t, modePort(ModeVCC))
		transmit(t, r, 0, append(appendLabel(nil, FirstLabel, 0, DefaultTTL, true), unhex(t, c.text)...))
		if n := r.carriers[0].PortCounts(0); countOf(t, n, c.cause) != 1 {
			t.Errorf("%s: %v, want %s", c.text, n, c.cause)
		}
	}
}

// The number stands before the ATM-specific octet, is checked, and counted (RFC 4385, 4.2).
func TestSpecificModesOrder(t *testing.T) {
	for _, m := range specificModes {
		c := modePort(m)
		c.Numbered = true
		r := newModeRig(t, c)
		body := joined([]byte{0}, bytes.Repeat([]byte{1}, aal.PayloadSize))
		switch m {
		case ModeVPC:
			body = joined([]byte{0x40, 300 >> 8, 300 & 0xFF}, body[1:])
		case ModeAAL5PDU:
			body[0] = 0x84
		}
		for _, n := range []uint16{1, 2, 5, 3, 5, 6} {
			transmit(t, r, 0, specificFrame(n, body...))
		}
		n := r.carriers[0].PortCounts(0)
		if countOf(t, n, "rx_cells") != 4 || countOf(t, n, "rx_drop_order") != 2 || countOf(t, n, "rx_missing") != 2 {
			t.Errorf("%v: %v", m, n)
		}
	}
}

// What a port does not carry is refused when it is asked for, and the reason names what it does.
func TestSpecificModesRefuse(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		conn Connection
		want string // "": taken
	}{
		{ModeVCC, channel(0, 7, 300), ""},
		{ModeVCC, channel(0, 7, 301), "mode vcc carries VC 7/300 alone"},
		{ModeVCC, path(0, 7), "mode vcc carries VC 7/300 alone"},
		{ModeVPC, channel(0, 7, 99), ""},
		{ModeVPC, path(0, 7), ""},
		{ModeVPC, channel(0, 8, 300), "mode vpc carries VP 7 alone"},
		{ModeVPC, path(0, 8), "mode vpc carries VP 7 alone"},
		{ModeAAL5PDU, channel(0, 7, 300), ""},
		{ModeAAL5PDU, channel(0, 0, 300), "mode aal5pdu carries VC 7/300 alone"},
		{ModeAAL5PDU, path(0, 7), "mode aal5pdu carries VC 7/300 alone"},
		{ModeAAL5SDU, path(0, 7), "mode aal5sdu carries VC 7/300 alone"},
	} {
		r := newSwitchRigOf(t, 1, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{modePort(c.mode)}}, CarrierConfig{Ports: []PortConfig{label(FirstLabel)}})
		d := r.carriers[0]
		for what, err := range map[string]error{
			"reserve": d.Reserve(Leg{Connection: c.conn}),
			"connect": d.Connect(c.conn, Output{Carrier: r.ids[1], Connection: Connection{VC: aal.VC{VCI: 60}, Path: c.conn.Path}}),
		} {
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, syscall.EINVAL) || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v %s %v: %v, want %q", c.mode, what, c.conn, err, c.want)
			}
		}
		if c.conn.Path {
			continue
		}
		if err := d.AddVC(0, c.conn.VC.VPI, c.conn.VC.VCI); (err == nil) != (c.want == "") {
			t.Errorf("%v AddVC %v: %v", c.mode, c.conn, err)
		}
	}
	// F4 of a VPC ends where it is configured, and nowhere else
	r := newSwitchRigOf(t, 1, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{modePort(ModeVPC)}})
	for vpi, want := range map[uint16]bool{7: true, 8: false} {
		if err := r.carriers[0].SetOAM(path(0, vpi), &OAMConfig{End: true}); (err == nil) != want {
			t.Errorf("end of VP %d: %v", vpi, err)
		}
	}
	bad := modePort(ModeVPC)
	bad.VC.VCI = 5
	if err := bad.check(LinkBare); err == nil {
		t.Error("a VP with a VCI was taken")
	}
}

// A VC that a port was made for stays its own when what used it goes.
func TestNamedVCStays(t *testing.T) {
	r := newModeRig(t, modePort(ModeVCC))
	r.carriers[0].RemoveVC(0, onlyVC.VPI, onlyVC.VCI)
	if err := r.carriers[0].AddVC(0, 0, 40); err == nil {
		t.Error("another VC was taken")
	}
}

// A port of RFC 4816 carries any VC, reserved ones too, in frames of N-to-one mode, and leaves idle and
// unassigned cells out; a path 0 that is switched as a whole brings both.
func TestPortMode(t *testing.T) {
	for m, head := range map[Mode]string{ModePort: "", ModePortCW: "00000001"} {
		for _, rate := range []uint32{0, 100_000} {
			c := label(FirstLabel)
			c.Mode, c.Numbered, c.Rate = m, m.ControlWord(), rate
			r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1600, Depth: 64}, CarrierConfig{Ports: []PortConfig{c}}, CarrierConfig{Ports: []PortConfig{label(FirstLabel), label(FirstLabel + 1)}})
			if err := r.carriers[0].Reserve(Leg{Connection: path(0, 0)}); err != nil {
				t.Fatal(err)
			}
			if err := r.carriers[1].Connect(path(0, 0), Output{Carrier: r.ids[0], Connection: path(0, 0)}); err != nil {
				t.Fatal(err)
			}
			other := Output{Carrier: r.ids[1], Connection: path(1, 9)}
			if err := r.carriers[1].Connect(path(0, 9), other); err != nil { // frames for two ports are lists
				t.Fatal(err)
			}
			var sent, want []byte
			for i, h := range []uint32{0x00000000, 0x00000050, 0x00000001, 0x00000001, 0x00000100, 0x0000640F, 0x0000000E} {
				cell := appendCell(nil, aal.Header(h), bytes.Repeat([]byte{byte(i)}, aal.PayloadSize))
				if sent = append(sent, cell...); h>>4 != 0 {
					want = append(want, cell...)
				}
			}
			r.send(1, 0, sent)
			f := append(appendLabel(nil, FirstLabel, 0, DefaultTTL, true), unhex(t, head)...)
			if frames := receiveAll(t, r.far[0]); !equalFrames(frames, [][]byte{append(f, want...)}) {
				t.Errorf("%v: %x, want %x", m, frames, want)
			}
			r.now += 1 << 20
			r.send(1, 0, append(cellAs(9, 40), sent...))
			n := r.carriers[0].PortCounts(0)
			if countOf(t, n, "tx_idle_cells") != 8 || countOf(t, n, "tx_cells") != 6 {
				t.Errorf("%v: %v", m, n)
			}
			for _, vci := range []uint16{0, 5} { // 0 of a path
				if err := r.carriers[0].AddVC(0, 0, vci); err != nil {
					t.Errorf("%v: %v", m, err)
				}
			}
			receiveAll(t, r.far[0])
			receiveAll(t, r.far[1])
		}
	}
}

func cellAs(vpi, vci uint16) []byte {
	c := make([]byte, aal.CellSize)
	aal.MakeHeader(aal.VC{VPI: vpi, VCI: vci}, 0, false).Put(c)
	return c
}

// modeBench is a port of a mode whose frames are switched to another carrier, and what comes from
// there back.
func modeBench(t testing.TB, m Mode, cells int) (r *switchRig, burst func()) {
	c := modePort(m)
	other := c
	r = newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 1600, Depth: 64}, CarrierConfig{Ports: []PortConfig{c}}, CarrierConfig{Ports: []PortConfig{other}})
	if err := r.carriers[0].Connect(Connection{VC: onlyVC}, r.to(1, 0, onlyVC)); err != nil {
		t.Fatal(err)
	}
	train := make([]byte, 0, cells*aal.CellSize)
	for i := range cells {
		train = append(train, cellWith(uint8(i/(cells-1)), false, byte(i))...)
		aal.ReadHeader(train[i*aal.CellSize:]).WithVC(onlyVC).Put(train[i*aal.CellSize:])
	}
	f := make([]byte, 0, 1600)
	f = append(f, make([]byte, r.carriers[0].ports[0].pw.overhead())...)
	r.carriers[0].ports[0].pw.put(f, 0, false, false, 0)
	if f = append(f, train...); m.specific() {
		f = f[:r.carriers[0].ports[0].pw.pack(f)]
	}
	var frames, bufs [][]byte
	for range 64 {
		frames, bufs = append(frames, f), append(bufs, make([]byte, 1600))
	}
	return r, func() {
		if n, err := r.far[0].Transmit(frames); n != len(frames) || err != nil {
			t.Fatal(n, err)
		}
		r.hubs[0].Pass()
		got := 0
		for {
			k, err := r.far[1].Receive(bufs)
			if err != nil {
				t.Fatal(err)
			}
			for i := range k {
				got += len(bufs[i])
				bufs[i] = bufs[i][:cap(bufs[i])]
			}
			if k == 0 {
				break
			}
		}
		if got != len(f)*len(frames) {
			t.Fatalf("%d octets of %d came out", got, len(f)*len(frames))
		}
	}
}

// Nothing is allocated for a frame.
func TestSpecificModesAllocateNothing(t *testing.T) {
	for _, m := range append([]Mode{ModePort, ModePortCW}, specificModes...) {
		_, burst := modeBench(t, m, 28)
		burst()
		if n := testing.AllocsPerRun(50, burst); n != 0 {
			t.Errorf("%v: %v allocations a burst", m, n)
		}
	}
}

// A burst of 64 frames of 28 cells from wire to wire in each mode.
func BenchmarkModes(b *testing.B) {
	for _, m := range append([]Mode{ModeN1, ModeN1CW, ModePort, ModePortCW}, specificModes...) {
		b.Run(fmt.Sprint(m), func(b *testing.B) {
			_, burst := modeBench(b, m, 28)
			for b.Loop() {
				burst()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64*28), "ns/cell")
		})
	}
}
