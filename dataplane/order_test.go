package dataplane

import (
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// TestOneMessageRunsToCompletion: a put that forwards returns only when all that the
// message sets off along the stream has happened, and nothing else runs between.
func TestOneMessageRunsToCompletion(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var trace []string
	step := func(name string) Module {
		return Module{Name: name, WritePut: func(q *Queue, m Msg) {
			trace = append(trace, name+"(")
			q.PutNext(m)
			trace = append(trace, ")"+name)
		}}
	}
	ids := r.chain((&end{}).bottom(), step("c"), step("b"), step("a"), through("x"))
	_, w := r.queues(ids[4])
	w.PutNext(numbered(1))
	if want := []string{"a(", "b(", "c(", ")c", ")b", ")a"}; !slices.Equal(trace, want) {
		t.Errorf("trace %v", trace)
	}
}

// entries counts how deep a module's process stands on the call stack.
type entries struct{ depth, deepest, puts int }

func (e *entries) in() {
	e.depth++
	e.deepest = max(e.deepest, e.depth)
}

func (e *entries) out() { e.depth-- }

// TestPutNextNeverReenters has a bottom that answers every message at once, and enters
// the process above it by every way there is: put, service, poll, flush, a timer, a
// call for blocks, and a head's calls.
func TestPutNextNeverReenters(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var e entries
	echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
	var wq *Queue
	send := func() {
		wq.PutNext(numbered(e.puts))
		wq.PutNext(numbered(e.puts))
	}
	inside := func(fn func()) func() {
		return func() { e.in(); fn(); e.out() }
	}
	m := Module{
		Name:         "m",
		ReadPut:      func(q *Queue, m Msg) { e.in(); e.puts++; q.hub.Free(m); e.out() },
		WritePut:     func(q *Queue, m Msg) { e.in(); q.PutNext(m); q.PutNext(m); e.out() },
		WriteService: func(*Queue) { inside(send)() },
	}
	ids := r.chain(echo, m, through("x"))
	_, wq = r.queues(ids[1])
	_, above := r.queues(ids[2])
	once := true
	if err := r.h.AddPoller(ids[1], &poller{poll: func() int {
		if once {
			once = false
			inside(send)()
		}
		return 0
	}, flush: func() {
		if r.now == 2 {
			inside(send)()
			r.now++
		}
	}}); err != nil {
		t.Fatal(err)
	}
	timer := Timer{Fire: func() { wq.Enter(inside(send)) }}
	for _, c := range []struct {
		name string
		do   func()
	}{
		{"poll", func() {}},
		{"put", func() { above.PutNext(numbered(0)) }},
		{"service", wq.Enable},
		{"timer", func() { r.h.StartTimer(&timer, r.now) }},
		{"bufcall", func() { r.h.BufCall(1, 1, func() { wq.Enter(inside(send)) }) }},
		{"flush", func() { r.now = 2; wq.AskSend() }},
	} {
		e = entries{}
		c.do()
		r.settle()
		if e.deepest != 1 || e.puts != 2 {
			t.Errorf("%s: entered %d deep, %d answers of 2", c.name, e.deepest, e.puts)
		}
	}
}

type poller struct {
	poll  func() int
	flush func()
}

func (p *poller) Poll() int {
	if p.poll == nil {
		return 0
	}
	return p.poll()
}

func (p *poller) Send() {
	if p.flush != nil {
		p.flush()
	}
}

// TestNothingOvertakesADeferredMessage: once a message waits in the hub's own ring for
// a process, later ones wait there too, even when the process has left the stack.
func TestNothingOvertakesADeferredMessage(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	top := &end{}
	echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
	m := Module{Name: "m", WritePut: func(q *Queue, m Msg) { q.PutNext(m) }}
	ids := r.chain(echo, m, top.top())
	up, _ := r.queues(ids[0])
	_, down := r.queues(ids[2])
	down.PutNext(numbered(1)) // the answer finds m on the stack
	up.PutNext(numbered(2))   // m is not on the stack, but must not take this first
	up.PutNext(Msg{Type: PCProto, Conn: 3})
	down.PutNext(numbered(4)) // comes up behind all of them
	if len(top.got) != 0 {
		t.Fatalf("%v overtook", top.got)
	}
	r.settle()
	if !slices.Equal(top.got, []uint64{1, 2, 3, 4}) {
		t.Errorf("arrived in the order %v", top.got)
	}
}

// TestPairsOfOneProcessAreOneProcess: while one pair of a multiplexor is on the stack
// no other pair of it is entered.
func TestPairsOfOneProcessAreOneProcess(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var e entries
	echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
	var lower *Queue
	mux := r.add(r.h, Module{
		Name:     "upper",
		WritePut: func(q *Queue, m Msg) { e.in(); lower.PutNext(m); e.out() },
	})
	low, err := r.h.AddPair(mux, Module{Name: "lower", ReadPut: func(q *Queue, m Msg) { e.in(); e.puts++; e.out() }})
	if err != nil {
		t.Fatal(err)
	}
	_, lower = r.queues(low)
	r.join(r.add(r.h, echo), low)
	top := r.add(r.h, through("top"))
	r.join(mux, top)
	_, w := r.queues(top)
	w.PutNext(numbered(1))
	r.settle()
	if e.deepest != 1 || e.puts != 1 {
		t.Errorf("entered %d deep, %d puts", e.deepest, e.puts)
	}
}

// TestForwardNeverOvertakes: a message that could go waits behind one that could not.
func TestForwardNeverOvertakes(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(e.bottom(), pass("m"))
	_, w := r.queues(ids[1])
	n := 0
	for ; w.CanPutNext(); n++ {
		put(w, numbered(n))
	}
	put(w, numbered(n))
	e.stalled = false
	for {
		m, ok := e.q.GetQ()
		if !ok {
			break
		}
		e.take(e.q, m)
	}
	if !w.CanPutNext() {
		t.Fatal("still full")
	}
	put(w, numbered(n+1)) // there is room, but n is queued
	r.settle()
	if !slices.Equal(e.got, count(0, n+2)) {
		t.Errorf("arrived %v", e.got)
	}
}

// TestDeferredMessagesAreBounded fills the hub's own ring.
func TestDeferredMessagesAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	got := 0
	echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
	m := Module{Name: "m", ReadPut: func(q *Queue, m Msg) { got++; q.hub.Free(m) },
		WriteService: func(q *Queue) {
			for range MaxDeferred + 100 {
				q.PutNext(numbered(0))
			}
		}}
	ids := r.chain(echo, m)
	_, w := r.queues(ids[1])
	w.Enable()
	r.settle()
	if got != MaxDeferred || r.h.counters.NoDefer != 100 {
		t.Errorf("%d arrived, %d counted as refused; want %d and 100", got, r.h.counters.NoDefer, MaxDeferred)
	}
	w.Enable() // it recovers
	if r.settle(); got != 2*MaxDeferred {
		t.Errorf("%d arrived in all", got)
	}
}

// TestDeferredMessagesOfARemovedProcessAreCounted and nothing of them is left when
// the hub closes.
func TestDeferredMessagesOfARemovedProcessAreCounted(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	defer2 := func() {
		echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
		ids := r.chain(echo, Module{Name: "m", WritePut: (*Queue).PutNext}, through("x"))
		_, w := r.queues(ids[2])
		w.PutNext(text(t, r.h, "a"))
		w.PutNext(text(t, r.h, "b"))
		if err := r.h.Remove(ids[1]); err != nil {
			t.Fatal(err)
		}
	}
	defer2()
	r.settle()
	if r.h.counters.Unlinked != 2 {
		t.Errorf("%d counted, 2 were lost", r.h.counters.Unlinked)
	}
	defer2()
	if err := r.h.Close(); err != nil {
		t.Fatal(err)
	}
	if chunks, _ := r.h.Pool.InUse(); chunks != 0 {
		t.Errorf("%d blocks are out after the hub was closed with messages in its own ring", chunks)
	}
	r.hubs, r.h.sleeper = nil, nil
	if err := r.arena.Close(); err != nil {
		t.Error(err)
	}
}

func TestTimersFireInOrder(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var fired []int64
	timers := make([]Timer, 200)
	for i := range timers {
		at := int64(i * 7919 % 211)
		timers[i].Fire = func() { fired = append(fired, at) }
		r.h.StartTimer(&timers[i], at)
	}
	for i := 0; i < len(timers); i += 3 {
		r.h.StopTimer(&timers[i])
		if timers[i].Running() {
			t.Fatal("stopped, and runs")
		}
	}
	const moved = 211 + 1000
	r.h.StartTimer(&timers[1], moved)
	for range 300 {
		r.now++
		before := len(fired)
		r.h.Pass()
		for _, at := range fired[before:] {
			if at > r.now {
				t.Fatalf("fired %d early", at-r.now)
			}
		}
	}
	if want := len(timers) - (len(timers)+2)/3 - 1; len(fired) != want || !slices.IsSorted(fired) {
		t.Errorf("%d fired of %d, in order: %v", len(fired), want, slices.IsSorted(fired))
	}
	if at, ok := r.h.timers.Next(); !ok || at != moved {
		t.Errorf("next at %d, want %d", at, moved)
	}
	r.now = moved
	r.h.Pass()
	if _, ok := r.h.timers.Next(); ok {
		t.Error("a timer is left")
	}
}

// TestTimersThatStartThemselvesDoNotHoldThePass.
func TestTimersThatStartThemselvesDoNotHoldThePass(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	var again Timer
	again.Fire = func() { n++; r.h.StartTimer(&again, r.now) }
	r.h.StartTimer(&again, 0)
	for want := 1; want <= 3; want++ {
		if r.h.Pass(); n != want {
			t.Fatalf("fired %d times in %d passes", n, want)
		}
	}
	r.h.StopTimer(&again)
}
