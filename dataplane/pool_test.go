package dataplane

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestArenaRefusesWhatItCannotBe(t *testing.T) {
	for name, c := range map[string]ArenaConfig{
		"no chunks":            {ChunkBytes: 2048},
		"too many chunks":      {Chunks: MaxChunks + 1, ChunkBytes: 2048},
		"too many in all":      {Hubs: 2, Chunks: MaxChunks/2 + 1, ChunkBytes: 2048},
		"too many hubs":        {Hubs: MaxHubs + 1, Chunks: 8, ChunkBytes: 2048},
		"short chunks":         {Chunks: 8, ChunkBytes: MinChunkBytes / 2},
		"long chunks":          {Chunks: 8, ChunkBytes: MaxChunkBytes * 2},
		"no power of two":      {Chunks: 8, ChunkBytes: 3000},
		"too many views":       {Chunks: 8, ChunkBytes: 2048, Views: MaxViews + 1},
		"a negative of views":  {Chunks: 8, ChunkBytes: 2048, Views: -1},
		"a negative of chunks": {Chunks: -8, ChunkBytes: 2048},
	} {
		if a, err := NewArena(c); !errors.Is(err, ErrArena) {
			t.Errorf("%s: %v, error %v", name, a, err)
		}
	}
}

func TestBlockPositions(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{})
	p := r.h.Pool
	b := p.Alloc()
	if p.Len(b) != 0 || len(p.Tail(b)) != MinChunkBytes-Headroom {
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
	if p.Prepend(b, Headroom+1) != nil || p.Extend(b, MinChunkBytes) != nil || p.Len(b) != 6 {
		t.Error("grown over the memory's end")
	}
	if p.Trim(b, 1000); p.Len(b) != 0 {
		t.Error("trim of all leaves something")
	}
	p.Window(b, 0, MinChunkBytes)
	if len(p.Bytes(b)) != MinChunkBytes {
		t.Error("the window is not the whole chunk")
	}
	if !panics(func() { p.Window(b, 1, MinChunkBytes) }) {
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
	r := newRig(t, 1, ArenaConfig{})
	b := r.h.Alloc()
	v := r.h.Dup(b)
	r.h.Pool.Free(v)
	if !panics(func() { r.h.Pool.Free(v) }) {
		t.Error("a duplicate freed twice")
	}
	r.h.Pool.Free(b)
	if !panics(func() { r.h.Pool.Free(b) }) {
		t.Error("a chunk freed twice")
	}
}

// TestDuplicatesFreeByReferenceCount: the memory goes back with its last holder,
// whoever that is.
func TestDuplicatesFreeByReferenceCount(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}} {
		r := newRig(t, 1, ArenaConfig{})
		p := r.h.Pool
		b := p.Alloc()
		copy(p.Extend(b, 4), "data")
		d := p.Dup(b)
		blocks := []BlockID{b, d, p.Dup(d)}
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
	r := newRig(t, 1, ArenaConfig{Views: maxRefs + 10})
	b := r.h.Alloc()
	var views []BlockID
	for {
		v := r.h.Dup(b)
		if v == 0 {
			break
		}
		views = append(views, v)
	}
	if len(views) != maxRefs-1 || r.h.PoolCounters().RefusedViews != 1 {
		t.Errorf("%d duplicates, %d refusals", len(views), r.h.PoolCounters().RefusedViews)
	}
	for range 12 {
		if l := r.h.Loan(); l != 0 {
			views = append(views, l)
		}
	}
	if len(views) != maxRefs+10 || r.h.Loan() != 0 || r.h.External([]byte{1}, func() {}) != 0 {
		t.Error("more views than there are")
	}
	for _, v := range views {
		if r.h.Borrowed(v) {
			r.h.Reclaim(v)
		} else {
			r.h.Pool.Free(v)
		}
	}
	if b2 := r.h.Dup(b); b2 == 0 {
		t.Error("no recovery")
	} else {
		r.h.Pool.Free(b2)
	}
	r.h.Pool.Free(b)
}

// TestExternalBlocks: esballoc. done is called with the last holder, once.
func TestExternalBlocks(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{})
	p := r.h.Pool
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
func build(p *Pool, kinds string, lens []int) (first BlockID, data []byte) {
	for i, n := range lens {
		b := p.Alloc()
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
	r := newRig(t, 1, ArenaConfig{})
	p := r.h.Pool
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
				if !bytes.Equal(octets(r.h, up), want) || p.Size(up) != total {
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
	r := newRig(t, 1, ArenaConfig{Chunks: 16})
	p := r.h.Pool
	b, want := build(p, "oooo", []int{300, 300, 10, 10})
	if p.PullUp(b, 621) != 0 || p.PullUp(b, MinChunkBytes-Headroom+1) != 0 {
		t.Error("more than there is, or than a block holds")
	}
	var held []BlockID
	for x := p.Alloc(); x != 0; x = p.Alloc() {
		held = append(held, x)
	}
	if p.PullUp(b, 310) != 0 {
		t.Error("without memory")
	}
	if !bytes.Equal(octets(r.h, b), want) {
		t.Error("the message has changed")
	}
	for _, x := range held {
		p.Free(x)
	}
	p.Free(b)
}

// TestDupAndCopyOfMessages: all blocks or none.
func TestDupAndCopyOfMessages(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 16, Views: 8})
	p := r.h.Pool
	b, want := build(p, "odxo", []int{10, 20, 30, 40})
	for name, one := range map[string]func(BlockID) BlockID{"dupmsg": p.DupMsg, "copymsg": p.CopyMsg} {
		d := one(b)
		if !bytes.Equal(octets(r.h, d), want) {
			t.Errorf("%s: other data", name)
		}
		p.Free(d)
		chunks, views := p.InUse()
		var held []BlockID
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

func TestCopyRefusesWhatAChunkDoesNotHold(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{})
	b := r.h.External(make([]byte, MinChunkBytes), func() {})
	if r.h.Copy(b) != 0 || r.h.PoolCounters().Refused != 1 {
		t.Error("copied, or not counted")
	}
	r.h.Pool.Free(b)
}

// TestReserveIsForControl: when data has eaten the rest, control still gets blocks,
// and when some come back data does too.
func TestReserveIsForControl(t *testing.T) {
	for chunks, reserve := range map[int]int{1: 0, 2: 1, 8: 4, 100: 4, 6400: 100} {
		r := newRig(t, 1, ArenaConfig{Chunks: chunks})
		p := r.h.Pool
		var held []BlockID
		for b := p.Alloc(); b != 0; b = p.Alloc() {
			held = append(held, b)
		}
		if len(held) != chunks-reserve || p.Available() != 0 {
			t.Errorf("of %d chunks data got %d; the reserve is %d", chunks, len(held), reserve)
		}
		for b := p.AllocControl(); b != 0; b = p.AllocControl() {
			held = append(held, b)
		}
		if len(held) != chunks || p.PoolCounters().Refused != 2 {
			t.Errorf("of %d chunks %d were given, %d refusals counted", chunks, len(held), p.PoolCounters().Refused)
		}
		slices.Sort(held)
		if len(slices.Compact(held)) != chunks {
			t.Error("a block was given twice")
		}
		for _, b := range held[:min(reserve+1, chunks)] {
			p.Free(b)
		}
		if b := p.Alloc(); b == 0 {
			t.Errorf("%d chunks: no recovery", chunks)
		} else {
			p.Free(b)
		}
		for _, b := range held[min(reserve+1, chunks):] {
			p.Free(b)
		}
	}
}

// TestBorrowedControlMayTakeTheReserve: a control message on loan that must be kept is
// copied even when data gets no blocks any more.
func TestBorrowedControlMayTakeTheReserve(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 8})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	var held []BlockID
	for b := r.h.Alloc(); b != 0; b = r.h.Alloc() {
		held = append(held, b)
	}
	loan := r.h.Loan()
	for _, typ := range []Type{Data, Proto, PCProto} {
		r.h.Lend(loan, []byte("x"))
		q.PutQ(Msg{Type: typ, Block: loan, Len: 1})
	}
	r.h.Reclaim(loan)
	if q.Len() != 2 || r.h.counters.NoBlocks != 1 {
		t.Errorf("%d queued and %d refused, want 2 and 1", q.Len(), r.h.counters.NoBlocks)
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
}

// TestBufCallServesInOrder: who waits for many is not starved by who waits for few.
func TestBufCallServesInOrder(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 16}) // 12 for data
	var held, served []BlockID
	for b := r.h.Alloc(); b != 0; b = r.h.Alloc() {
		held = append(held, b)
	}
	for _, n := range []int{5, 1, 2} {
		if !r.h.BufCall(n, func() {
			served = append(served, BlockID(n))
			for range n {
				held = append(held, r.h.Alloc())
			}
		}) {
			t.Fatal("refused")
		}
	}
	for i, want := range [][]BlockID{nil, nil, nil, nil, {5}, {5, 1}, {5, 1}, {5, 1, 2}} {
		r.h.Pool.Free(held[0])
		held = held[1:]
		if r.h.Pass(); !slices.Equal(served, want) {
			t.Errorf("after %d blocks: served %v, want %v", i+1, served, want)
		}
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if r.h.BufCall(13, func() {}) {
		t.Error("a call that can never be served")
	}
}

func TestBufCallIsBounded(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 8})
	var held []BlockID
	for b := r.h.Alloc(); b != 0; b = r.h.Alloc() {
		held = append(held, b)
	}
	n := 0
	for range MaxBufCalls {
		if !r.h.BufCall(1, func() { n++ }) {
			t.Fatal("refused")
		}
	}
	if r.h.BufCall(1, func() { n++ }) || r.h.counters.NoBufCalls != 1 {
		t.Error("one too many, or not counted")
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if r.settle(); n != MaxBufCalls {
		t.Errorf("%d served", n)
	}
}

// TestShedAndRecover: a stream whose sink keeps all blocks sheds, counts, lets control
// through, and carries data again by itself when the blocks are back.
func TestShedAndRecover(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 32})
	e := &end{stalled: true}
	shed, sent := 0, 0
	top := r.add(r.h, Module{Name: "source"})
	_, w := r.queues(top)
	if err := r.h.AddPoller(top, &poller{poll: func() int {
		if sent == 100 {
			return 0
		}
		if sent++; r.h.Available() == 0 {
			r.h.Alloc()
			shed++
			return 1
		}
		w.PutNext(text(t, r.h, "data"))
		return 1
	}}); err != nil {
		t.Fatal(err)
	}
	r.join(r.add(r.h, e.bottom()), top)
	r.settle()
	if shed != 100-28 || r.h.PoolCounters().Refused != uint64(shed) {
		t.Fatalf("%d shed, %d counted", shed, r.h.PoolCounters().Refused)
	}
	b := r.h.AllocControl()
	if b == 0 {
		t.Fatal("no block for control")
	}
	w.PutNext(Msg{Type: PCProto, Block: b})
	e.resume()
	r.settle()
	sent = 0
	e.got = nil
	if r.settle(); len(e.got) != 100 {
		t.Errorf("%d of 100 arrived afterwards", len(e.got))
	}
}

// TestNoSleepOverServableBufCall: blocks that a flush freed at the end of a pass are
// seen before the hub sleeps.
func TestNoSleepOverServableBufCall(t *testing.T) {
	r := newRig(t, 1, ArenaConfig{Chunks: 8})
	var held []BlockID
	for b := r.h.Alloc(); b != 0; b = r.h.Alloc() {
		held = append(held, b)
	}
	r.h.BufCall(1, func() {})
	if r.h.Pass(); r.h.pending() {
		t.Error("it may sleep: nothing has come back")
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
	if !r.h.pending() {
		t.Error("it would sleep while a call could be served")
	}
}
