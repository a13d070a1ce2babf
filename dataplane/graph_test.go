package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

func TestOpenAndCloseOfAProcess(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	refuse := errors.New("no")
	var closed []string
	if _, err := r.h.Add(Module{Name: "shy", Open: func(*Queue) error { return refuse }}); !errors.Is(err, refuse) {
		t.Errorf("open refused, and Add says %v", err)
	}
	id := r.add(r.h, Module{Name: "m", WritePut: (*Queue).PutQ, WriteService: func(*Queue) {},
		Open:  func(q *Queue) error { return nil },
		Close: func(q *Queue) { closed = append(closed, fmt.Sprint(q.ID(), q.Mate().Empty(), q.next != nil)) }})
	_, w := r.queues(id)
	top := r.add(r.h, through("top"))
	r.join(id, top)
	put(w, text(t, r.h, "queued"))
	if err := r.h.Remove(id); err != nil {
		t.Fatal(err)
	}
	if want := []string{fmt.Sprint(id, true, false)}; !slices.Equal(closed, want) {
		t.Errorf("close found %v, want %v", closed, want)
	}
	_, tw := r.queues(top)
	if tw.next != nil || r.h.counters.Flushed != 1 {
		t.Error("the neighbour is linked, or the queued message not counted")
	}
	if tw.PutNext(text(t, r.h, "x")); r.h.counters.Unlinked != 1 {
		t.Error("a message to nobody is not counted")
	}
	if err := r.h.Remove(id); !errors.Is(err, ErrHub) {
		t.Errorf("removed twice: %v", err)
	}
}

// TestANumberIsOfOneInstance: the number of a process that has gone does not reach the
// one that has taken its place.
func TestANumberIsOfOneInstance(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	seen := map[ProcID]bool{}
	for range 200000 {
		id := r.add(r.h, through("m"))
		if seen[id] {
			t.Fatalf("number %d is given again at once", id)
		}
		seen[id] = true
		if err := r.h.Remove(id); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.h.Queues(id); !errors.Is(err, ErrHub) {
			t.Fatal("a stale number finds a process")
		}
	}
}

func TestJoinRefusesWhatIsNoStream(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	ids := r.chain(through("a"), through("b"), through("c"))
	lone := r.add(r.h, through("lone"))
	for _, c := range []struct {
		name         string
		lower, upper ProcID
	}{
		{"the lower one has somebody above", ids[0], lone},
		{"the upper one has somebody below", lone, ids[2]},
		{"itself", lone, lone},
		{"a ring", ids[2], ids[0]},
		{"nobody", 0, lone},
		{"a number never given", lone, 12345},
		{"another hub's", lone, 3<<hubShift | 1},
	} {
		if err := r.h.Join(c.lower, c.upper); !errors.Is(err, ErrHub) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := r.h.Part(ids[2]); !errors.Is(err, ErrHub) {
		t.Errorf("parted from nobody: %v", err)
	}
	if _, err := r.h.Push(ids[2], through("x")); !errors.Is(err, ErrHub) {
		t.Errorf("pushed above the top: %v", err)
	}
	for _, id := range []ProcID{ids[0], ids[2], lone, 99} {
		if err := r.h.Pop(id); !errors.Is(err, ErrHub) {
			t.Errorf("popped an end: %v", err)
		}
	}
}

// TestPushedModuleIsAskedForRoom: the pair below a module just pushed asks it, and no
// longer whom it asked before.
func TestPushedModuleIsAskedForRoom(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	top, bottom := &end{stalled: true}, &end{stalled: true}
	ids := r.chain(bottom.bottom(), through("a"), top.top())
	stop := Module{Name: "stop", HiWat: 100, LoWat: 50, ReadPut: (*Queue).PutQ, WritePut: (*Queue).PutQ,
		ReadService: func(*Queue) {}, WriteService: func(*Queue) {}}
	id, err := r.h.Push(ids[0], stop)
	if err != nil {
		t.Fatal(err)
	}
	rq, wq := r.queues(id)
	for name, c := range map[string]struct{ from, pushed *Queue }{
		"up": {bottom.q.Mate(), rq}, "down": {top.q.Mate(), wq},
	} {
		n := 0
		for ; n < 50 && c.from.CanPutNext(); n++ {
			c.from.PutNext(numbered(n))
		}
		if n != 4 || c.pushed.Len() != 4 {
			t.Errorf("%s: %d messages were let through, 4 fill the module pushed", name, n)
		}
	}
}

// TestReplacedCodeRunsNoServiceItHasNot: the queue was enabled for the old code.
func TestReplacedCodeRunsNoServiceItHasNot(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{}
	ids := r.chain(e.bottom(), pass("m"), through("x"))
	_, w := r.queues(ids[1])
	w.PutQ(numbered(1))
	if err := r.h.Replace(ids[1], through("m2")); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if !slices.Equal(e.got, []uint64{1}) {
		t.Errorf("arrived %v", e.got)
	}
}

// TestReplaceOfAnEndKeepsWhatIsQueued: a driver's new code without service takes what
// the old code had queued by its put.
func TestReplaceOfAnEndKeepsWhatIsQueued(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{stalled: true}
	ids := r.chain(e.bottom(), through("x"))
	_, w := r.queues(ids[1])
	for i := range 3 {
		w.PutNext(numbered(i))
	}
	var got []uint64
	if err := r.h.Replace(ids[0], Module{Name: "new", WritePut: func(_ *Queue, m Msg) { got = append(got, m.Conn) }}); err != nil {
		t.Fatal(err)
	}
	w.PutNext(numbered(3))
	r.settle()
	if !slices.Equal(got, count(0, 4)) {
		t.Errorf("the new code has seen %v", got)
	}
}

func TestReplaceRefusedChangesNothing(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{}
	closed := false
	m := pass("m")
	m.Close = func(*Queue) { closed = true }
	ids := r.chain(e.bottom(), m, through("x"))
	no := errors.New("no")
	if err := r.h.Replace(ids[1], Module{Name: "new", Open: func(*Queue) error { return no }}); !errors.Is(err, no) {
		t.Fatal(err)
	}
	_, w := r.queues(ids[2])
	w.PutNext(numbered(1))
	r.settle()
	if closed || len(e.got) != 1 {
		t.Errorf("closed: %v; arrived %v", closed, e.got)
	}
}

// TestReplacedQueueIsScheduledAgain whatever the old code has left of the flags.
func TestReplacedQueueIsScheduledAgain(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	e := &end{}
	ids := r.chain(e.bottom(), Module{Name: "keeps", WritePut: (*Queue).PutQ}, through("x"))
	_, w := r.queues(ids[2])
	_, kept := r.queues(ids[1])
	w.PutNext(numbered(0))
	kept.GetQ() // and never finds it empty
	always := Module{Name: "m", WritePut: (*Queue).PutQ, WriteService: passService}
	if err := r.h.Replace(ids[1], always); err != nil {
		t.Fatal(err)
	}
	r.settle()
	w.PutNext(numbered(1))
	r.settle()
	if !slices.Equal(e.got, []uint64{1}) {
		t.Errorf("arrived %v", e.got)
	}
}

// TestPopPassesOnWhatIsQueuedAndAnswered: the module popped queues all it gets, and
// the one below answers each message while it is popped.
func TestPopPassesOnWhatIsQueuedAndAnswered(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	top := &end{}
	echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
	keeps := Module{Name: "keeps", ReadPut: (*Queue).PutQ, WritePut: (*Queue).PutQ,
		ReadService: func(*Queue) {}, WriteService: func(*Queue) {}}
	ids := r.chain(echo, keeps, top.top())
	rq, wq := r.queues(ids[1])
	for i := range 5 {
		put(rq, numbered(i))
		put(wq, numbered(5+i))
	}
	if err := r.h.Pop(ids[1]); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if !slices.Equal(top.got, count(0, 10)) {
		t.Errorf("arrived %v, %d counted as lost", top.got, r.h.counters.Flushed)
	}
}

// TestMultiplexorsCallersFollowTheTopology: an upper queue that waits for a neighbour
// of the lower one hears when another takes that neighbour's place.
func TestMultiplexorsCallersFollowTheTopology(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	full, free := &end{stalled: true}, &end{}
	a, b := r.add(r.h, full.bottom()), r.add(r.h, free.bottom())
	var lower *Queue
	mux := r.add(r.h, Module{Name: "lower"})
	up, err := r.h.AddPair(mux, Module{Name: "upper", WritePut: (*Queue).PutQ, WriteService: func(q *Queue) {
		for !q.Empty() && lower.CanPutNextFor(q, 0) {
			m, _ := q.GetQ()
			lower.PutNext(m)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, lower = r.queues(mux)
	_, upper := r.queues(up)
	r.join(a, mux)
	n := 0
	for ; lower.CanPutNext(); n++ {
		lower.PutNext(numbered(n))
	}
	put(upper, numbered(n))
	r.settle()
	if err := r.h.Part(a); err != nil {
		t.Fatal(err)
	}
	if err := r.h.Join(b, mux); err != nil {
		t.Fatal(err)
	}
	r.settle()
	if !slices.Equal(free.got, []uint64{uint64(n)}) {
		t.Errorf("the new neighbour got %v", free.got)
	}
}

// TestPushPopReplaceUnderTraffic changes a stream at random while messages of three
// precedences go both ways through ends that stall at random: nothing is lost,
// repeated or reordered.
func TestPushPopReplaceUnderTraffic(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			r := newRig(t, 1, block.Config{})
			ends := [2]*end{{}, {}}
			ids := r.chain(ends[0].bottom(), pass("source"), pass("source"), ends[1].top())
			_, down := r.queues(ids[2])
			up, _ := r.queues(ids[1])
			sources := [2]*Queue{down, up} // of what comes to each end
			var sent [2][3][]uint64
			var pushed []ProcID
			module := func() Module {
				return []Module{pass("p"), through("t"), {Name: "l", ReadPut: (*Queue).PutQ, WritePut: (*Queue).PutQ,
					ReadService: passService, WriteService: passService, HiWat: 100}}[rng.IntN(3)]
			}
			change := func() (err error) {
				var id ProcID
				switch n := rng.IntN(3); {
				case n == 0 || len(pushed) == 0:
					below := ids[1]
					if len(pushed) > 0 && rng.IntN(2) == 0 {
						below = pushed[rng.IntN(len(pushed))]
					}
					if id, err = r.h.Push(below, module()); err == nil {
						pushed = append(pushed, id)
					}
				case n == 1:
					i := rng.IntN(len(pushed))
					err = r.h.Pop(pushed[i])
					pushed = slices.Delete(pushed, i, i+1)
				default:
					err = r.h.Replace(pushed[rng.IntN(len(pushed))], module())
				}
				return err
			}
			for i := range 150 {
				dir, kind := rng.IntN(2), rng.IntN(3)
				m := []Msg{{Type: Data}, {Type: Proto, Band: 3}, {Type: PCProto}}[kind]
				m.Conn = uint64(kind<<32 | i)
				sent[dir][kind] = append(sent[dir][kind], m.Conn)
				put(sources[dir], m)
				switch rng.IntN(6) {
				case 0:
					if err := change(); err != nil {
						t.Fatalf("%v", err)
					}
				case 1:
					ends[dir].stalled = true
				case 2:
					ends[dir].resume()
				case 3:
					r.h.Pass()
				}
			}
			for _, e := range ends {
				e.resume()
			}
			r.settle()
			for dir, e := range ends {
				var got [3][]uint64
				for _, conn := range e.got {
					got[conn>>32] = append(got[conn>>32], conn)
				}
				for kind := range got {
					if !slices.Equal(got[kind], sent[dir][kind]) {
						t.Fatalf("direction %d, kind %d: arrived %v", dir, kind, got[kind])
					}
				}
			}
		})
	}
}

// TestRestlessNeighbours answer each other for ever, through the module between.
func TestRestlessNeighbours(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	stop := false
	echo := func(q *Queue, m Msg) {
		if stop {
			r.h.Free(m)
			return
		}
		q.Reply(m)
	}
	ids := r.chain(through("end"), Module{Name: "echo", WritePut: echo}, pass("m"), Module{Name: "echo", ReadPut: echo}, through("end"))
	_, w := r.queues(ids[2])
	w.PutNext(numbered(1))
	if err := r.h.Pop(ids[2]); !errors.Is(err, ErrRestless) {
		t.Errorf("pop: %v", err)
	}
	if err := r.fabric.Move(ids[2:3], 1); !errors.Is(err, ErrRestless) {
		t.Errorf("move: %v", err)
	}
	if n := r.proxies(); n != 0 {
		t.Errorf("%d proxies are left", n)
	}
	for _, p := range r.hubs[1].processes() {
		t.Errorf("%s is left on the other hub", p.module.Name)
	}
	stop = true
	if err := r.h.Pop(ids[2]); err != nil {
		t.Error(err)
	}
}

// Removing a pair of a process changes the places of two pairs, however many there are.
func TestRemovalTouchesTwoPairs(t *testing.T) {
	const n = 65_000
	r := newRig(t, 1, block.Config{})
	first := r.add(r.h, through("m"))
	head := r.h.find(first)
	for range n - 1 {
		if _, err := r.h.AddPair(first, through("m")); err != nil {
			t.Fatal(err)
		}
	}
	proc := head.family
	for _, at := range []int{0, 1, n / 2, n - 4} { // the last one too
		was := append([]*pair(nil), proc.pairs...)
		if err := r.h.Remove(proc.pairs[at].id); err != nil {
			t.Fatal(err)
		}
		changed := len(was) - len(proc.pairs)
		for i, p := range proc.pairs {
			if p != was[i] {
				changed++
			}
			if int(p.place) != i {
				t.Fatalf("pair %d has noted place %d", i, p.place)
			}
		}
		if len(proc.pairs) != len(was)-1 || changed > 2 {
			t.Errorf("removing pair %d changed %d places; %d pairs are left of %d", at, changed, len(proc.pairs), len(was))
		}
	}
}
