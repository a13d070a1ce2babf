package modules

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// fragmentPort is a port of SDUs in fragments.
func fragmentPort() PortConfig {
	c := label(FirstLabel)
	c.Mode, c.VC, c.Numbered, c.Fragment = ModeAAL5SDU, sduVC, true, true
	return c
}

// newFragmentRig is that port, and one of cells, 0/60 of which is its VC; frames have 120 octets.
func newFragmentRig(t testing.TB, depth int) *switchRig {
	r := newSwitchRigOf(t, 1, nic.WireConfig{MaxFrame: 120, Depth: depth}, CarrierConfig{Ports: []PortConfig{fragmentPort()}}, CarrierConfig{Ports: []PortConfig{label(FirstLabel)}})
	ends := [2]aal.VC{sduVC, {VCI: 60}}
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

// numberedFrame is a frame of AAL5 SDU mode by hand: T E C U, B and E, length, number.
func numberedFrame(flags byte, part aal.Fragment, number uint16, payload []byte) []byte {
	n := len(payload) + ControlWordBytes
	if n >= 64 {
		n = 0
	}
	f := appendLabel(nil, FirstLabel, 0, DefaultTTL, true)
	return append(append(f, flags, byte(part)<<6|byte(n), byte(number>>8), byte(number)), payload...)
}

func ramp(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7)
	}
	return p
}

// cellsOf is an SDU's cells, in frames of two for a wire of 120 octets.
func sendSDUAsCells(t *testing.T, r *switchRig, sdu []byte, uu uint8, clp, efci bool) {
	t.Helper()
	var seg aal.Segmenter
	cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
	if err := seg.Start(aal.MakeHeader(aal.VC{VCI: 60}, 0, clp).WithEFCI(efci), sdu, uu, 0); err != nil {
		t.Fatal(err)
	}
	seg.Cells(cells)
	for len(cells) > 0 {
		n := min(len(cells), 2*aal.CellSize)
		r.send(1, 0, cells[:n])
		cells = cells[n:]
	}
}

// A frame of 120 octets holds 112 of an SDU: B and E are 00, 01, 11, 10 for the whole, the first, one
// between and the last (RFC 4623, 4.1); the flags are those of the SDU, and the length is a
// fragment's own (RFC 4717, 11.1).
func TestFragmentsOnTheWire(t *testing.T) {
	r := newFragmentRig(t, 256)
	sdu := ramp(300)
	sendSDUAsCells(t, r, sdu[:112], 0, false, false)
	sendSDUAsCells(t, r, sdu[:113], 1, true, false)
	sendSDUAsCells(t, r, sdu, 0, false, true)
	want := [][]byte{
		numberedFrame(0, 0, 1, sdu[:112]),
		numberedFrame(3, 1, 2, sdu[:112]), numberedFrame(3, 2, 3, sdu[112:113]),
		numberedFrame(4, 1, 4, sdu[:112]), numberedFrame(4, 3, 5, sdu[112:224]), numberedFrame(4, 2, 6, sdu[224:]),
	}
	if frames := receiveAll(t, r.far[0]); !equalFrames(frames, want) {
		t.Errorf("%x\nwant %x", frames, want)
	}
	if n := r.carriers[0].PortCounts(0); countOf(t, n, "tx_fragments") != 5 || countOf(t, n, "tx_sdus") != 3 {
		t.Errorf("%v", n)
	}
}

// SDUs of all lengths come through in fragments, and back into cells.
func TestFragmentsBackToCells(t *testing.T) {
	r := newFragmentRig(t, 256)
	rnd := rand.New(rand.NewPCG(seed(t), 5))
	for range 100 {
		sdu := ramp(1 + rnd.IntN(MaxFragments*112))
		clp, efci, uu := rnd.IntN(2) == 0, rnd.IntN(2) == 0, uint8(rnd.IntN(2))
		sendSDUAsCells(t, r, sdu, uu, clp, efci)
		transmit(t, r, 0, receiveAll(t, r.far[0])...)
		var ras aal.Reassembler
		buf := make([]byte, 1<<16)
		ras.Start(buf)
		var got []byte
		for _, f := range receiveAll(t, r.far[1]) {
			for cells := f[LabelBytes:]; len(cells) > 0; {
				n, ev := ras.Push(cells)
				if cells = cells[n:]; ev == aal.EvPDU {
					p := ras.PDU()
					if got = bytes.Clone(p.SDU); p.CLP != clp || p.EFCI != efci || p.UU != uu {
						t.Fatalf("CLP %v, EFCI %v, UU %d", p.CLP, p.EFCI, p.UU)
					}
				}
			}
		}
		if !bytes.Equal(got, sdu) {
			t.Fatalf("%d octets, want %d", len(got), len(sdu))
		}
	}
}

// What is longer than MaxFragments carry is lost, counted, and known before.
func TestFragmentsAreLimited(t *testing.T) {
	r := newFragmentRig(t, 256)
	most := r.carriers[0].MaxSDU(0)
	if most != MaxFragments*112 {
		t.Errorf("longest SDU %d", most)
	}
	sendSDUAsCells(t, r, ramp(most+1), 0, false, false)
	if n := r.carriers[0].PortCounts(0); countOf(t, n, "tx_drop_too_long") != 1 || len(receiveAll(t, r.far[0])) != 0 {
		t.Errorf("%v", n)
	}
	sendSDUAsCells(t, r, ramp(most), 0, false, false)
	if n := len(receiveAll(t, r.far[0])); n != MaxFragments {
		t.Errorf("%d frames", n)
	}
}

// Fragments that are lost, late or left without an end: the SDU is lost and counted, the next one
// comes through.
func TestFragmentsLost(t *testing.T) {
	sdu := ramp(300)
	part := func(p aal.Fragment, number uint16) []byte {
		return numberedFrame(0, p, number, map[aal.Fragment][]byte{0: sdu, 1: sdu[:112], 3: sdu[112:224], 2: sdu[224:]}[p])
	}
	for _, c := range []struct {
		name              string
		frames            [][]byte
		wait              int64
		sdus              int
		stray, incomplete int
	}{
		{"all", [][]byte{part(1, 1), part(3, 2), part(2, 3)}, 0, 1, 0, 0},
		{"first lost", [][]byte{part(3, 2), part(2, 3)}, 0, 0, 2, 0},
		{"middle lost", [][]byte{part(1, 1), part(2, 3)}, 0, 0, 1, 1},
		{"last lost", [][]byte{part(1, 1), part(3, 2), part(1, 4), part(3, 5), part(2, 6)}, 0, 1, 0, 1},
		{"late", [][]byte{part(1, 1), part(2, 3), part(3, 2)}, 0, 0, 1, 1},
		{"last never comes", [][]byte{part(1, 1), part(3, 2)}, 2 * ReassemblyTimeout, 0, 0, 1},
		{"no numbers", [][]byte{part(1, 0), part(3, 0), part(2, 0)}, 0, 0, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newFragmentRig(t, 256)
			transmit(t, r, 0, c.frames...)
			r.now += c.wait
			r.pass()
			n := r.carriers[0].PortCounts(0)
			if countOf(t, n, "rx_sdus") != c.sdus || countOf(t, n, "rx_drop_fragment") != c.stray || countOf(t, n, "rx_drop_incomplete") != c.incomplete {
				t.Errorf("%v", n)
			}
			transmit(t, r, 0, part(1, 100), part(3, 101), part(2, 102))
			if n := r.carriers[0].PortCounts(0); countOf(t, n, "rx_sdus") != c.sdus+1 {
				t.Errorf("the next: %v", n)
			}
		})
	}
}

// A stream's SDUs wait for a device that is full, in the middle of one, too; none is torn apart.
func TestFragmentsWaitForTheDevice(t *testing.T) {
	c := fragmentPort()
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 120, Depth: 16})
	if err != nil {
		t.Fatal(err)
	}
	r := newCarrierRigOf(t, CarrierConfig{Device: near, Ports: []PortConfig{c}}, block.Config{Small: 1024, Medium: 64})
	s, _ := r.vc(0, sduVC)
	want := 0
	for i := range 20 {
		s.put(ramp(112*10 + i))
		want += 112*10 + i
	}
	got, number := 0, uint16(0)
	var packets aal.FragmentReceiver
	for range 200 {
		r.pass()
		for _, f := range receiveAll(t, far) {
			cw := binary.BigEndian.Uint32(f[LabelBytes:])
			if number++; uint16(cw) != number {
				t.Fatalf("number %d, want %d", uint16(cw), number)
			}
			packets.Receive(aal.Fragment(cw>>cwPartShift&cwPartMask), number, len(f)-LabelBytes-ControlWordBytes)
			got += len(f) - LabelBytes - ControlWordBytes
			if n := cw >> cwLengthShift & cwLengthMask; n != 0 && int(n) != len(f)-LabelBytes {
				t.Fatalf("length %d of %d", n, len(f))
			}
		}
	}
	if got != want || packets.Counts() != (aal.FragmentCounts{Packets: 20}) {
		t.Errorf("%d octets, want %d; %+v", got, want, packets.Counts())
	}
}

// Nothing is allocated for an SDU in fragments, either way.
func TestFragmentsAllocateNothing(t *testing.T) {
	r := newFragmentRig(t, 256)
	sdu := ramp(1000)
	var seg aal.Segmenter
	cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
	_ = seg.Start(aal.MakeHeader(aal.VC{VCI: 60}, 0, false), sdu, 0, 0)
	seg.Cells(cells)
	var in [][]byte
	for at := 0; at < len(cells); at += 2 * aal.CellSize {
		in = append(in, frameOf(LinkBare, r.carriers[1].ports[0].cfg, [6]byte{}, cells[at:min(len(cells), at+2*aal.CellSize)]))
	}
	bufs := make([][]byte, 16)
	for i := range bufs {
		bufs[i] = make([]byte, 120)
	}
	if n := testing.AllocsPerRun(100, func() {
		if n, err := r.far[1].Transmit(in); n != len(in) || err != nil {
			t.Fatal(n, err)
		}
		r.pass()
		n, err := r.far[0].Receive(bufs)
		if n != 9 || err != nil {
			t.Fatal(n, err)
		}
		if m, err := r.far[0].Transmit(bufs[:n]); m != n || err != nil {
			t.Fatal(m, err)
		}
		r.pass()
		for i := range bufs {
			bufs[i] = bufs[i][:120]
		}
		if n, err := r.far[1].Receive(bufs); n == 0 || err != nil {
			t.Fatal(n, err)
		}
		for i := range bufs {
			bufs[i] = bufs[i][:120]
		}
	}); n != 0 {
		t.Errorf("%v allocations an SDU", n)
	}
}

// Any frames do no harm.
func FuzzFragmentPort(f *testing.F) {
	sdu := ramp(100)
	f.Add(joined(numberedFrame(0, 1, 1, sdu), numberedFrame(0, 2, 2, sdu)), uint8(104), uint8(108))
	f.Add(joined(numberedFrame(0, 1, 65535, sdu), numberedFrame(8, 3, 1, sdu)), uint8(108), uint8(108))
	f.Add(numberedFrame(2, 2, 7, nil), uint8(8), uint8(1))
	f.Fuzz(func(t *testing.T, octets []byte, first, second uint8) {
		r := newFragmentRig(t, 16)
		for _, n := range []uint8{first, second, 120, 120} {
			k := min(int(n), len(octets), 120)
			if k == 0 {
				return
			}
			if _, err := r.far[0].Transmit([][]byte{octets[:k]}); err != nil {
				t.Fatal(err)
			}
			octets = octets[k:]
			r.pass()
			for _, d := range r.far {
				receiveAll(t, d)
			}
		}
	})
}
