package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// mover is a stream of a bottom and a top on hub 0 with movable modules between, and
// traffic of three precedences both ways that is checked in the end.
type mover struct {
	*rig
	rng     *rand.Rand
	ends    [2]*end // bottom and top
	modules []ProcID
	seq     uint64
	sent    [2][3][]uint64
}

func newMover(t testing.TB, seed uint64, hubs, modules int) *mover {
	m := &mover{rig: newRig(t, hubs, block.Config{}), rng: rand.New(rand.NewPCG(seed, 3)), ends: [2]*end{{}, {}}}
	code := []Module{m.ends[0].bottom(), through("low")}
	for i := range modules {
		code = append(code, []Module{pass("p"), through("t")}[i%2])
	}
	ids := m.chain(append(code, pass("high"), m.ends[1].top())...)
	m.modules = ids[2 : 2+modules]
	m.fabric.between = func() { m.traffic(m.rng.IntN(10)) }
	return m
}

// send puts a message into one direction at the stream's end, as the end itself would.
func (m *mover) send() {
	dir, kind := m.rng.IntN(2), m.rng.IntN(3)
	msg := []Msg{{Type: Data}, {Type: Proto, Band: 3}, {Type: PCProto}}[kind]
	from := m.ends[1-dir].q.Mate()
	if kind < 2 && !from.CanPutNextBand(msg.Band) {
		return
	}
	if m.rng.IntN(2) == 0 {
		if b := m.h.Pool.Alloc(1); b != 0 {
			copy(m.h.Pool.Extend(b, 4), "data")
			msg.Block, msg.Len = b, 4
			if m.rng.IntN(4) == 0 { // shared for a while
				if d := m.h.Pool.Dup(b); d != 0 {
					timer := &Timer{Fire: func() { m.h.Pool.Free(d) }}
					m.h.StartTimer(timer, m.now+int64(m.rng.IntN(5)))
				}
			}
		}
	}
	m.seq++
	msg.Conn = uint64(kind)<<32 | m.seq
	m.sent[dir][kind] = append(m.sent[dir][kind], msg.Conn)
	from.PutNext(msg)
}

// traffic sends while the ends stall and the hubs turn at random.
func (m *mover) traffic(n int) {
	for range n {
		m.send()
		switch m.rng.IntN(8) {
		case 0:
			m.ends[m.rng.IntN(2)].stalled = true
		case 1:
			m.ends[m.rng.IntN(2)].resume()
		case 2, 3, 4:
			m.now++
			m.hubs[m.rng.IntN(len(m.hubs))].Pass()
		}
	}
}

func (m *mover) move(to int, which ...int) {
	m.t.Helper()
	var run []ProcID
	for _, i := range which {
		run = append(run, m.modules[i])
	}
	ids, err := m.fabric.Move(run, to)
	if err != nil {
		m.t.Fatal(err)
	}
	for j, i := range which {
		m.modules[i] = ids[j]
	}
}

// finish turns the hubs until the moves have finished.
func (m *mover) finish() {
	m.t.Helper()
	for range 200 {
		m.traffic(5)
		for _, e := range m.ends {
			e.resume()
		}
		for _, h := range m.hubs {
			h.Pass()
		}
		left, err := m.fabric.Finish()
		if err != nil {
			m.t.Fatal(err)
		}
		if left == 0 {
			return
		}
	}
	m.t.Fatal("a move does not finish")
}

// check drains the stream and wants every message to have arrived once, in order.
func (m *mover) check() {
	m.t.Helper()
	for _, e := range m.ends {
		e.resume()
	}
	m.now += 100
	m.settle()
	for dir, e := range m.ends {
		var got [3][]uint64
		for _, conn := range e.got {
			got[conn>>32] = append(got[conn>>32], conn)
		}
		for kind := range got {
			if !slices.Equal(got[kind], m.sent[dir][kind]) {
				m.t.Fatalf("direction %d, kind %d: %d of %d arrived, or in another order", dir, kind, len(got[kind]), len(m.sent[dir][kind]))
			}
		}
	}
	for i, h := range m.hubs {
		if c := h.counters; c.Unlinked+c.NoBlocks+c.NoNodes+c.NoDefer+c.Flushed != 0 {
			m.t.Errorf("hub %d has lost something: %+v", i, c)
		}
	}
}

// TestMoveKeepsOrderAndMakesThePathDirect moves modules round the hubs under traffic.
func TestMoveKeepsOrderAndMakesThePathDirect(t *testing.T) {
	type step struct {
		to      int
		which   []int
		proxies int // afterwards, when the path is direct
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"there and back", []step{{1, []int{1}, 4}, {0, []int{1}, 0}}},
		{"round", []step{{1, []int{0, 1}, 4}, {2, []int{0, 1}, 4}, {0, []int{0, 1}, 0}}},
		{"one after the other", []step{{1, []int{0}, 4}, {1, []int{1}, 4}, {1, []int{2}, 4}, {0, []int{1}, 8}, {1, []int{1}, 4}}},
		{"apart", []step{{1, []int{0}, 4}, {2, []int{2}, 8}, {2, []int{1}, 6}, {0, []int{0}, 4}, {0, []int{1, 2}, 0}}},
		{"all and a part", []step{{2, []int{0, 1, 2}, 4}, {1, []int{1}, 8}, {2, []int{1}, 4}, {1, []int{0}, 6}, {1, []int{1, 2}, 4}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(20) {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
					m := newMover(t, seed, 3, 3)
					for i, s := range c.steps {
						m.traffic(60)
						m.move(s.to, s.which...)
						m.traffic(60)
						m.finish()
						if n := m.proxies(); n != s.proxies {
							t.Fatalf("step %d leaves %d proxies, want %d", i, n, s.proxies)
						}
					}
					m.check()
				})
			}
		})
	}
}

// TestMovesAtRandom moves whatever may be moved, without waiting for moves to finish.
func TestMovesAtRandom(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newMover(t, seed, 3, 4)
			where := make([]int, len(m.modules))
			for range 25 {
				m.traffic(20)
				i := m.rng.IntN(len(where))
				j := i + 1
				for j < len(where) && where[j] == where[i] && m.rng.IntN(2) == 0 {
					j++
				}
				to := m.rng.IntN(3)
				if to != where[i] {
					ids, err := m.fabric.Move(m.modules[i:j], to)
					if err != nil && !errors.Is(err, ErrMoving) {
						t.Fatalf("%v", err)
					}
					if err == nil {
						copy(m.modules[i:], ids)
						for k := i; k < j; k++ {
							where[k] = to
						}
					}
				}
				if m.rng.IntN(3) == 0 {
					if _, err := m.fabric.Finish(); err != nil {
						t.Fatalf("%v", err)
					}
				}
			}
			m.finish()
			crossings, last := 0, 0
			for _, at := range append(where, 0) {
				if at != last {
					crossings++
				}
				last = at
			}
			if n := m.proxies(); n != 2*crossings {
				t.Errorf("%d proxies for %d crossings: a path is not direct", n, crossings)
			}
			m.check()
		})
	}
}

func TestMoveRefuses(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	e := &end{}
	stays := pass("stays")
	stays.Leave = nil
	polls := pass("polls")
	ids := r.chain(e.bottom(), pass("a"), pass("b"), stays, polls, pass("c"), pass("d"), (&end{}).top())
	if err := r.h.AddPoller(ids[4], &poller{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.h.AddPair(ids[5], through("second")); err != nil {
		t.Fatal(err)
	}
	lone := r.add(r.h, pass("lone"))
	for _, c := range []struct {
		name string
		run  []ProcID
		to   int
		err  error
	}{
		{"nothing", nil, 1, ErrHub},
		{"to where it is", ids[1:2], 0, ErrHub},
		{"to no hub", ids[1:2], 2, ErrHub},
		{"to no hub at all", ids[1:2], -1, ErrHub},
		{"no Leave", ids[3:4], 1, ErrStays},
		{"polls a device", ids[4:5], 1, ErrStays},
		{"shares its process", ids[5:6], 1, ErrStays},
		{"an end", []ProcID{lone}, 1, ErrStays},
		{"not neighbours", []ProcID{ids[1], ids[6]}, 1, ErrHub},
		{"upside down", []ProcID{ids[2], ids[1]}, 1, ErrHub},
		{"nobody", []ProcID{99}, 1, ErrHub},
		{"of two hubs", []ProcID{ids[1], 1<<hubShift | 1}, 1, ErrHub},
		{"from no hub", []ProcID{9 << hubShift}, 1, ErrHub},
	} {
		if _, err := r.fabric.Move(c.run, c.to); !errors.Is(err, c.err) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := r.proxies(); n != 0 {
			t.Fatalf("%s: %d proxies are left", c.name, n)
		}
	}
	moved, err := r.fabric.Move(ids[2:3], 1)
	if err != nil {
		t.Fatal(err)
	}
	back, err := r.fabric.Move(moved, 0) // the path is being made direct
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"move": second(r.fabric.Move(back, 1)), "remove": r.h.Remove(back[0]), "pop": r.h.Pop(back[0]),
		"part": r.h.Part(ids[1]), "neighbour": r.h.Remove(ids[1]), "neighbour's move": second(r.fabric.Move(ids[1:2], 1)),
	} {
		if !errors.Is(err, ErrMoving) {
			t.Errorf("%s while a move is under way: %v", name, err)
		}
	}
	r.settle()
	if left, err := r.fabric.Finish(); left != 0 || err != nil {
		t.Errorf("%d moves are left: %v", left, err)
	}
	if err := r.h.Pop(back[0]); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestMoveToAFullHubChangesNothing: the limit of processes is met before anything has
// left its place.
func TestMoveToAFullHubChangesNothing(t *testing.T) {
	m := newMover(t, 1, 2, 3)
	to := m.hubs[1]
	for room := range 5 {
		m.traffic(50)
		have := len(to.procs)
		spare := to.freeProc
		to.procs = append(to.procs, make([]*pair, MaxProcesses+1-have-room)...)
		to.freeProc = nil
		_, err := m.fabric.Move(m.modules, 1)
		if !errors.Is(err, ErrHub) {
			t.Fatalf("room for %d: %v", room, err)
		}
		if to.procs = to.procs[:have]; m.proxies() != 0 {
			t.Fatalf("room for %d: %d proxies are left", room, m.proxies())
		}
		to.freeProc = spare
	}
	m.traffic(50)
	m.check()
}

// TestMoveTakesAlong marks, notes and flags of the queues.
func TestMoveTakesAlong(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	var arrived *Queue
	left := 0
	mod := pass("m")
	mod.Leave, mod.Arrive = func() { left++ }, func(q *Queue) { arrived = q }
	ids := r.chain((&end{}).bottom(), mod, (&end{}).top())
	rq, wq := r.queues(ids[1])
	rq.SetMarks(1000, 10)
	wq.SetMarks(2000, 20)
	rq.SetBandMarks(5, 3000, 30)
	rq.SetPtr("up")
	wq.SetPtr("down")
	wq.NoEnable()
	wq.PutQ(numbered(1))
	wq.Enable()
	old := rq
	moved, err := r.fabric.Move(ids[1:2], 1)
	if err != nil {
		t.Fatal(err)
	}
	rq, wq = r.queues(moved[0])
	if !wq.Stat(0).Enabled || old.bands != nil {
		t.Error("the service that was scheduled is forgotten, or the bands are shared")
	}
	if left != 1 || arrived != rq || rq.Hub() != r.hubs[1] {
		t.Error("the module was not told")
	}
	if rq.hi != 1000 || rq.lo != 10 || wq.hi != 2000 || wq.lo != 20 || rq.Ptr() != "up" || wq.Ptr() != "down" {
		t.Error("marks or notes are lost")
	}
	if s := rq.Stat(5); s.HiWat != 3000 || s.LoWat != 30 {
		t.Errorf("the band's marks are %d and %d", s.HiWat, s.LoWat)
	}
	if !wq.Stat(0).NoEnable || rq.Stat(0).NoEnable {
		t.Error("noenable is lost")
	}
	closed := 0
	mod.Close = func(*Queue) { closed++ }
	if err := r.hubs[1].Replace(moved[0], mod); err != nil {
		t.Fatal(err)
	}
	if moved, err = r.fabric.Move(moved, 0); err != nil || closed != 0 {
		t.Fatalf("closed %d times on the move: %v", closed, err)
	}
	r.settle()
	if _, err := r.fabric.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := r.h.Pop(moved[0]); err != nil || closed != 1 {
		t.Errorf("closed %d times: %v", closed, err)
	}
}

// TestChangesBetweenTheStepsOfAMove pushes and pops modules all along the stream while
// moves are half done.
func TestChangesBetweenTheStepsOfAMove(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newMover(t, seed, 3, 3)
			var pushed []ProcID
			m.fabric.between = func() {
				m.traffic(m.rng.IntN(6))
				h := m.hubs[m.rng.IntN(3)]
				if p := h.procs[m.rng.IntN(len(h.procs))]; p != nil && p.proxy == nil {
					if id, err := h.Push(p.id, pass("pushed")); err == nil {
						pushed = append(pushed, id)
					}
				}
				if n := len(pushed); n > 0 && m.rng.IntN(2) == 0 {
					i := m.rng.IntN(n)
					id := pushed[i]
					if err := m.hubs[id.Hub()].Pop(id); err == nil {
						pushed = slices.Delete(pushed, i, i+1)
					} else if !errors.Is(err, ErrMoving) {
						t.Fatal(err)
					}
				}
			}
			moved := 0
			for range 15 {
				m.traffic(10)
				i := m.rng.IntN(3)
				to := m.rng.IntN(3)
				if m.modules[i].Hub() == to {
					continue
				}
				ids, err := m.fabric.Move(m.modules[i:i+1], to)
				if err != nil && !errors.Is(err, ErrMoving) {
					t.Fatal(err)
				}
				moved += copy(m.modules[i:], ids)
				m.finish()
			}
			if moved == 0 {
				t.Error("nothing moved")
			}
			m.finish()
			m.check()
		})
	}
}

// TestAPathToAnotherHubIsNotParted by its own hub: the far end would be left.
func TestAPathToAnotherHubIsNotParted(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	across(r)
	for i, h := range r.hubs {
		for _, p := range h.procs {
			if p == nil || p.proxy != nil {
				continue
			}
			beside := p.rq.next != nil && p.rq.next.pair().proxy != nil || p.wq.next != nil && p.wq.next.pair().proxy != nil
			if !beside {
				continue
			}
			if err := h.Remove(p.id); !errors.Is(err, ErrAbroad) {
				t.Errorf("hub %d: remove: %v", i, err)
			}
			if err := h.Part(p.id); i == 0 && !errors.Is(err, ErrAbroad) {
				t.Errorf("hub %d: part: %v", i, err)
			}
		}
	}
	if r.proxies() != 2 {
		t.Error("a proxy has gone")
	}
}

// TestMovesBesideALongPath: a module popped from between two hubs leaves a path that
// goes round. Moves beside it find proxies and gates at the ends of their paths.
func TestMovesBesideALongPath(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newMover(t, seed, 3, 5)
			m.move(1, 1)
			m.finish()
			m.move(2, 3)
			m.finish()
			for _, i := range []int{3, 1} {
				id := m.modules[i]
				if err := m.hubs[id.Hub()].Pop(id); err != nil {
					t.Fatal(err)
				}
				m.modules = slices.Delete(m.modules, i, i+1)
			}
			for range 12 {
				m.traffic(20)
				i := m.rng.IntN(len(m.modules))
				if to := m.rng.IntN(3); to != m.modules[i].Hub() {
					ids, err := m.fabric.Move(m.modules[i:i+1], to)
					if err != nil && !errors.Is(err, ErrMoving) {
						t.Fatal(err)
					}
					copy(m.modules[i:], ids)
				}
				if m.rng.IntN(2) == 0 {
					if _, err := m.fabric.Finish(); err != nil {
						t.Fatal(err)
					}
				}
			}
			m.finish()
			m.check()
		})
	}
}

// TestTheOldPathAsksWhoIsAhead: while both paths put to a module, topology changes
// beyond it, and the old path must not put to a full queue that it did not ask.
func TestTheOldPathAsksWhoIsAhead(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	bottom, top := &end{}, &end{}
	ids := r.chain(bottom.bottom(), pass("popped"), through("x"), pass("moved"), pass("source"), top.top())
	run, err := r.fabric.Move(ids[3:4], 1)
	if err != nil {
		t.Fatal(err)
	}
	r.settle()
	bottom.stalled = true
	_, source := r.queues(ids[4])
	for i := range 300 {
		put(source, numbered(i))
	}
	r.settle()
	if _, err = r.fabric.Move(run, 0); err != nil {
		t.Fatal(err)
	}
	r.settle() // the old path is full of messages
	if err := r.h.Pop(ids[1]); err != nil {
		t.Fatal(err)
	}
	before := bottom.q.Len()
	if r.settle(); bottom.q.Len() != before {
		t.Errorf("%d messages were put to a full queue", bottom.q.Len()-before)
	}
	bottom.resume()
	r.settle()
	if left, err := r.fabric.Finish(); left != 0 || err != nil {
		t.Errorf("%d paths are left: %v", left, err)
	}
	if !slices.Equal(bottom.got, count(0, 300)) {
		t.Errorf("%d arrived, or in another order", len(bottom.got))
	}
}

// TestAPathWaitsForItsEnd: the end of a path is itself a proxy, of a path that goes
// round, and still fed by two ways; making the other path direct has to wait.
func TestAPathWaitsForItsEnd(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { aPathWaitsForItsEnd(t, seed) })
	}
}

func aPathWaitsForItsEnd(t *testing.T, seed uint64) {
	r := newRig(t, 2, block.Config{})
	rng := rand.New(rand.NewPCG(seed, 4))
	bottom, top := &end{}, &end{}
	ids := r.chain(bottom.bottom(), through("k"), through("popped"), through("y"), through("source"), top.top())
	move := func(id ProcID) ProcID {
		t.Helper()
		moved, err := r.fabric.Move([]ProcID{id}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return moved[0]
	}
	popped := move(ids[2])
	r.settle()
	if err := r.hubs[1].Pop(popped); err != nil {
		t.Fatal(err)
	}
	_, source := r.queues(ids[4])
	n := 0
	send := func() {
		for range 10 {
			source.PutNext(numbered(n))
			n++
		}
	}
	turn := func(n int) {
		for range n {
			r.hubs[rng.IntN(2)].Pass()
		}
	}
	send()
	turn(rng.IntN(3))
	move(ids[3]) // its old path ends at the proxies left on hub 1
	send()
	turn(rng.IntN(3))
	move(ids[1]) // and so does this one's
	for range 20 {
		send()
		turn(2)
	}
	for left := 1; left > 0; {
		var err error
		if left, err = r.fabric.Finish(); err != nil {
			t.Fatal(err)
		}
		r.settle()
	}
	if !slices.Equal(bottom.got, count(0, n)) {
		t.Errorf("%d of %d arrived, or in another order", len(bottom.got), n)
	}
	if n := r.proxies(); n != 4 {
		t.Errorf("%d proxies are left for two crossings", n)
	}
}
