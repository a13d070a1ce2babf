package aal

import (
	"math/rand/v2"
	"testing"
)

type fragmentStep struct {
	part   Fragment
	number uint16
	octets int
	want   FragmentAction
}

// RFC 4623, 4.1 (B and E), and 4 (numbers of a packet's fragments follow each other).
func TestFragments(t *testing.T) {
	const first, middle, last, whole = FragmentFirst, FragmentMiddle, FragmentLast, FragmentWhole
	for _, c := range []struct {
		name  string
		steps []fragmentStep
		want  FragmentCounts
	}{
		{"a whole packet", []fragmentStep{{whole, 1, 10, FragmentTake}, {whole, 0, 10, FragmentTake}}, FragmentCounts{}},
		{"two fragments", []fragmentStep{{first, 7, 10, FragmentBegin}, {last, 8, 1, FragmentEnd}}, FragmentCounts{Packets: 1}},
		{"four, over the wrap", []fragmentStep{{first, 65534, 10, FragmentBegin}, {middle, 65535, 10, FragmentAppend}, {middle, 1, 10, FragmentAppend}, {last, 2, 3, FragmentEnd}},
			FragmentCounts{Packets: 1}},
		{"one in the middle is lost", []fragmentStep{{first, 1, 10, FragmentBegin}, {last, 3, 10, FragmentDrop}, {whole, 4, 1, FragmentTake}}, FragmentCounts{Incomplete: 1, Stray: 1}},
		{"the first is lost", []fragmentStep{{middle, 2, 10, FragmentDrop}, {last, 3, 10, FragmentDrop}}, FragmentCounts{Stray: 2}},
		{"the last is lost", []fragmentStep{{first, 1, 10, FragmentBegin}, {first, 3, 10, FragmentBegin}, {last, 4, 10, FragmentEnd}}, FragmentCounts{Packets: 1, Incomplete: 1}},
		{"the last is lost before a whole one", []fragmentStep{{first, 1, 10, FragmentBegin}, {whole, 3, 10, FragmentTake}}, FragmentCounts{Incomplete: 1}},
		{"twice the same", []fragmentStep{{first, 1, 10, FragmentBegin}, {middle, 2, 10, FragmentAppend}, {middle, 2, 10, FragmentDrop}, {last, 3, 10, FragmentDrop}},
			FragmentCounts{Incomplete: 1, Stray: 2}},
		{"without numbers", []fragmentStep{{first, 0, 10, FragmentDrop}, {last, 0, 10, FragmentDrop}}, FragmentCounts{Stray: 2}},
		{"as long as may be", []fragmentStep{{first, 1, 65000, FragmentBegin}, {last, 2, 535, FragmentEnd}}, FragmentCounts{Packets: 1}},
		{"too long", []fragmentStep{{first, 1, 65000, FragmentBegin}, {last, 2, 536, FragmentDrop}}, FragmentCounts{Incomplete: 1, TooLong: 1}},
		{"too long at once", []fragmentStep{{first, 1, 65536, FragmentDrop}, {last, 2, 1, FragmentDrop}}, FragmentCounts{Stray: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r FragmentReceiver
			for i, s := range c.steps {
				if got := r.Receive(s.part, s.number, s.octets); got != s.want {
					t.Errorf("step %d: %d, want %d", i, got, s.want)
				}
			}
			if r.Counts() != c.want || r.Open() {
				t.Errorf("%+v, open %v, want %+v", r.Counts(), r.Open(), c.want)
			}
		})
	}
	var r FragmentReceiver
	r.Receive(FragmentFirst, 1, 5)
	r.Abandon()
	if got := r.Receive(FragmentLast, 2, 5); got != FragmentDrop || r.Counts() != (FragmentCounts{Incomplete: 1, Stray: 1}) {
		t.Errorf("after Abandon: %d, %+v", got, r.Counts())
	}
}

// Whatever comes, what is taken for a packet is one that was sent, of fragments in order.
func FuzzFragments(f *testing.F) {
	f.Add(uint64(1), uint8(40))
	f.Add(uint64(2), uint8(0))
	f.Add(uint64(3), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, loss uint8) {
		type frame struct {
			part   Fragment
			number uint16
			packet int
			octets int
		}
		rnd := rand.New(rand.NewPCG(seed, 0))
		var sent []frame
		number := uint16(rnd.Uint32())
		for packet := range 50 {
			n := 1 + rnd.IntN(6)
			for i := range n {
				part := FragmentMiddle
				switch {
				case n == 1:
					part = FragmentWhole
				case i == 0:
					part = FragmentFirst
				case i == n-1:
					part = FragmentLast
				}
				number = NextSequence(number)
				sent = append(sent, frame{part, number, packet, rnd.IntN(14000)})
			}
		}
		var r FragmentReceiver
		var kept []frame
		octets := 0
		for _, s := range sent {
			if uint8(rnd.Uint32()) < loss {
				continue
			}
			switch r.Receive(s.part, s.number, s.octets) {
			case FragmentBegin:
				kept, octets = append(kept[:0], s), s.octets
			case FragmentAppend, FragmentEnd:
				if octets += s.octets; octets > MaxSDU {
					t.Fatalf("%d octets", octets)
				}
				kept = append(kept, s)
			}
			if s.part == FragmentLast && !r.Open() && len(kept) > 0 && kept[len(kept)-1] == s {
				for i, k := range kept {
					if k.packet != s.packet || i > 0 && k.number != NextSequence(kept[i-1].number) {
						t.Fatalf("a packet of %+v", kept)
					}
				}
			}
		}
	})
}
