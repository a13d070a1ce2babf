package dataplane

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// runs makes a module whose write service only counts its runs.
func runs(n *int) Module {
	return Module{Name: "runs", WritePut: (*Queue).PutQ, WriteService: func(*Queue) { *n++ }}
}

func TestServiceScheduledByFirstMessageOnly(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	turn := func(want int, why string) {
		t.Helper()
		if r.h.Pass(); n != want {
			t.Fatalf("%s: service ran %d times, want %d", why, n, want)
		}
	}
	for i := range 5 {
		put(q, numbered(i))
	}
	turn(1, "five messages")
	turn(1, "nothing new")
	put(q, numbered(5))
	turn(1, "a later message, the queue never found empty")
	for range 6 {
		if _, ok := q.GetQ(); !ok {
			t.Fatal("a message is missing")
		}
	}
	put(q, numbered(6))
	turn(1, "emptied, but getq has not yet found it empty")
	q.GetQ()
	if _, ok := q.GetQ(); ok {
		t.Fatal("a message too many")
	}
	put(q, numbered(7))
	turn(2, "the first after getq found the queue empty")
}

func TestNoEnableAndEnableOK(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	q.NoEnable()
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"an ordinary message schedules nothing", func() { put(q, numbered(1)) }, 0},
		{"nor does one of a band", func() { put(q, Msg{Type: Data, Band: 3}) }, 0},
		{"a high-priority one does", func() { put(q, Msg{Type: PCProto}) }, 1},
		{"explicit qenable does", q.Enable, 2},
		{"twice in a pass is once", func() { q.Enable(); q.Enable() }, 3},
		{"enableok alone does not", q.EnableOK, 3},
		{"a band's message does again", func() { put(q, Msg{Type: Data, Band: 3}) }, 4},
	} {
		step.do()
		if r.h.Pass(); n != step.want {
			t.Fatalf("%s: service ran %d times in all, want %d", step.name, n, step.want)
		}
	}
}

// TestServicesRunOncePerPassInOrderOfEnabling also wants what services enable to wait
// for the next pass.
func TestServicesRunOncePerPassInOrderOfEnabling(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	var order []int
	var qs []*Queue
	for i := range 4 {
		_, q := r.queues(r.add(r.h, Module{Name: "m", WriteService: func(q *Queue) {
			order = append(order, i)
			q.Enable()                 // itself: next pass
			qs[(i+1)%len(qs)].Enable() // enabled already, or to be
		}}))
		qs = append(qs, q)
	}
	for _, i := range []int{2, 0, 3} {
		qs[i].Enable()
	}
	for pass, want := range [][]int{{2, 0, 3}, {2, 0, 1, 3}, {2, 0, 1, 3}} {
		order = order[:0]
		if r.h.Pass(); !slices.Equal(order, want) {
			t.Fatalf("pass %d ran %v, want %v", pass, order, want)
		}
	}
	r.h.run = runList{}
}

// TestMessagesStandByPrecedence puts random messages and compares with a stable sort:
// high priority, then bands falling, first come first within each.
func TestMessagesStandByPrecedence(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	types := []Type{Data, Proto, PCProto, Ioctl, IocAck, Data}
	bands := []uint8{0, 1, 7, 255, 0}
	var want []Msg
	for i := range 60 {
		m := Msg{Type: types[i*7%len(types)], Band: bands[i*3%len(bands)], Conn: uint64(i)}
		want = append(want, m)
		q.PutQ(m)
	}
	slices.SortStableFunc(want, func(a, b Msg) int { return b.rank() - a.rank() })
	for i := range want {
		m, ok := q.GetQ()
		if !ok || m != want[i] {
			t.Fatalf("message %d is %+v, want %+v", i, m, want[i])
		}
	}
	if !q.Empty() || q.Len() != 0 {
		t.Error("the queue is not empty")
	}
}

func TestPutBQGoesToTheHeadOfItsPrecedence(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	for _, m := range []Msg{{Type: Data, Conn: 1}, {Type: Data, Conn: 2}, {Type: Data, Band: 5, Conn: 3}, {Type: PCProto, Conn: 4}} {
		q.PutQ(m)
	}
	r.h.Pass()
	n = 0
	for _, m := range []Msg{{Type: Data, Conn: 11}, {Type: Data, Band: 5, Conn: 13}, {Type: Data, Band: 2, Conn: 12}} {
		q.PutBQ(m)
	}
	if r.h.Pass(); n != 0 {
		t.Error("putbq of ordinary messages scheduled service: it would run for ever")
	}
	var got []uint64
	q.Each(func(m Msg) { got = append(got, m.Conn) })
	if want := []uint64{4, 13, 3, 12, 11, 1, 2}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// TestPutBQIsNeverRefused: what service took it can always put back, even when the
// table of queued messages is at its limit for data.
func TestPutBQIsNeverRefused(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	q.PutQ(numbered(1))
	for range MaxQueued {
		q.PutQ(Msg{Type: Proto})
	}
	lost, full := r.h.counters.NoNodes, q.Len()
	m, _ := q.GetQ()
	if q.PutBQ(m); r.h.counters.NoNodes != lost || q.Len() != full {
		t.Fatalf("a message put back was refused: %d queued", q.Len())
	}
	if m, _ := q.GetQ(); m.Conn != 1 {
		t.Errorf("the first message is %+v", m)
	}
}

func TestPriorityBandsHaveMarksOfTheirOwn(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(e.bottom(), through("m"))
	_, w := r.queues(ids[1])
	e.q.SetBandMarks(9, 3*msgCost, msgCost)
	full := func(want0, want5, want9 bool) {
		t.Helper()
		got := [3]bool{!w.CanPutNext(), !w.CanPutNextBand(5), !w.CanPutNextBand(9)}
		if got != [3]bool{want0, want5, want9} {
			t.Fatalf("band 0, 5 and 9 full: %v", got)
		}
	}
	full(false, false, false)
	for range 3 {
		w.PutNext(Msg{Type: Data, Band: 9})
	}
	full(false, false, true)
	for range 400/msgCost + 1 {
		w.PutNext(Msg{Type: Data})
	}
	full(true, false, true)
	if s := e.q.Stat(9); !s.Full || s.HiWat != 3*msgCost || s.LoWat != msgCost || s.Count != 3*msgCost {
		t.Errorf("strqget of band 9: %+v", s)
	}
	e.q.FlushBand(9)
	full(true, false, false)
	e.q.FlushQ(false)
	full(false, false, false)
}

func TestHighPriorityPassesFullQueues(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(e.bottom(), pass("b"), through("m"), pass("a"), through("x"))
	_, w := r.queues(ids[4])
	for i := range 200 {
		w.PutNext(numbered(i))
		r.h.Pass()
	}
	for _, id := range ids[:2] {
		if _, q := r.queues(id); !q.Full() {
			t.Fatalf("%s is not full", q.pair.module.Name)
		}
	}
	e.onPut = func(_ *Queue, m Msg) { e.got = append(e.got, m.Conn) }
	w.PutNext(Msg{Type: PCProto, Conn: 1000})
	if !slices.Equal(e.got, []uint64{1000}) {
		t.Fatalf("arrived while all is full: %v", e.got)
	}
	e.onPut, e.got = nil, nil
	e.resume()
	r.settle()
	if want := append([]uint64{1000}, count(0, 200)...); !slices.Equal(e.got, want) {
		t.Errorf("arrived %v", e.got)
	}
}

// TestLowWaterReenablesExactlyTheRefused has three callers, of whom two were refused.
func TestLowWaterReenablesExactlyTheRefused(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ran := map[string]int{}
	mux, err := r.h.Add(Module{Name: "lower"})
	if err != nil {
		t.Fatal(err)
	}
	_, lower := r.queues(mux)
	r.join(r.add(r.h, e.bottom()), mux)
	var uppers []*Queue
	for i := range 3 {
		name := fmt.Sprint("upper ", i)
		id, err := r.h.AddPair(mux, Module{Name: name, WriteService: func(*Queue) { ran[name]++ }})
		if err != nil {
			t.Fatal(err)
		}
		_, q := r.queues(id)
		uppers = append(uppers, q)
	}
	for i := range 400/msgCost + 1 {
		lower.PutNext(numbered(i))
	}
	for range 3 { // asking again is remembered once
		if lower.CanPutNextFor(uppers[2], 0) || lower.CanPutNextFor(uppers[0], 0) {
			t.Fatal("the driver is not full")
		}
	}
	if s := e.q.Stat(0); s.Refused != 2 || r.h.refusals.Used != 2 {
		t.Errorf("%d callers are remembered, want 2", s.Refused)
	}
	for e.q.count-msgCost > int(e.q.lo) {
		e.q.GetQ()
	}
	if r.h.Pass(); len(ran) != 0 {
		t.Fatalf("above the low mark: ran %v", ran)
	}
	e.q.GetQ()
	r.settle()
	if want := map[string]int{"upper 0": 1, "upper 2": 1}; fmt.Sprint(ran) != fmt.Sprint(want) {
		t.Errorf("at the low mark: ran %v, want %v", ran, want)
	}
	if r.h.refusals.Used != 0 {
		t.Errorf("%d refusals are still remembered", r.h.refusals.Used)
	}
}

// TestCanPutNextLooksPastQueuesWithoutService, and remembers who asked.
func TestCanPutNextLooksPastQueuesWithoutService(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(e.bottom(), through("a"), through("b"), pass("m"))
	_, w := r.queues(ids[3])
	n := 0
	for ; w.CanPutNext(); n++ {
		w.PutNext(numbered(n))
	}
	if n != 400/msgCost+1 || e.q.Len() != n {
		t.Fatalf("%d messages were let through, %d arrived", n, e.q.Len())
	}
	w.PutQ(numbered(n))
	e.resume()
	r.settle()
	if !slices.Equal(e.got, count(0, n+1)) {
		t.Errorf("arrived: %v", e.got)
	}
}

// TestFlushReenables: what a flush empties, its callers hear of.
func TestFlushReenables(t *testing.T) {
	for name, flush := range map[string]func(*Queue){
		"flushq":    func(q *Queue) { q.FlushQ(false) },
		"flushall":  func(q *Queue) { q.FlushQ(true) },
		"flushband": func(q *Queue) { q.FlushBand(0) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 1, block.Config{})
			e := &end{stalled: true}
			ids := r.chain(e.bottom(), pass("m"))
			_, w := r.queues(ids[1])
			n := 400/msgCost + 1
			for i := range n + 3 {
				put(w, numbered(i))
			}
			r.settle()
			if w.Len() != 3 || e.q.Len() != n {
				t.Fatalf("%d and %d are queued", w.Len(), e.q.Len())
			}
			flush(e.q)
			e.stalled = false
			r.settle()
			if !slices.Equal(e.got, count(n, 3)) {
				t.Errorf("after the flush arrived %v", e.got)
			}
			if r.h.counters.Flushed != uint64(n) {
				t.Errorf("%d messages counted as flushed, %d were", r.h.counters.Flushed, n)
			}
		})
	}
}

// TestFlushTakesDataOnly: FLUSHDATA is M_DATA, M_PROTO and M_PCPROTO; a band's flush
// takes ordinary messages of that band.
func TestFlushTakesDataOnly(t *testing.T) {
	all := []Msg{
		{Type: Data}, {Type: Proto}, {Type: PCProto}, {Type: Ioctl}, {Type: IocAck}, {Type: Ctl},
		{Type: Data, Band: 4}, {Type: Proto, Band: 4}, {Type: Ioctl, Band: 4}, {Type: Data, Band: 5},
	}
	for _, c := range []struct {
		name  string
		flush func(*Queue)
		left  func(Msg) bool
	}{
		{"data", func(q *Queue) { q.FlushQ(false) }, func(m Msg) bool { return m.Type != Data && m.Type != Proto && m.Type != PCProto }},
		{"all", func(q *Queue) { q.FlushQ(true) }, func(Msg) bool { return false }},
		{"band", func(q *Queue) { q.FlushBand(4) }, func(m Msg) bool { return m.Band != 4 || m.Type == Ioctl }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, block.Config{})
			n := 0
			_, q := r.queues(r.add(r.h, runs(&n)))
			var want []Msg
			for i, m := range all {
				m.Conn = uint64(i)
				q.PutQ(m)
				if c.left(m) {
					want = append(want, m)
				}
			}
			slices.SortStableFunc(want, func(a, b Msg) int { return b.rank() - a.rank() })
			c.flush(q)
			var left []Msg
			q.Each(func(m Msg) { left = append(left, m) })
			if !slices.Equal(left, want) {
				t.Errorf("left: %v\nwant: %v", left, want)
			}
			q.PutQ(Msg{Type: Data, Conn: 99}) // the tail is where it should be
			var last Msg
			if q.Each(func(m Msg) { last = m }); last.Conn != 99 {
				t.Errorf("last is %+v", last)
			}
		})
	}
}

// TestFlushTurnsRoundAtTheEnds sends each kind of flush from either end of a stream
// with messages queued everywhere, and looks at what is left and what comes back.
func TestFlushTurnsRoundAtTheEnds(t *testing.T) {
	for _, c := range []struct {
		name     string
		fromTop  bool
		bits     uint32
		band     uint8
		up, down int // messages left in the middle, of 3 with 1 in band 2
	}{
		{"FLUSHR from the head", true, FlushRead, 0, 0, 3},
		{"FLUSHW from the head", true, FlushWrite, 0, 3, 0},
		{"FLUSHRW from the head", true, FlushRead | FlushWrite, 0, 0, 0},
		{"FLUSHR from the driver", false, FlushRead, 0, 0, 3},
		{"FLUSHW from the driver", false, FlushWrite, 0, 3, 0},
		{"FLUSHRW from the driver", false, FlushRead | FlushWrite, 0, 0, 0},
		{"FLUSHR of a band", true, FlushRead | FlushBand, 2, 2, 3},
		{"FLUSHRW of a band", false, FlushRead | FlushWrite | FlushBand, 2, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1, block.Config{})
			var seen []string
			note := func(name string) func(*Queue, Msg) {
				return func(_ *Queue, m Msg) {
					if m.Type == Flush {
						seen = append(seen, fmt.Sprint(name, m.Info&(FlushRead|FlushWrite)))
					}
				}
			}
			top, bottom := &end{onPut: note("top")}, &end{onPut: note("bottom")}
			ids := r.chain(bottom.bottom(), pass("m"), top.top())
			rq, wq := r.queues(ids[1])
			for _, q := range []*Queue{rq, wq} {
				q.NoEnable()
				for _, band := range []uint8{0, 2, 0} {
					q.PutQ(Msg{Type: Data, Band: band})
				}
			}
			r.h.run = runList{}
			from := bottom.q.Mate()
			if c.fromTop {
				from = top.q.Mate()
			}
			from.PutNext(Msg{Type: Flush, Info: c.bits, Band: c.band})
			r.settle()
			if rq.Len() != c.up || wq.Len() != c.down {
				t.Errorf("left %d up and %d down, want %d and %d", rq.Len(), wq.Len(), c.up, c.down)
			}
			// It goes to the far end once, and back from there if the bit is set whose
			// queues it did not pass on its way; then it is freed.
			far, near, back := "bottom", "top", FlushRead
			if !c.fromTop {
				far, near, back = "top", "bottom", FlushWrite
			}
			want := []string{fmt.Sprint(far, c.bits&(FlushRead|FlushWrite))}
			if c.bits&back != 0 {
				want = append(want, fmt.Sprint(near, back))
			}
			if !slices.Equal(seen, want) {
				t.Errorf("seen at %v, want %v", seen, want)
			}
		})
	}
}

func TestQueueFindsItsMate(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	m := through("m")
	m.Ptr = 5
	id := r.add(r.h, m)
	rq, wq := r.queues(id)
	if rq.Mate() != wq || wq.Mate() != rq || !rq.Reader() || wq.Reader() || rq.ID() != id || wq.ID() != id || rq.Hub() != r.h {
		t.Error("the pair does not hang together")
	}
	if rq.Ptr() != 5 || wq.Ptr() != 5 {
		t.Error("the module is not the pair's")
	}
}

// TestMarksAreMadeSane: a low mark at or over the high one, or a high one of nothing,
// would leave a queue full for ever or never.
func TestMarksAreMadeSane(t *testing.T) {
	for _, c := range []struct{ hi, lo int }{{100, 200}, {100, 100}, {1, 5}, {-3, 2}, {50, -1}} {
		r := newRig(t, 1, block.Config{})
		n := 0
		m := runs(&n)
		m.HiWat, m.LoWat = c.hi, c.lo
		_, opened := r.queues(r.add(r.h, m))
		_, set := r.queues(r.add(r.h, runs(&n)))
		set.SetMarks(c.hi, c.lo)
		_, band := r.queues(r.add(r.h, runs(&n)))
		band.SetBandMarks(1, c.hi, c.lo)
		for name, q := range map[string]*Queue{"module": opened, "SetMarks": set, "SetBandMarks": band} {
			b := uint8(0)
			if q == band {
				b = 1
			}
			for range 10 {
				q.PutQ(Msg{Type: Data, Band: b})
			}
			if !q.fullFor(b) {
				t.Errorf("%s(%d, %d): ten messages do not fill it", name, c.hi, c.lo)
			}
			for range 10 {
				q.GetQ()
			}
			if q.fullFor(b) {
				t.Errorf("%s(%d, %d): full when empty", name, c.hi, c.lo)
			}
		}
	}
}

func TestStatTellsWhatStrqgetDoes(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	n := 0
	_, q := r.queues(r.add(r.h, runs(&n)))
	q.SetMarks(200, 50)
	q.NoEnable()
	for _, m := range []Msg{{Type: Data, Len: 100, Conn: 1}, {Type: Data, Len: 100, Conn: 2}, {Type: PCProto, Len: 999, Conn: 3}} {
		q.PutQ(m)
	}
	want := QueueStat{HiWat: 200, LoWat: 50, Count: 200 + 2*msgCost, Full: true, Messages: 3,
		First: Msg{Type: PCProto, Len: 999, Conn: 3}, Enabled: true, NoEnable: true}
	if got := q.Stat(0); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.Count, want.Full = 0, false
	if got := q.Stat(7); got != want {
		t.Errorf("a band that was never used: %+v", got)
	}
	if !q.Full() || q.Empty() {
		t.Error("Full and Empty disagree with Stat")
	}
}

// TestBorrowedBlocksAreCopiedWhenQueued: a loan's memory changes as soon as put has
// returned.
func TestBorrowedBlocksAreCopiedWhenQueued(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(pass("driver"), e.top())
	rq, _ := r.queues(ids[0])
	slot := []byte("abc")
	loan := r.h.Pool.Loan()
	for _, s := range []string{"abc", "def", "ghi"} {
		copy(slot, s)
		r.h.Pool.Lend(loan, slot)
		rq.PutNext(Msg{Type: Data, Block: loan, Len: 3})
	}
	copy(slot, "xxx")
	r.h.Pool.Reclaim(loan)
	if c := r.h.Pool.Counters().Copied; c != 3 {
		t.Errorf("%d copies counted", c)
	}
	e.resume()
	r.settle()
	if want := []string{"abc", "def", "ghi"}; !slices.Equal(e.texts, want) {
		t.Errorf("got %q", e.texts)
	}
}
