package aal

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// cellsOfSDUs is the cells of SDUs of these sizes, and the SDUs.
func cellsOfSDUs(t *testing.T, rnd *rand.Rand, sizes ...int) (cells []byte, sdus [][]byte) {
	t.Helper()
	var seg Segmenter
	for _, size := range sizes {
		sdu := make([]byte, size)
		for i := range sdu {
			sdu[i] = byte(rnd.Uint32())
		}
		if err := seg.Start(MakeHeader(VC{VPI: 1, VCI: 100}, PTIUser, false), sdu, 0, 0); err != nil {
			t.Fatal(err)
		}
		room := make([]byte, AAL5Cells(size)*CellSize)
		seg.Cells(room)
		cells, sdus = append(cells, room...), append(sdus, sdu)
	}
	return cells, sdus
}

// growing reassembles in memory that begins small and is made larger, up to limit, only
// when a PDU asks for it; refuse says no at that step.
type growing struct {
	ras    Reassembler
	buf    []byte
	limit  int
	refuse int // the step that gets no memory; 0: none
	steps  int
	sdus   [][]byte
	events [numEvents]int
}

func (g *growing) start() {
	g.buf, g.steps = make([]byte, 100), 0
	g.ras.StartSmall(g.buf, g.limit)
}

func (g *growing) push(cells []byte) {
	for len(cells) >= CellSize {
		n, ev := g.ras.Push(cells)
		cells = cells[n:]
		g.events[ev]++
		switch ev {
		case EvRoom:
			if g.steps++; g.steps == g.refuse {
				g.ras.Discard()
				continue
			}
			larger := make([]byte, min(4*len(g.buf), g.limit))
			copy(larger, g.buf[:g.ras.Held()])
			g.buf = larger
			g.ras.More(larger)
		case EvPDU:
			g.sdus = append(g.sdus, bytes.Clone(g.ras.PDU().SDU))
			g.start()
		}
	}
}

func TestReassemblyInMemoryThatGrows(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 0))
	sizes := []int{1, 40, 41, 88, 89, 1500, 9180, MaxSDU, 3}
	cells, sdus := cellsOfSDUs(t, rnd, sizes...)
	for _, run := range []int{1, 2, 7, 28, 10_000} {
		g := growing{limit: AAL5PDUSize(MaxSDU)}
		g.start()
		for rest := cells; len(rest) > 0; {
			n := min(run*CellSize, len(rest))
			g.push(rest[:n])
			rest = rest[n:]
		}
		if len(g.sdus) != len(sdus) {
			t.Fatalf("runs of %d: %d SDUs of %d, events %v", run, len(g.sdus), len(sdus), g.events)
		}
		for i := range sdus {
			if !bytes.Equal(g.sdus[i], sdus[i]) {
				t.Errorf("runs of %d: SDU %d of %d octets is another one", run, i, len(sdus[i]))
			}
		}
	}
}

// A PDU that gets no more memory is dropped up to its last cell, and the next is whole.
func TestReassemblyWithoutMoreRoom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6, 0))
	cells, sdus := cellsOfSDUs(t, rnd, 5000, 30)
	g := growing{limit: AAL5PDUSize(MaxSDU), refuse: 2}
	g.start()
	g.push(cells)
	if len(g.sdus) != 1 || !bytes.Equal(g.sdus[0], sdus[1]) {
		t.Errorf("%d SDUs, events %v", len(g.sdus), g.events)
	}
}

// At its limit a PDU is an overrun, as with memory given whole.
func TestReassemblyLimitIsAnOverrun(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 0))
	cells, sdus := cellsOfSDUs(t, rnd, 2000, 1900, 100)
	g := growing{limit: AAL5PDUSize(1900)}
	g.start()
	g.push(cells)
	if g.events[EvOverrun] != 1 || len(g.sdus) != 2 || !bytes.Equal(g.sdus[0], sdus[1]) || !bytes.Equal(g.sdus[1], sdus[2]) {
		t.Errorf("%d SDUs, events %v", len(g.sdus), g.events)
	}
}

// Cells of management ask for no room.
func TestReassemblyRoomIsForUserCells(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 0))
	cells, _ := cellsOfSDUs(t, rnd, 300)
	var ras Reassembler
	ras.StartSmall(make([]byte, 2*PayloadSize), 1000)
	if n, ev := ras.Push(cells[:2*CellSize]); ev != EvNone || n != 2*CellSize {
		t.Fatalf("%d octets, %v", n, ev)
	}
	oam := make([]byte, CellSize)
	MakeHeader(VC{VPI: 1, VCI: 100}, PTISegmentOAM, false).Put(oam)
	if n, ev := ras.Push(oam); ev != EvOAM || n != CellSize {
		t.Errorf("OAM: %d octets, %v", n, ev)
	}
	if n, ev := ras.Push(cells[2*CellSize:]); ev != EvRoom || n != 0 || ras.Held() != 2*PayloadSize {
		t.Errorf("a third cell: %d octets, %v, %d held", n, ev, ras.Held())
	}
}
