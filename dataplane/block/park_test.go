package block

import "testing"

func TestParkAndUnpark(t *testing.T) {
	p := newPoolOf(t, Config{Small: 64})
	b := p.Alloc(100)
	copy(p.Extend(b, 4), "half")
	ticket := p.Park(b)
	if p.Parked(Small) != 1 || p.Unpark(b, ticket+1) {
		t.Errorf("%d parked; given for another ticket", p.Parked(Small))
	}
	if !p.Unpark(b, ticket) || p.Parked(Small) != 0 || string(p.Bytes(b)) != "half" {
		t.Error("not given back as it was")
	}
	if p.Unpark(b, ticket) {
		t.Error("given back twice")
	}
	p.Free(b)
	if p.Unpark(b, ticket) {
		t.Error("given back though free")
	}
}

// What may be parked has a limit, and what was parked first goes first.
func TestParkedLimit(t *testing.T) {
	p := newPoolOf(t, Config{Small: 100})
	var blocks []ID
	var tickets []uint64
	for i := range 90 {
		b := p.Alloc(100)
		if b == 0 {
			t.Fatalf("block %d: none left", i)
		}
		blocks = append(blocks, b)
		tickets = append(tickets, p.Park(b))
	}
	if p.Parked(Small) != 75 || p.Counters().TakenBack != 15 || p.Out(Small) != 75 {
		t.Errorf("%d parked, %d taken back, %d out", p.Parked(Small), p.Counters().TakenBack, p.Out(Small))
	}
	for i, b := range blocks {
		if kept := p.Unpark(b, tickets[i]); kept != (i >= 15) {
			t.Errorf("block %d kept: %v", i, kept)
		} else if kept {
			p.Free(b)
		}
	}
}

// Whoever needs memory gets a parked block, once nothing else is left, and only of the
// same size.
func TestParkedBlocksServeOthers(t *testing.T) {
	p := newPoolOf(t, Config{Small: 100, Large: 8})
	large := p.Alloc(LargeBytes - Headroom)
	largeTicket := p.Park(large)
	var parked, held []ID
	var tickets []uint64
	for range 50 {
		b := p.Alloc(100)
		parked = append(parked, b)
		tickets = append(tickets, p.Park(b))
	}
	for {
		b := p.Alloc(100)
		if b == 0 {
			break
		}
		held = append(held, b)
	}
	if len(held) != p.Limit(100) || p.Parked(Small) != 0 || p.Parked(Large) != 1 {
		t.Errorf("%d held of %d, %d small and %d large ones parked", len(held), p.Limit(100), p.Parked(Small), p.Parked(Large))
	}
	for i, b := range parked {
		if p.Unpark(b, tickets[i]) {
			t.Error("one that was taken back is given back too")
		}
	}
	for _, b := range held {
		p.Free(b)
	}
	if !p.Unpark(large, largeTicket) {
		t.Error("a large block was taken for a small one")
	}
	p.Free(large)
}

func TestParkedInAnyOrder(t *testing.T) {
	p := newPoolOf(t, Config{Small: 64})
	var blocks [10]ID
	var tickets [10]uint64
	for i := range blocks {
		blocks[i] = p.Alloc(100)
		tickets[i] = p.Park(blocks[i])
	}
	for _, i := range []int{0, 9, 4, 5, 1} { // first, last and between
		if !p.Unpark(blocks[i], tickets[i]) {
			t.Errorf("block %d is gone", i)
		}
		p.Free(blocks[i])
	}
	for _, i := range []int{2, 3, 6, 7, 8} { // oldest first
		p.expropriate(&p.stocks[Small].parked)
		if p.Unpark(blocks[i], tickets[i]) {
			t.Errorf("block %d was not the oldest", i)
		}
	}
	if l := p.stocks[Small].parked; l != (parkedList{}) {
		t.Errorf("the list is %+v", l)
	}
}

func TestParkRefusesWhatOthersHold(t *testing.T) {
	p := newPoolOf(t, Config{})
	b := p.Alloc(1)
	v := p.Dup(b)
	if !panics(func() { p.Park(b) }) {
		t.Error("parked what a duplicate shows")
	}
	p.Free(v)
	p.Free(b)
}
