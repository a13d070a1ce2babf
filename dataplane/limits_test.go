package dataplane

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/timer"
)

// TestTableOfQueuedMessages: data leaves room for control,
// every refusal is counted, and the table is good again afterwards.
func TestTableOfQueuedMessages(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	for _, c := range []struct {
		typ  Type
		room int
	}{{Data, MaxQueued - reserveNodes}, {Proto, reserveNodes}} {
		before, lost := q.Len(), r.h.counters.NoNodes
		for range c.room + 3 {
			q.PutQ(Msg{Type: c.typ})
		}
		if got := q.Len() - before; got != c.room || r.h.counters.NoNodes-lost != 3 {
			t.Errorf("type %#x: %d queued, %d counted as refused, want %d and 3", c.typ, got, r.h.counters.NoNodes-lost, c.room)
		}
	}
	q.FlushQ(true)
	if q.PutQ(numbered(1)); q.Len() != 1 || r.h.nodes.Used != 1 {
		t.Error("no recovery")
	}
}

// TestTableOfRefusals: past the limit a caller is scheduled instead, asks again, and is
// not forgotten.
func TestTableOfRefusals(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	mux := r.add(r.h, Module{Name: "lower"})
	_, lower := r.queues(mux)
	r.join(r.add(r.h, e.bottom()), mux)
	for i := range 400/msgCost + 1 {
		lower.PutNext(numbered(i))
	}
	ran := 0
	var callers []*Queue
	for range MaxRefusals + 5 {
		q := r.h.newPair(0, Module{ReadService: func(q *Queue) { ran++; lower.CanPutNextFor(q, 0) }}).rq
		callers = append(callers, q)
		lower.CanPutNextFor(q, 0)
	}
	if r.h.refusals.Used != MaxRefusals || r.h.counters.Refusals != 5 {
		t.Fatalf("%d remembered, %d counted", r.h.refusals.Used, r.h.counters.Refusals)
	}
	if r.h.Pass(); ran != 5 {
		t.Errorf("%d callers were scheduled, want the 5 that there was no room for", ran)
	}
	ran = 0
	e.resume()
	if r.settle(); ran < len(callers) {
		t.Errorf("%d callers heard of the room, want all %d", ran, len(callers))
	}
}

func TestProcessesAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	first := r.add(r.h, through("m"))
	have := len(r.h.numbers.pairs)
	r.h.numbers.pairs = append(r.h.numbers.pairs, make([]*pair, MaxProcesses+1-have)...)
	if _, err := r.h.Add(through("m")); !errors.Is(err, ErrHub) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := r.h.AddPair(first, through("m")); !errors.Is(err, ErrHub) {
		t.Errorf("a pair too many: %v", err)
	}
	if id := ProcID(MaxProcesses); id.index() != MaxProcesses || id.Hub() != 0 {
		t.Error("the last number does not fit")
	}
	if err := r.h.Remove(first); err != nil {
		t.Fatal(err)
	}
	r.add(r.h, through("m")) // the place is free again
	r.h.numbers.pairs = r.h.numbers.pairs[:have]
}

func TestDriversAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	r.h.drivers = MaxDrivers - 1
	m := Module{Name: "driver", Poller: &poller{}}
	id := r.add(r.h, m)
	if _, err := r.h.Add(m); !errors.Is(err, ErrHub) {
		t.Errorf("one too many: %v", err)
	}
	if err := r.h.Remove(id); err != nil || r.h.drivers != MaxDrivers-1 || len(r.h.always) != 0 {
		t.Errorf("it is polled after its process has gone: %v", err)
	}
	r.h.drivers = 0
}

func TestTimersAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	timers := make([]Timer, timer.Max+1)
	for i := range timers[:timer.Max] {
		if !r.h.StartTimer(&timers[i], int64(timer.Max-i)) {
			t.Fatalf("timer %d is refused", i)
		}
	}
	last := &timers[timer.Max]
	if r.h.StartTimer(last, 0) || last.Running() {
		t.Error("one too many")
	}
	r.h.StopTimer(&timers[12345])
	if !r.h.StartTimer(last, 0) {
		t.Error("no recovery")
	}
	for i := range timers {
		r.h.StopTimer(&timers[i])
	}
}

func TestDescriptorsAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	s := r.h.sleeper
	_, q := r.queues(r.add(r.h, Module{Name: "driver", Poller: &poller{}}))
	s.watches = make([]*Watch, MaxWatches)
	if _, err := q.Watch(fd, nil); !errors.Is(err, ErrHub) {
		t.Errorf("one too many: %v", err)
	}
	s.watches = nil
	for _, bad := range []int{-1, 1 << 20} {
		if _, err := q.Watch(bad, nil); err == nil {
			t.Errorf("descriptor %d", bad)
		}
	}
	_, other := r.queues(r.add(r.h, Module{Name: "no driver"}))
	if _, err := other.Watch(fd, nil); err == nil {
		t.Error("without a poller")
	}
	for range 3 {
		w, err := q.Watch(fd, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.Want(false, false)
		w.Want(true, true)
		w.Forget()
	}
	if len(s.watches) != 1 || s.watched != 0 {
		t.Errorf("%d slots and %d watched after the last was given up", len(s.watches), s.watched)
	}
}

func TestNamesAndLinesAreBounded(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var registry Registry
	f := func(string) (Module, error) { return Module{}, nil }
	for i := range MaxRegistered {
		if err := registry.Add(fmt.Sprint("module ", i), f); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one too many", "", strings.Repeat("x", MaxModuleName+1)} {
		if err := registry.Add(name, f); !errors.Is(err, ErrHub) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for len(r.h.lines) < MaxLines {
		if _, err := r.h.NewLine(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.h.NewLine(); !errors.Is(err, ErrHub) {
		t.Errorf("one too many: %v", err)
	}
}

// TestSteadyStateAllocatesNothing is the rule of the hot path.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	sink := Module{Name: "sink", ReadPut: func(q *Queue, m Msg) { q.hub.Free(m) }, ReadService: func(*Queue) {}}
	drain := Module{Name: "drain", ReadPut: (*Queue).PutQ, ReadService: func(q *Queue) {
		for {
			m, ok := q.GetQ()
			if !ok {
				return
			}
			q.hub.Free(m)
		}
	}}
	near := r.chain(pass("source"), through("a"), pass("b"), sink)
	queued := r.chain(pass("source"), drain)
	far := r.chain(pass("source"), pass("m"))
	r.join(far[1], r.add(r.hubs[1], sink))
	up := func(id ProcID) *Queue { rq, _ := r.queues(id); return rq }
	a, b, c := up(near[0]), up(queued[0]), up(far[0])
	send := func(q *Queue, m Msg) {
		if m.Block != 0 {
			r.h.Pool.Extend(m.Block, 40)
			m.Len = 40
		}
		q.PutNext(m)
	}
	slot := []byte("x")
	var timers [8]Timer
	for i := range timers {
		timers[i].Fire = func() {}
	}
	for name, fn := range map[string]func(){
		"put to put": func() { send(a, Msg{Type: Data, Block: r.h.Pool.Alloc(1)}) },
		"putq, service, getq, bands": func() {
			for i := range 10 {
				send(b, Msg{Type: Data, Band: uint8(i % 3), Block: r.h.Pool.Alloc(1)})
			}
			r.h.Pass()
		},
		"dup, copy and external": func() {
			m := r.h.Pool.Alloc(1)
			r.h.Pool.Free(r.h.Pool.Dup(m))
			r.h.Pool.Free(r.h.Pool.Copy(m))
			r.h.Pool.Free(m)
		},
		"borrowed and queued": func() {
			loan := r.h.Pool.Loan()
			r.h.Pool.Lend(loan, slot)
			send(b, Msg{Type: Data, Block: loan})
			r.h.Pool.Reclaim(loan)
			r.h.Pass()
		},
		"timers": func() {
			for i := range timers {
				r.h.StartTimer(&timers[i], r.now+int64(i%3))
			}
			r.now += 5
			r.h.Pass()
		},
		"across hubs": func() {
			for range 40 {
				send(c, Msg{Type: Data, Block: r.h.Pool.Alloc(1)})
			}
			send(c, Msg{Type: PCProto})
			r.h.Pass()
			r.hubs[1].Pass()
		},
		"full and refused": func() {
			for range 200 {
				put(c, Msg{Type: Data})
			}
			for range 8 {
				r.h.Pass()
				r.hubs[1].Pass()
			}
		},
	} {
		for range 20 {
			fn()
		}
		if n := testing.AllocsPerRun(100, fn); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestLatencyIsBounded(t *testing.T) {
	arena, err := block.NewArena(block.Config{Small: 16})
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	for _, l := range []time.Duration{-1, pace.MaxLatency + 1} {
		if _, err := NewHub(Config{Pool: arena.Pool(0), Pace: pace.Config{Latency: l}}); err == nil {
			t.Errorf("latency %v: no error", l)
		}
	}
}
