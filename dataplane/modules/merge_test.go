package modules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// mergeSource is an input of a merged VC: it sends PDUs, some of which it gives up, and cells of management.
type mergeSource struct {
	carrier, port int
	vc            aal.VC
	pdu           []byte   // cells sent of the PDU under way, as they should leave
	whole         [][]byte // PDUs that should leave, in order
	spoilt        bool     // the PDU under way is to be dropped
}

var mergedVC = aal.VC{VPI: 7, VCI: 700}

// cell makes the next cell of a source, and notes what should leave.
func (s *mergeSource) cell(rnd *rand.Rand, end bool, number uint32) []byte {
	c := anyCell(rnd, s.vc)
	pti := uint8(rnd.IntN(2) << 1)
	if end {
		pti |= 1
	}
	aal.MakeHeader(s.vc, pti, rnd.IntN(2) == 0).Put(c)
	binary.BigEndian.PutUint32(c[aal.HeaderSize:], number)
	out := bytes.Clone(c)
	aal.ReadHeader(c).WithVC(mergedVC).Put(out)
	s.pdu = append(s.pdu, out...)
	if end {
		if !s.spoilt {
			s.whole = append(s.whole, s.pdu)
		}
		s.pdu, s.spoilt = nil, false
	}
	return c
}

// check takes what has left apart: PDU by PDU, each is the next one of some source, cell for cell.
func checkMerged(t *testing.T, got []byte, sources []*mergeSource) {
	t.Helper()
	for len(got) > 0 {
		n := 0
		for end := false; !end; n += aal.CellSize {
			if n == len(got) {
				t.Fatalf("%d cells at the end are no whole PDU", n/aal.CellSize)
			}
			end = aal.ReadHeader(got[n:]).AUU()
		}
		found := false
		for _, s := range sources {
			if found = len(s.whole) > 0 && bytes.Equal(s.whole[0], got[:n]); found {
				s.whole = s.whole[1:]
				break
			}
		}
		if !found {
			t.Fatalf("a PDU of %d cells %s is nobody's next", n/aal.CellSize, headers(got[:n]))
		}
		got = got[n:]
	}
	for i, s := range sources {
		if len(s.whole) > 0 {
			t.Fatalf("source %d: %d PDUs have not left", i, len(s.whole))
		}
	}
}

// Random PDUs of six sources at three ports, cells of them mixed in frames, merge into one VC: what leaves is whole
// PDUs, each source's in order, cell for cell, whatever the others do: PDUs that are given up and time out, PDUs
// without end, management cells, carriers that move to another hub.
func TestMergeAgainstModel(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 5))
			hubs := 1 + int(seed%2)
			r := newSwitchRig(t, hubs, nic.WireConfig{MaxFrame: 9000, Depth: 4096}, 2, 1, 1)
			r.now = 1e9
			var sources []*mergeSource
			for i := range 6 {
				s := &mergeSource{carrier: i % 2, vc: aal.VC{VPI: 1, VCI: uint16(100 + i)}}
				s.port = i / 2 % 2 * (1 - s.carrier)
				sources = append(sources, s)
			}
			if err := r.carriers[2].Reserve(Leg{Connection: Connection{VC: mergedVC}}); err != nil {
				t.Fatal(err)
			}
			for _, s := range sources {
				from := Connection{Port: uint32(s.port), VC: s.vc}
				d := r.carriers[s.carrier]
				if err := d.connectBy(from, r.to(2, 0, mergedVC), true); err != nil {
					t.Fatal(err)
				}
			}
			number, management := uint32(0), uint64(0)
			for range 300 {
				carrier, port := rnd.IntN(2), 0
				if carrier == 0 {
					port = rnd.IntN(2)
				}
				var cells []byte
				for range 1 + rnd.IntN(60) {
					s := sources[rnd.IntN(len(sources))]
					if s.carrier != carrier || s.port != port {
						continue
					}
					if rnd.IntN(20) == 0 {
						oam := anyCell(rnd, s.vc)
						aal.MakeHeader(s.vc, []uint8{aal.PTISegmentOAM, aal.PTIEndToEndOAM, 6, 7}[rnd.IntN(4)], false).Put(oam)
						cells, management = append(cells, oam...), management+1
						continue
					}
					number++
					cells = append(cells, s.cell(rnd, rnd.IntN(12) == 0, number)...)
				}
				if len(cells) > 0 {
					r.send(carrier, port, cells)
				}
				if rnd.IntN(40) == 0 { // PDUs under way are too old, and the rest of them is dropped
					r.now += 2 * ReassemblyTimeout
					r.pass()
					for _, s := range sources {
						s.spoilt = len(s.pdu) > 0
					}
				}
			}
			checkMerged(t, r.sent(2)[0], sources)
			total := portCounts{}
			for _, d := range r.carriers[:2] {
				for _, p := range d.ports {
					total.add(&p.counts)
				}
			}
			if total.merges[mergeManagement] != management || total.merges[mergeTimeout] == 0 {
				t.Errorf("counted %v, %d cells of management were sent", total.merges, management)
			}
			for _, s := range sources {
				if err := r.carriers[s.carrier].Disconnect(Connection{Port: uint32(s.port), VC: s.vc}); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A VC without ends of PDUs is dropped, counted, and holds one block at most; its neighbours leave meanwhile. The
// longest PDU passes.
func TestMergeBounds(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{MaxFrame: 9000, Depth: 4096}, 1, 1)
	rnd := rand.New(rand.NewPCG(1, 2))
	a, b := &mergeSource{vc: aal.VC{VCI: 100}}, &mergeSource{vc: aal.VC{VCI: 101}}
	for _, s := range []*mergeSource{a, b} {
		if err := r.carriers[0].connectBy(Connection{VC: s.vc}, r.to(1, 0, mergedVC), true); err != nil {
			t.Fatal(err)
		}
	}
	many := func(s *mergeSource, n int, end bool) {
		for ; n > 0; n -= 100 {
			var cells []byte
			for i := range min(n, 100) {
				cells = append(cells, s.cell(rnd, end && n <= 100 && i == n-1, 0)...)
			}
			r.send(0, 0, cells)
		}
	}
	many(a, MaxMergedCells, true)
	checkMerged(t, r.sent(1)[0], []*mergeSource{a})
	a.spoilt = true
	many(a, 3*MaxMergedCells, false)
	many(b, 10, true)
	checkMerged(t, r.sent(1)[0], []*mergeSource{b})
	many(a, 5, true)
	many(a, 7, true)
	checkMerged(t, r.sent(1)[0], []*mergeSource{a})
	p := r.carriers[0].ports[0]
	if n := p.counts.merges[mergeLong]; n != 3*MaxMergedCells+5 {
		t.Errorf("%d cells counted, want %d", n, 3*MaxMergedCells+5)
	}
	if m := p.cross.merge.of[0]; m.block != 0 || m.pdus != 2 {
		t.Errorf("%+v", m)
	}
}

// A cell above the contract costs its PDU, and that one only (the others are policed no more than without merging).
func TestMergePoliced(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	r.now = 1e9
	rnd := rand.New(rand.NewPCG(1, 2))
	s := &mergeSource{vc: aal.VC{VCI: 100}}
	if err := r.carriers[0].connectBy(Connection{VC: s.vc}, r.to(1, 0, mergedVC), true); err != nil {
		t.Fatal(err)
	}
	if err := r.carriers[0].Police(Connection{VC: s.vc}, aal.Contract{Category: aal.CBR, PCR: 1000}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		if i == 13 { // the second cell of a PDU comes at once
			r.now -= 1e6
			s.spoilt = true
		}
		r.send(0, 0, s.cell(rnd, i%3 == 2, uint32(i)))
		r.now += 1e6
	}
	checkMerged(t, r.sent(1)[0], []*mergeSource{s})
	if n := r.carriers[0].ports[0].counts.merges[mergePoliced]; n != 3 {
		t.Errorf("%d cells counted, want the 3 of a PDU", n)
	}
}

// What cannot be merged is refused, and what merges gets no leaves.
func TestMergeRefuses(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	d := r.carriers[0]
	to := r.to(1, 0, aal.VC{VPI: 2})
	to.Path = true
	if err := d.connectBy(path(0, 1), to, true); err == nil {
		t.Error("a path is merged")
	}
	if err := d.Disconnect(path(0, 1)); err == nil {
		t.Error("the path that was refused is connected")
	}
	if err := d.connectBy(channel(0, 0, 100), r.to(1, 0, mergedVC), true); err != nil {
		t.Fatal(err)
	}
	if err := d.AddLeaf(channel(0, 0, 100), 5, r.to(1, 0, aal.VC{VCI: 300})); err == nil {
		t.Error("what merges gets a leaf")
	}
	if err := d.Merge(channel(0, 0, 101)); err == nil {
		t.Error("what is not connected merges")
	}
}

// A PDU that merges costs no allocation, kept between frames or not.
func TestMergeAllocatesNothing(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 1)
	vc := aal.VC{VCI: 100}
	if err := r.carriers[0].connectBy(Connection{VC: vc}, r.to(1, 0, mergedVC), true); err != nil {
		t.Fatal(err)
	}
	var frames [][]byte
	for i := range 3 {
		var cells []byte
		for j := range 20 {
			c := make([]byte, aal.CellSize)
			aal.MakeHeader(vc, aal.PTIUser, false).WithAUU(i == 2 && j == 19).Put(c)
			cells = append(cells, c...)
		}
		frames = append(frames, frameOf(LinkBare, r.carriers[0].ports[0].cfg, [6]byte{}, cells))
	}
	bufs, room := make([][]byte, 64), make([][]byte, 64)
	for i := range room {
		room[i] = make([]byte, 2048)
	}
	cycle := func() {
		for i := range frames {
			_, _ = r.far[0].Transmit(frames[i : i+1])
			r.hubs[0].Pass()
		}
		copy(bufs, room)
		_, _ = r.far[1].Receive(bufs)
	}
	cycle()
	if n := testing.AllocsPerRun(200, cycle); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := r.carriers[0].ports[0].cross.merge.of[0].pdus; n < 200 {
		t.Errorf("%d PDUs", n)
	}
}
