package block

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestArenaRefusesWhatItCannotBe(t *testing.T) {
	for name, c := range map[string]Config{
		"no blocks":       {},
		"too many blocks": {Small: MaxBlocks + 1},
		"too many in all": {Hubs: 2, Small: MaxBlocks / 4, Medium: MaxBlocks / 4, Large: 1},
		"too many hubs":   {Hubs: MaxHubs + 1, Small: 8},
		"too many views":  {Small: 8, Views: MaxViews + 1},
		"negative views":  {Small: 8, Views: -1},
		"negative small":  {Small: -8, Large: 9},
		"negative large":  {Small: 8, Large: -1},
	} {
		if a, err := NewArena(c); !errors.Is(err, ErrArena) {
			t.Errorf("%s: %v, error %v", name, a, err)
		}
	}
}

func TestBlockPositions(t *testing.T) {
	p := newPoolOf(t, Config{})
	b := p.Alloc(1)
	if p.Len(b) != 0 || len(p.Tail(b)) != p.MaxAlloc() {
		t.Fatalf("a fresh block has %d octets and %d of room", p.Len(b), len(p.Tail(b)))
	}
	copy(p.Extend(b, 6), "middle")
	copy(p.Prepend(b, 6), "front ")
	copy(p.Extend(b, 5), " tail")
	if got := string(p.Bytes(b)); got != "front middle tail" {
		t.Errorf("got %q", got)
	}
	p.Trim(b, 6)
	p.Cut(b, 6)
	if got := string(p.Bytes(b)); got != "middle" {
		t.Errorf("after trim and cut: %q", got)
	}
	if p.Cut(b, 400); p.Len(b) != 6 {
		t.Error("cut has lengthened")
	}
	if p.Prepend(b, Headroom+1) != nil || p.Extend(b, SmallBytes) != nil || p.Len(b) != 6 {
		t.Error("grown over the memory's end")
	}
	if p.Trim(b, 1000); p.Len(b) != 0 {
		t.Error("trim of all leaves something")
	}
	p.Window(b, 0, SmallBytes)
	if len(p.Bytes(b)) != SmallBytes {
		t.Error("the window is not the whole chunk")
	}
	if !panics(func() { p.Window(b, 1, SmallBytes) }) {
		t.Error("a window outside the memory")
	}
	p.Free(b)
}

func panics(fn func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	fn()
	return false
}

func TestFreedTwicePanics(t *testing.T) {
	p := newPoolOf(t, Config{})
	b := p.Alloc(1)
	v := p.Dup(b)
	p.Free(v)
	if !panics(func() { p.Free(v) }) {
		t.Error("a duplicate freed twice")
	}
	p.Free(b)
	if !panics(func() { p.Free(b) }) {
		t.Error("a chunk freed twice")
	}
}

// TestDuplicatesFreeByReferenceCount: the memory goes back with its last holder,
// whoever that is.
func TestDuplicatesFreeByReferenceCount(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}} {
		p := newPoolOf(t, Config{})
		b := p.Alloc(1)
		copy(p.Extend(b, 4), "data")
		d := p.Dup(b)
		blocks := []ID{b, d, p.Dup(d)}
		p.Trim(d, 1) // a position of its own
		if string(p.Bytes(b)) != "data" || string(p.Bytes(d)) != "ata" || string(p.Bytes(blocks[2])) != "data" {
			t.Fatal("the duplicates do not show the memory")
		}
		for _, x := range blocks {
			if p.Prepend(x, 1) != nil || p.Extend(x, 1) != nil {
				t.Fatal("shared memory may be written")
			}
		}
		for i, n := range order {
			if chunks, _ := p.InUse(); chunks != 1 {
				t.Fatalf("order %v: memory back after %d of 3", order, i)
			}
			p.Free(blocks[n])
		}
		if chunks, views := p.InUse(); chunks != 0 || views != 0 {
			t.Errorf("order %v: %d chunks and %d views are out", order, chunks, views)
		}
	}
}

func TestDupIsRefusedPastTheLimits(t *testing.T) {
	p := newPoolOf(t, Config{Views: maxRefs + 10})
	b := p.Alloc(1)
	var views []ID
	for {
		v := p.Dup(b)
		if v == 0 {
			break
		}
		views = append(views, v)
	}
	if len(views) != maxRefs-1 || p.Counters().RefusedViews != 1 {
		t.Errorf("%d duplicates, %d refusals", len(views), p.Counters().RefusedViews)
	}
	for range 12 {
		if l := p.Loan(); l != 0 {
			views = append(views, l)
		}
	}
	if len(views) != maxRefs+10 || p.Loan() != 0 || p.External([]byte{1}, func() {}) != 0 {
		t.Error("more views than there are")
	}
	for _, v := range views {
		if p.Borrowed(v) {
			p.Reclaim(v)
		} else {
			p.Free(v)
		}
	}
	if b2 := p.Dup(b); b2 == 0 {
		t.Error("no recovery")
	} else {
		p.Free(b2)
	}
	p.Free(b)
}

// TestExternalBlocks: esballoc. done is called with the last holder, once.
func TestExternalBlocks(t *testing.T) {
	p := newPoolOf(t, Config{})
	done := 0
	mem := []byte("not the pool's")
	b := p.External(mem, func() { done++ })
	d := p.Dup(b)
	if string(p.Bytes(d)) != string(mem) || p.Prepend(b, 0) != nil || p.Extend(b, 0) != nil {
		t.Error("an external block shows other memory, or may be written")
	}
	c := p.Copy(b)
	if p.Free(b); done != 0 {
		t.Error("done while a duplicate stands")
	}
	if p.Free(d); done != 1 {
		t.Errorf("done called %d times", done)
	}
	clear(mem)
	if string(p.Bytes(c)) != "not the pool's" {
		t.Error("the copy is none")
	}
	p.Free(c)
}

// build makes a message of the given block lengths with running octets; kinds says
// how each block is held.
func build(p *Pool, kinds string, lens []int) (first ID, data []byte) {
	for i, n := range lens {
		b := p.Alloc(n)
		part := p.Extend(b, n)
		for j := range part {
			part[j] = byte(len(data) + j)
		}
		data = append(data, part...)
		if kinds[i] == 'd' { // a duplicate, the original freed
			v := p.Dup(b)
			p.Free(b)
			b = v
		}
		if kinds[i] == 'x' {
			mem := bytes.Clone(part)
			p.Free(b)
			b = p.External(mem, func() {})
		}
		if first == 0 {
			first = b
		} else {
			p.Append(first, b)
		}
	}
	return first, data
}

// TestPullUp makes the first n octets of messages of all shapes lie in one block.
func TestPullUp(t *testing.T) {
	p := newPoolOf(t, Config{})
	for _, lens := range [][]int{{10}, {0, 10}, {3, 0, 4, 5}, {100, 200, 100}, {1, 1, 1, 1, 1}} {
		for _, kinds := range []string{"ooooo", "ddddd", "xoxox", "odood"} {
			total := 0
			for _, n := range lens {
				total += n
			}
			for _, n := range []int{0, 1, lens[0], total / 2, total, -1} {
				name := fmt.Sprint(lens, kinds, n)
				b, want := build(p, kinds, lens)
				up := p.PullUp(b, n)
				if up == 0 {
					t.Fatalf("%s: refused", name)
				}
				if n < 0 {
					n = total
				}
				if p.Len(up) < n || p.Prepend(up, 0) == nil {
					t.Errorf("%s: the first block has %d octets, or is shared", name, p.Len(up))
				}
				if !bytes.Equal(octets(p, up), want) || p.Size(up) != total {
					t.Errorf("%s: the data has changed", name)
				}
				p.Free(up)
				if chunks, views := p.InUse(); chunks != 0 || views != 0 {
					t.Fatalf("%s: %d chunks and %d views are out", name, chunks, views)
				}
			}
		}
	}
}

func TestPullUpRefusesAndChangesNothing(t *testing.T) {
	p := newPoolOf(t, Config{Small: 16})
	b, want := build(p, "oooo", []int{300, 300, 10, 10})
	if p.PullUp(b, 621) != 0 || p.PullUp(b, p.MaxAlloc()+1) != 0 {
		t.Error("more than there is, or than a block holds")
	}
	var held []ID
	for x := p.Alloc(1); x != 0; x = p.Alloc(1) {
		held = append(held, x)
	}
	if p.PullUp(b, 310) != 0 {
		t.Error("without memory")
	}
	if !bytes.Equal(octets(p, b), want) {
		t.Error("the message has changed")
	}
	for _, x := range held {
		p.Free(x)
	}
	p.Free(b)
}

// TestDupAndCopyOfMessages: all blocks or none.
func TestDupAndCopyOfMessages(t *testing.T) {
	p := newPoolOf(t, Config{Small: 16, Views: 8})
	b, want := build(p, "odxo", []int{10, 20, 30, 40})
	for name, one := range map[string]func(ID) ID{"dupmsg": p.DupMsg, "copymsg": p.CopyMsg} {
		d := one(b)
		if !bytes.Equal(octets(p, d), want) {
			t.Errorf("%s: other data", name)
		}
		p.Free(d)
		chunks, views := p.InUse()
		var held []ID
		for {
			d := one(b)
			if d == 0 {
				break
			}
			held = append(held, d)
		}
		for _, d := range held {
			p.Free(d)
		}
		if c, v := p.InUse(); c != chunks || v != views {
			t.Errorf("%s refused half way: %d chunks and %d views out, %d and %d before", name, c, v, chunks, views)
		}
	}
	p.Free(b)
}

// TestSizes: whatever the sizes asked for, a block has the room that was named, and what
// no size holds is refused and counted.
func TestSizes(t *testing.T) {
	for _, c := range []struct {
		config Config
		most   int
	}{
		{Config{Small: 8}, SmallBytes - Headroom},
		{Config{Small: 8, Medium: 8}, MediumBytes - Headroom},
		{Config{Small: 8, Medium: 8, Large: 8}, LargeBytes - Headroom},
		{Config{Small: 8, Large: 8}, LargeBytes - Headroom},
	} {
		p := newPoolOf(t, c.config)
		if p.MaxAlloc() != c.most {
			t.Errorf("%+v: %d octets at most, want %d", c.config, p.MaxAlloc(), c.most)
		}
		for _, n := range []int{0, 1, SmallBytes - Headroom, SmallBytes - Headroom + 1, MediumBytes - Headroom, MediumBytes, LargeBytes - Headroom} {
			if n > c.most {
				continue
			}
			for _, alloc := range []func(int) ID{p.Alloc, p.AllocControl} {
				b := alloc(n)
				if b == 0 || len(p.Tail(b)) < n || p.Extend(b, n) == nil || p.Available(n) == 0 || p.Limit(n) == 0 {
					t.Fatalf("%+v: no room for %d octets", c.config, n)
				}
				p.Free(b)
			}
		}
		before := p.Counters().Refused
		if p.Alloc(c.most+1)|p.AllocControl(c.most+1) != 0 || p.Counters().Refused != before+2 || p.Available(c.most+1) != 0 || p.Limit(c.most+1) != 0 {
			t.Errorf("%+v: more than a block holds, or not counted", c.config)
		}
	}
}

// TestGrow: data that outgrows its block moves to one with room, or stays as it was.
func TestGrow(t *testing.T) {
	p := newPoolOf(t, Config{Small: 8, Medium: 8})
	b := p.Alloc(10)
	copy(p.Extend(b, 4), "data")
	if p.Grow(b, 1) != b {
		t.Error("it has room, and was moved")
	}
	d := p.Dup(b)
	c := p.Grow(d, MediumBytes-Headroom-4)
	if c == d || c == 0 || string(p.Bytes(c)) != "data" || len(p.Tail(c)) < MediumBytes-Headroom-4 {
		t.Errorf("a shared block: %d", c)
	}
	p.Free(b)
	if p.Grow(c, MediumBytes) != 0 || string(p.Bytes(c)) != "data" {
		t.Error("grown over the largest block, or changed")
	}
	p.Free(c)
}

// TestBlocksComeHome: what a pool frees of another's is there after SendHome and TakeHome,
// however much it is, and tells whom to wake.
func TestBlocksComeHome(t *testing.T) {
	p := newPoolOf(t, Config{Hubs: 2, Small: 33})
	o := p.Arena.Pool(1)
	for _, want := range []bool{false, true} {
		p.Want(want)
		n := 0
		for b := p.AllocControl(1); b != 0; b = p.AllocControl(1) {
			o.Free(b)
			n++
		}
		if p.Returning() != 0 {
			t.Error("blocks are on their way before they were sent")
		}
		if wake := o.SendHome(); n != 33 || (wake == 1) != want {
			t.Errorf("%d blocks; to wake: %b, want %v", n, wake, want)
		}
		if p.Returning() != 33 || p.TakeHome() != 33 || o.SendHome() != 0 {
			t.Error("not all have come home, or some twice")
		}
	}
}

func TestCopyRefusesWhatAChunkDoesNotHold(t *testing.T) {
	p := newPoolOf(t, Config{})
	b := p.External(make([]byte, SmallBytes), func() {})
	if p.Copy(b) != 0 || p.Counters().Refused != 1 {
		t.Error("copied, or not counted")
	}
	p.Free(b)
}

// TestReserveIsForControl: when data has eaten the rest, control still gets blocks,
// and when some come back data does too.
func TestReserveIsForControl(t *testing.T) {
	for chunks, reserve := range map[int]int{1: 0, 2: 1, 8: 4, 100: 4, 6400: 100} {
		p := newPoolOf(t, Config{Small: chunks})
		var held []ID
		for b := p.Alloc(1); b != 0; b = p.Alloc(1) {
			held = append(held, b)
		}
		if len(held) != chunks-reserve || p.Available(1) != 0 {
			t.Errorf("of %d chunks data got %d; the reserve is %d", chunks, len(held), reserve)
		}
		for b := p.AllocControl(1); b != 0; b = p.AllocControl(1) {
			held = append(held, b)
		}
		if len(held) != chunks || p.Counters().Refused != 2 {
			t.Errorf("of %d chunks %d were given, %d refusals counted", chunks, len(held), p.Counters().Refused)
		}
		slices.Sort(held)
		if len(slices.Compact(held)) != chunks {
			t.Error("a block was given twice")
		}
		for _, b := range held[:min(reserve+1, chunks)] {
			p.Free(b)
		}
		if b := p.Alloc(1); b == 0 {
			t.Errorf("%d chunks: no recovery", chunks)
		} else {
			p.Free(b)
		}
		for _, b := range held[min(reserve+1, chunks):] {
			p.Free(b)
		}
	}
}

// TestAtFindsTheBlock that a piece of the region lies in, as a device gives it back.
func TestAtFindsTheBlock(t *testing.T) {
	p := newPoolOf(t, Config{Small: 8})
	for range 3 {
		b := p.Alloc(1)
		defer p.Free(b)
		m := p.Memory(b)
		for _, c := range []struct{ from, to int }{{0, SmallBytes}, {0, 0}, {256, 300}, {SmallBytes - 1, SmallBytes}} {
			if got, from := p.At(m[c.from:c.to]); got != b || from != c.from {
				t.Errorf("[%d:%d] of block %d: %d, %d", c.from, c.to, b, got, from)
			}
		}
	}
	for name, piece := range map[string][]byte{
		"of two blocks": p.mem[SmallBytes-1 : SmallBytes+1], "elsewhere": make([]byte, 10), "nothing": nil,
	} {
		if b, _ := p.At(piece); b != 0 {
			t.Errorf("a piece %s is block %d", name, b)
		}
	}
}
