package block

import (
	"slices"
	"testing"
	"unsafe"
)

// An allocation takes the smallest block that holds it.
func TestAllocChoosesTheSize(t *testing.T) {
	p := newPoolOf(t, Config{Small: 8, Medium: 8, Large: 8})
	for _, c := range []struct {
		n    int
		want Size
	}{
		{0, Small}, {1, Small}, {SmallBytes - Headroom, Small}, {SmallBytes - Headroom + 1, Medium},
		{MediumBytes - Headroom, Medium}, {MediumBytes - Headroom + 1, Large}, {LargeBytes - Headroom, Large},
	} {
		b := p.Alloc(c.n)
		if b == 0 || p.Out(c.want) != 1 || len(p.Tail(b)) != c.want.Bytes()-Headroom {
			t.Errorf("%d octets: block %d, %d %s ones out, %d octets of room", c.n, b, p.Out(c.want), c.want, len(p.Tail(b)))
		}
		p.Free(b)
	}
	if b := p.Alloc(LargeBytes - Headroom + 1); b != 0 || p.Counters().Refused != 1 {
		t.Errorf("more than the largest holds: block %d, %d refused", b, p.Counters().Refused)
	}
}

// Where an arena lacks a size, the next larger serves.
func TestAllocWithoutSmallBlocks(t *testing.T) {
	a, err := NewArena(Config{Medium: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	p := a.Pool(0)
	if p.MaxAlloc() != MediumBytes-Headroom {
		t.Errorf("at most %d octets", p.MaxAlloc())
	}
	b := p.Alloc(1)
	if b == 0 || p.Out(Medium) != 1 {
		t.Errorf("block %d, %d out", b, p.Out(Medium))
	}
	if p.Alloc(MediumBytes) != 0 {
		t.Error("a large block where there is none")
	}
	p.Free(b)
}

// No two blocks share memory, whatever their hubs and sizes, and the small ones lie as a
// UMEM wants them.
func TestBlocksAreDisjoint(t *testing.T) {
	a, err := NewArena(Config{Hubs: 3, Small: 5, Medium: 3, Large: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	type span struct{ from, to int }
	var spans []span
	for i := range 3 {
		p := a.Pool(i)
		for s := range Sizes {
			for range p.BlocksOf(s) {
				b := p.AllocControl(s.Bytes() - Headroom)
				p.Window(b, 0, s.Bytes())
				m := p.Bytes(b)
				from := place(a, m)
				spans = append(spans, span{from, from + len(m)})
				if s == Small && from%SmallBytes != 0 {
					t.Errorf("a small block begins at %d", from)
				}
			}
		}
	}
	slices.SortFunc(spans, func(x, y span) int { return x.from - y.from })
	for i := range spans[1:] {
		if spans[i].to > spans[i+1].from {
			t.Fatalf("blocks at %d:%d and %d", spans[i].from, spans[i].to, spans[i+1].from)
		}
	}
	if last := spans[len(spans)-1].to; last != len(a.mem) {
		t.Errorf("the blocks end at %d of %d octets", last, len(a.mem))
	}
}

// place is where m lies in the arena.
func place(a *Arena, m []byte) int {
	return int(uintptr(unsafe.Pointer(&m[0])) - uintptr(unsafe.Pointer(&a.mem[0])))
}

// When one size has run out the others go on, and control still gets of each.
func TestSizesDoNotHelpEachOther(t *testing.T) {
	for s := range Sizes {
		p := newPoolOf(t, Config{Small: 64, Medium: 64, Large: 64})
		n := s.Bytes() - Headroom
		var taken []ID
		for b := p.Alloc(n); b != 0; b = p.Alloc(n) {
			taken = append(taken, b)
		}
		if len(taken) != p.Limit(n) || p.Available(n) != 0 {
			t.Errorf("%s: %d taken, limit %d, %d left", s, len(taken), p.Limit(n), p.Available(n))
		}
		for o := range Sizes {
			if b := p.Alloc(o.Bytes() - Headroom); (b != 0) != (o != s) {
				t.Errorf("without %s ones a %s one: block %d", s, o, b)
			} else if b != 0 {
				p.Free(b)
			}
		}
		c := p.AllocControl(n)
		if c == 0 {
			t.Errorf("%s: control gets nothing", s)
		}
		for _, b := range append(taken, c) {
			p.Free(b)
		}
	}
}

// Data that outgrows its block moves to a larger one, and the small one is free at once.
func TestGrowMovesToALargerSize(t *testing.T) {
	p := newPoolOf(t, Config{Small: 8, Medium: 8, Large: 8})
	b := p.Alloc(1)
	want := make([]byte, 0, LargeBytes)
	for len(want) < LargeBytes-Headroom-100 {
		piece := []byte("a piece of a PDU")
		if b = p.Grow(b, len(piece)); b == 0 {
			t.Fatal("no memory")
		}
		copy(p.Extend(b, len(piece)), piece)
		want = append(want, piece...)
		if blocks, _ := p.InUse(); blocks != 1 {
			t.Fatalf("%d blocks for one piece of data", blocks)
		}
	}
	if string(p.Bytes(b)) != string(want) || p.Out(Large) != 1 {
		t.Error("the data is another, or in another block")
	}
	if p.Grow(b, LargeBytes) != 0 || p.Len(b) != len(want) {
		t.Error("grown over the largest")
	}
	p.Free(b)
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := newPoolOf(t, Config{Small: 64, Medium: 8, Large: 8})
	if n := testing.AllocsPerRun(100, func() {
		b := p.Alloc(1500)
		p.Extend(b, 1500)
		p.Unpark(b, p.Park(b))
		b = p.Grow(b, 3000)
		p.Free(p.Dup(b))
		p.Free(b)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
