package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// across joins a bottom on hub 0 and a top on hub 1, with a module above the bottom.
func across(r *rig) (bottom, top *end, up, down *Queue) {
	bottom, top = &end{}, &end{}
	ids := r.chain(bottom.bottom(), pass("m"))
	id := r.add(r.hubs[1], pass("source"))
	above := r.add(r.hubs[1], top.top())
	r.join(ids[1], id)
	r.join(id, above)
	up, _ = r.queues(ids[1])
	_, down = r.queues(id)
	return bottom, top, up, down
}

func (r *rig) proxies() (n int) {
	for _, h := range r.hubs {
		for _, p := range h.standing() {
			if p.proxy != nil {
				n++
			}
		}
	}
	return n
}

func TestConnectRefusesWhatIsNoFabric(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	other := newRig(t, 1, block.Config{})
	for name, hubs := range map[string][]*Hub{
		"out of order": {r.hubs[1], r.hubs[0]}, "not all": r.hubs[:1], "another arena": {r.hubs[0], other.h}, "twice": r.hubs,
	} {
		if _, err := connectHubs(hubs...); !errors.Is(err, ErrHub) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOrderHoldsAcrossHubs sends both ways while ends stall and hubs turn at random.
func TestOrderHoldsAcrossHubs(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			r := newRig(t, 2, block.Config{})
			bottom, top, up, down := across(r)
			ends, sources := [2]*end{bottom, top}, [2]*Queue{down, up}
			var sent [2][]uint64
			for i := range 2000 {
				dir := rng.IntN(2)
				put(sources[dir], numbered(i))
				sent[dir] = append(sent[dir], uint64(i))
				switch n := rng.IntN(20); n {
				case 0, 1, 2, 3:
					r.hubs[n%2].Pass()
				case 4:
					ends[dir].stalled = true
				case 5:
					ends[dir].resume()
				}
			}
			bottom.resume()
			top.resume()
			r.settle()
			for dir, e := range ends {
				if !slices.Equal(e.got, sent[dir]) {
					t.Fatalf("direction %d: %d of %d arrived, or in another order", dir, len(e.got), len(sent[dir]))
				}
			}
		})
	}
}

// TestCreditBoundsWhatIsUnderWay: with a far end that takes nothing, no more than the
// window is on the other hub, the rest backs up to the sender.
func TestCreditBoundsWhatIsUnderWay(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	_, top, up, _ := across(r)
	top.stalled = true
	up.SetMarks(400, 100)
	for i := range 20000 {
		put(up, numbered(i))
		if i%10 == 0 {
			r.hubs[0].Pass()
			r.hubs[1].Pass()
		}
	}
	far := 0
	for _, p := range r.hubs[1].standing() {
		far += p.rq.Len()
	}
	// What fills the top and the module below it, and the window.
	if fill := 2 * (400/msgCost + 1); far > creditWindow+fill || far < creditWindow {
		t.Errorf("%d messages are on the other hub; the window is %d", far, creditWindow)
	}
	if !up.Full() {
		t.Error("the sender is not full")
	}
	top.resume()
	r.settle()
	if !slices.Equal(top.got, count(0, 20000)) {
		t.Errorf("%d arrived", len(top.got))
	}
}

// TestSlowStreamStopsNobodyElse.
func TestSlowStreamStopsNobodyElse(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	_, slow, upSlow, _ := across(r)
	_, fast, upFast, _ := across(r)
	slow.stalled = true
	for i := range 5000 {
		put(upSlow, numbered(i))
		put(upFast, numbered(i))
	}
	r.settle()
	if len(slow.got) != 0 || len(fast.got) != 5000 {
		t.Errorf("the slow one took %d, the fast one %d", len(slow.got), len(fast.got))
	}
	slow.resume()
	r.settle()
}

// TestFullRingBackpressures: streams enough to fill the ring to a hub that does not
// turn. High-priority messages and credits have a ring of their own and get past.
func TestFullRingBackpressures(t *testing.T) {
	const streams, each = dataRing/creditWindow + 8, 100
	r := newRig(t, 2, block.Config{})
	var tops []*end
	var ups []*Queue
	for range streams {
		_, top, up, _ := across(r)
		tops, ups = append(tops, top), append(ups, up)
	}
	for i := range each {
		for _, up := range ups {
			put(up, numbered(i))
		}
	}
	for range 20 {
		r.hubs[0].Pass()
	}
	p := r.hubs[0].peers[1]
	if p.data.Free() != 0 || len(p.waiting) == 0 {
		t.Fatalf("the ring has room for %d, %d proxies wait", p.data.Free(), len(p.waiting))
	}
	put(ups[0], Msg{Type: PCProto, Conn: 1000})
	r.hubs[0].Pass()
	r.hubs[1].Pass()
	if got := tops[0].got; len(got) == 0 || got[0] != 1000 {
		t.Errorf("high priority did not come first: %v", got)
	}
	r.settle()
	want := append([]uint64{1000}, count(0, each)...)
	for i, top := range tops {
		if i > 0 {
			want = count(0, each)
		}
		if !slices.Equal(top.got, want) {
			t.Fatalf("stream %d: arrived %v", i, top.got)
		}
	}
	if len(p.waiting) != 0 || p.full.Load() {
		t.Error("proxies still wait")
	}
}

// TestFullUrgentRing: more high-priority messages than the ring holds, and credits
// behind them.
func TestFullUrgentRing(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	bottom, top, up, down := across(r)
	const n = 2*urgentRing + 100
	for i := range n {
		put(up, Msg{Type: PCProto, Conn: uint64(i)})
	}
	if r.hubs[0].peers[1].urgent.Free() != 0 {
		t.Error("the test does not fill the ring")
	}
	for i := range 2 * creditWindow {
		put(down, numbered(i))
	}
	r.settle()
	if !slices.Equal(top.got, count(0, n)) || !slices.Equal(bottom.got, count(0, 2*creditWindow)) {
		t.Errorf("%d and %d arrived, or in another order", len(top.got), len(bottom.got))
	}
}

// TestBlocksCrossAndComeHome: an owned block crosses as it is; a shared, borrowed or
// external one is copied.
func TestBlocksCrossAndComeHome(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	_, top, up, _ := across(r)
	done, held := 0, block.ID(0)
	for _, c := range []struct {
		name   string
		make   func() Msg
		copies uint64
		chunks int // of hub 0 out when the message has crossed
	}{
		{"owned", func() Msg { return text(t, r.h, "data") }, 0, 1},
		{"shared", func() Msg {
			m := text(t, r.h, "data")
			held = r.h.Pool.Dup(m.Block)
			return m
		}, 1, 2},
		{"the duplicate", func() Msg {
			m := text(t, r.h, "data")
			held = m.Block
			m.Block = r.h.Pool.Dup(m.Block)
			return m
		}, 1, 2},
		{"external", func() Msg {
			return Msg{Type: Data, Block: r.h.Pool.External([]byte("data"), func() { done++ }), Len: 4}
		}, 1, 1},
		{"chained", func() Msg {
			m := text(t, r.h, "da")
			r.h.Pool.Append(m.Block, text(t, r.h, "ta").Block)
			m.Len = 4
			return m
		}, 0, 2},
	} {
		top.stalled = true
		top.texts = nil
		copied := r.h.Pool.Counters().Copied
		put(up, c.make())
		r.settle()
		chunks, _ := r.h.Pool.InUse()
		if got := r.h.Pool.Counters().Copied - copied; got != c.copies || chunks != c.chunks {
			t.Errorf("%s: %d copies, %d chunks out", c.name, got, chunks)
		}
		if held != 0 {
			r.h.Pool.Free(held)
			held = 0
		}
		top.resume()
		r.settle()
		if !slices.Equal(top.texts, []string{"data"}) {
			t.Errorf("%s: arrived %q", c.name, top.texts)
		}
		if chunks, views := r.h.Pool.InUse(); chunks+views != 0 {
			t.Errorf("%s: %d chunks and %d views have not come home", c.name, chunks, views)
		}
	}
	if done != 1 {
		t.Errorf("the external block was given back %d times", done)
	}
}

// TestSharedControlCrossesWithoutBlocksForData.
func TestSharedControlCrossesWithoutBlocksForData(t *testing.T) {
	r := newRig(t, 2, block.Config{Small: 16})
	_, top, up, _ := across(r)
	m := text(t, r.h, "x")
	dup := r.h.Pool.Dup(m.Block)
	held := []block.ID{dup}
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		held = append(held, b)
	}
	m.Type = PCProto
	put(up, m)
	data := Msg{Type: Data, Block: r.h.Pool.Dup(dup), Len: 1}
	put(up, data)
	r.settle()
	if len(top.got) != 1 || top.msgs[0].Type != PCProto || r.h.counters.NoBlocks != 1 {
		t.Errorf("arrived %v; %d counted", top.msgs, r.h.counters.NoBlocks)
	}
	for _, b := range held {
		r.h.Pool.Free(b)
	}
}

// TestBufCallHearsOfBlocksThatComeHome.
func TestBufCallHearsOfBlocksThatComeHome(t *testing.T) {
	r := newRig(t, 2, block.Config{Small: 16})
	_, top, up, _ := across(r)
	top.stalled = true
	for range 12 {
		put(up, text(t, r.h, "x"))
	}
	r.settle()
	if r.h.Pool.Alloc(1) != 0 {
		t.Fatal("there are blocks")
	}
	called := false
	r.h.BufCall(3, 1, func() { called = true })
	r.settle()
	if called {
		t.Error("called too early")
	}
	top.resume()
	r.settle()
	if !called {
		t.Error("not called")
	}
}

// TestFlushAcrossHubs empties both sides, and the credit of what it frees comes back.
func TestFlushAcrossHubs(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	bottom, top, up, down := across(r)
	for round := range 20 {
		top.stalled, bottom.stalled = true, true
		for i := range 3 * creditWindow {
			put(up, numbered(i))
			put(down, numbered(i))
		}
		for range round % 4 {
			r.hubs[round%2].Pass()
			r.hubs[1-round%2].Pass()
		}
		top.q.Mate().PutNext(Msg{Type: Flush, Info: FlushRead | FlushWrite})
		bottom.q.Mate().PutNext(Msg{Type: Flush, Info: FlushRead | FlushWrite})
		top.resume()
		bottom.resume()
		r.settle()
	}
	top.got, bottom.got = nil, nil
	for i := range 10 * creditWindow {
		put(up, numbered(i))
		put(down, numbered(i))
	}
	r.settle()
	if want := count(0, 10*creditWindow); !slices.Equal(top.got, want) || !slices.Equal(bottom.got, want) {
		t.Errorf("afterwards %d and %d arrived of %d", len(top.got), len(bottom.got), len(want))
	}
}

// TestCreditOfLostMessagesComesBack: what the far hub cannot queue is counted there,
// and the stream goes on.
func TestCreditOfLostMessagesComesBack(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	_, top, up, _ := across(r)
	top.stalled = true
	n := 0
	_, hog := r.queues(r.add(r.hubs[1], runs(&n)))
	for range MaxQueued {
		hog.PutQ(numbered(0))
	}
	for i := range 10 * creditWindow {
		put(up, numbered(i))
		r.hubs[0].Pass()
		r.hubs[1].Pass()
	}
	r.settle()
	if lost := r.hubs[1].counters.NoNodes; lost < 9*creditWindow {
		t.Fatalf("%d were lost for want of nodes", lost)
	}
	hog.FlushQ(true)
	top.resume()
	r.settle()
	top.got = nil
	for i := range 3 * creditWindow {
		put(up, numbered(i))
	}
	r.settle()
	if !slices.Equal(top.got, count(0, 3*creditWindow)) {
		t.Errorf("afterwards %d arrived", len(top.got))
	}
}

// TestAnswersAcrossHubsAreNotLost: the far end answers everything at once, more than
// the hub's own ring holds.
func TestAnswersAcrossHubsAreNotLost(t *testing.T) {
	const streams, each = MaxDeferred/creditWindow + 10, 3 * creditWindow
	r := newRig(t, 2, block.Config{})
	var bottoms []*end
	for range streams {
		bottom := &end{}
		b := r.add(r.hubs[0], bottom.bottom())
		src := r.add(r.hubs[0], pass("source"))
		r.join(b, src)
		r.join(src, r.add(r.hubs[1], Module{Name: "echo", ReadPut: func(q *Queue, m Msg) { q.Reply(m) }}))
		up, _ := r.queues(src)
		for i := range each {
			put(up, numbered(i))
		}
		bottoms = append(bottoms, bottom)
	}
	r.settle()
	for i, b := range bottoms {
		if !slices.Equal(b.got, count(0, each)) {
			t.Fatalf("stream %d: %d of %d came back; %d lost", i, len(b.got), each, r.hubs[1].counters.NoDefer)
		}
	}
}

func TestJoinAcrossHubsRefusedLeavesNothing(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	a := r.chain(through("a"), through("b"))
	b := r.add(r.hubs[1], through("c"))
	for name, c := range map[string][2]ProcID{
		"linked above":    {a[0], b},
		"nobody above":    {a[1], 1<<hubShift | 77},
		"nobody below":    {77, b},
		"no such hub":     {a[1], 5<<hubShift | 1},
		"no such hub too": {5<<hubShift | 1, b},
	} {
		if err := r.fabric.Join(c[0], c[1]); !errors.Is(err, ErrHub) {
			t.Errorf("%s: %v", name, err)
		}
		if n := r.proxies(); n != 0 {
			t.Fatalf("%s: %d proxies are left", name, n)
		}
	}
}

// TestPartAcrossHubs: what is under way is counted, nothing reaches the streams that
// are joined by the same places next.
func TestPartAcrossHubs(t *testing.T) {
	for passes := range 6 {
		r := newRig(t, 2, block.Config{})
		_, top, up, down := across(r)
		lower, upper := up.ID(), down.ID()
		top.stalled = true
		for i := range 2 * creditWindow {
			put(up, text(t, r.h, "old"))
			put(down, Msg{Type: PCProto, Conn: uint64(i)})
		}
		for i := range passes {
			r.hubs[i%2].Pass()
		}
		if err := r.fabric.Part(lower); err != nil {
			t.Fatal(err)
		}
		if n := r.proxies(); n != 0 {
			t.Fatalf("%d proxies are left", n)
		}
		r.join(lower, upper)
		put(up, text(t, r.h, "new"))
		top.resume()
		r.settle()
		if n := len(top.texts); n == 0 || top.texts[n-1] != "new" || slices.Contains(top.texts[:n-1], "new") {
			t.Errorf("after %d passes: arrived %v", passes, top.texts)
		}
		for _, h := range r.hubs {
			for _, p := range h.standing() {
				if p.proxy != nil && p.proxy.credit > creditWindow {
					t.Errorf("a path got the credit of another: %d", p.proxy.credit)
				}
			}
		}
		if err := r.fabric.Part(upper); err != nil {
			t.Errorf("on one hub: %v", err)
		}
		for _, id := range []ProcID{upper, 99, 9 << hubShift} {
			if err := r.fabric.Part(id); !errors.Is(err, ErrHub) {
				t.Errorf("part of nothing: %v", err)
			}
		}
	}
}

// TestHubsInARow: a stream may cross many hubs, and come back to one.
func TestHubsInARow(t *testing.T) {
	r := newRig(t, 3, block.Config{})
	bottom, top := &end{}, &end{}
	ids := []ProcID{r.add(r.hubs[0], bottom.bottom())}
	for i, h := range []int{1, 2, 0, 2, 1} {
		ids = append(ids, r.add(r.hubs[h], pass(fmt.Sprint("m", i))))
	}
	ids = append(ids, r.add(r.hubs[0], top.top()))
	for i := range ids[1:] {
		r.join(ids[i], ids[i+1])
	}
	for i := range 1000 {
		bottom.q.Mate().PutNext(numbered(i))
		top.q.Mate().PutNext(numbered(i))
	}
	r.settle()
	if !slices.Equal(top.got, count(0, 1000)) || !slices.Equal(bottom.got, count(0, 1000)) {
		t.Errorf("%d and %d arrived", len(top.got), len(bottom.got))
	}
}
