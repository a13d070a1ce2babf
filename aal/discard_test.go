package aal

import (
	"testing"
)

// TM 4.1, 5.8. Each dialogue is one string of cells: "." a cell within a PDU,
// "e" an end cell, "o" an OAM cell; "E" before one means that the queue is
// above the early threshold, "F" that it is full. Below it, p passes and x
// does not.
func TestFrameDiscard(t *testing.T) {
	for _, c := range []struct{ name, cells, want string }{
		{"all passes", "...e.e..e", "ppppppppp"},
		{"early discard drops a whole PDU with its end", "E...e..e", "xxxxppp"},
		{"early discard leaves a PDU that has begun", ".E.E.Ee..e", "ppppppp"},
		{"early discard of one-cell PDUs", "EeEe.e", "xxpp"},
		{"partial discard keeps the end", "..F..e..e", "ppxxpppp"},
		{"full at the first cell drops the whole PDU", "F...e..e", "xxxxppp"},
		{"an end lost is made good by the next one", "..Fe..e..e", "ppxxxpppp"},
		{"an end lost twice", "..F.Fe..Fe..e.e", "ppxxxxxxxppp"},
		{"OAM cells pass within a discarded PDU", "E.o.oe.e", "xpxpxpp"},
		{"an OAM cell lost changes nothing", "..Fo.e", "ppxpp"},
	} {
		var d FrameDiscard
		got := ""
		h := MakeHeader(VC{0, 100}, 0, false)
		early, full := false, false
		for _, k := range c.cells {
			switch k {
			case 'E':
				early = true
				continue
			case 'F':
				full = true
				continue
			case '.':
				h = h.WithPTI(PTIUser)
			case 'e':
				h = h.WithPTI(PTIUserEFCIEnd)
			case 'o':
				h = h.WithPTI(PTISegmentOAM)
			}
			if d.Pass(h, early, full) {
				got += "p"
			} else {
				got += "x"
			}
			early, full = false, false
		}
		if got != c.want {
			t.Errorf("%s: %s gives %s, want %s", c.name, c.cells, got, c.want)
		}
	}
}

// Under random congestion the cells that pass make whole PDUs and, one for
// each that was cut, PDUs that lack cells but end: never two PDUs run
// together unless an end cell itself was refused.
func TestFrameDiscardRandom(t *testing.T) {
	rng := seeded(t)
	var d FrameDiscard
	h := MakeHeader(VC{0, 100}, 0, false)
	open := -1 // the PDU whose cells pass, until an end passes
	whole, cut := 0, 0
	for pdu := range 20000 {
		n := 1 + rng.IntN(10)
		passed := 0
		for i := range n {
			end := i == n-1
			// The end cell always finds room here.
			full := !end && rng.IntN(8) == 0
			if !d.Pass(h.WithAUU(end), rng.IntN(4) == 0, full) {
				continue
			}
			if full {
				t.Fatalf("a cell passed a full queue")
			}
			if open >= 0 && open != pdu {
				t.Fatalf("PDU %d runs into %d", open, pdu)
			}
			passed++
			open = pdu
			if end {
				open = -1
			}
		}
		switch {
		case passed == n:
			whole++
		case passed > 0:
			cut++
			if open >= 0 {
				t.Fatalf("PDU %d has no end", pdu)
			}
		}
	}
	if whole == 0 || cut == 0 {
		t.Errorf("%d whole, %d cut", whole, cut)
	}
}
