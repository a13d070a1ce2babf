package dataplane

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
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
	for _, i := range which {
		if err := m.fabric.Move(m.modules[i:i+1], to); err != nil {
			m.t.Fatal(err)
		}
	}
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

// TestMovesAtRandom moves modules and both ends of a stream wherever it likes.
func TestMovesAtRandom(t *testing.T) {
	for seed := range uint64(150) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			m := newMover(t, seed, 3, 4)
			where := make([]int, len(m.modules))
			for range 25 {
				m.traffic(20)
				i, to := m.rng.IntN(len(where)), m.rng.IntN(3)
				m.move(to, i)
				where[i] = to
			}
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
	stays := pass("stays")
	stays.Arrive = nil
	refuses, back := pass("refuses"), 0
	refuses.Leave = func() error { return syscall.EBUSY }
	pairs := pass("first")
	pairs.Arrive = func(*Queue) { back++ }
	ids := r.chain((&end{}).bottom(), stays, pairs, (&end{}).top())
	if _, err := r.h.AddPair(ids[2], refuses); err != nil {
		t.Fatal(err)
	}
	other := r.hubs[1].Number()
	for _, c := range []struct {
		name   string
		id, to ProcID
		err    error
	}{
		{"to no hub", ids[2], 2<<hubShift | hubPlace, syscall.ENXIO},
		{"to a process", ids[2], ids[1], syscall.ENXIO},
		{"no Arrive", ids[1], other, ErrStays},
		{"its process refuses", ids[2], other, syscall.EBUSY},
		{"nobody", 99, other, errNobody},
		{"from no hub", 9 << hubShift, other, errNobody},
	} {
		if _, err := r.fabric.Do(Command{Number: control.HubMove, A: c.id, B: c.to}); !errors.Is(err, c.err) || !errors.Is(err, ErrHub) && err != nil && c.err != syscall.EBUSY {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := r.proxies(); n != 0 {
			t.Fatalf("%s: %d proxies are left", c.name, n)
		}
	}
	if back != 1 {
		t.Errorf("the pair that had left was told %d times to go on", back)
	}
}

// TestMoveToAFullHubChangesNothing: limits are met before anything has left its place.
func TestMoveToAFullHubChangesNothing(t *testing.T) {
	m := newMover(t, 1, 2, 3)
	to := m.hubs[1]
	for room := range 2 { // a proxy for each neighbour
		m.traffic(50)
		have := len(to.numbers.pairs)
		to.numbers.pairs = append(to.numbers.pairs, make([]*pair, MaxProcesses+1-have-room)...)
		if err := m.fabric.Move(m.modules[:1], 1); !errors.Is(err, ErrHub) {
			t.Fatalf("room for %d: %v", room, err)
		}
		if to.numbers.pairs = to.numbers.pairs[:have]; m.proxies() != 0 {
			t.Fatalf("room for %d: %d proxies are left", room, m.proxies())
		}
		to.numbers.free = nil
	}
	m.traffic(50)
	have := to.nodes.Used
	m.fabric.between = nil
	to.nodes.Used = MaxQueued
	_, wq := m.queues(m.modules[0])
	wq.PutQ(Msg{Type: PCProto, Conn: 2<<32 | 1<<30})
	if err := m.fabric.Move(m.modules[:1], 1); !errors.Is(err, ErrNoRoom) {
		t.Errorf("without room for messages: %v", err)
	}
	to.nodes.Used = have
	wq.GetQ()
	m.check()
}

// TestMoveTakesAlong number, marks, notes and flags of the queues.
func TestMoveTakesAlong(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	var arrived *Queue
	left, closed := 0, 0
	mod := pass("m")
	mod.Leave, mod.Arrive = func() error { left++; return nil }, func(q *Queue) { arrived = q }
	mod.Close = func(*Queue) { closed++ }
	ids := r.chain((&end{}).bottom(), mod, (&end{}).top())
	rq, wq := r.queues(ids[1])
	rq.SetMarks(1000, 10)
	rq.SetBandMarks(5, 3000, 30)
	wq.NoEnable()
	wq.PutQ(numbered(1))
	wq.Enable()
	if err := r.fabric.Move(ids[1:2], 1); err != nil {
		t.Fatal(err)
	}
	if p, q := r.queues(ids[1]); p != rq || q != wq || r.h.find(ids[1]) != nil || r.hubs[1].find(ids[1]) == nil {
		t.Error("its number does not find it where it is")
	}
	if !wq.Stat(0).Enabled || wq.Len() != 1 || !wq.Stat(0).NoEnable || rq.Stat(0).NoEnable {
		t.Error("what was queued, or the service that was scheduled, is forgotten")
	}
	if left != 1 || arrived != rq || rq.Hub() != r.hubs[1] {
		t.Error("the module was not told")
	}
	if s := rq.Stat(5); rq.hi != 1000 || rq.lo != 10 || s.HiWat != 3000 || s.LoWat != 30 {
		t.Error("marks are lost")
	}
	if err := r.fabric.Move(ids[1:2], 0); err != nil || closed != 0 {
		t.Fatalf("closed %d times on the move: %v", closed, err)
	}
	r.settle()
	if err := r.h.Pop(ids[1]); err != nil || closed != 1 {
		t.Errorf("closed %d times: %v", closed, err)
	}
}

// TestPopBetweenHubsMakesThePathDirect: a module popped from between two hubs leaves one
// path.
func TestPopBetweenHubsMakesThePathDirect(t *testing.T) {
	for seed := range uint64(20) {
		m := newMover(t, seed, 3, 3)
		m.move(1, 0)
		m.move(2, 1)
		m.move(1, 2)
		m.traffic(60)
		if _, err := m.fabric.Do(Command{Number: control.HubPop, A: m.modules[1]}); err != nil {
			t.Fatal(err)
		}
		if n := m.proxies(); n != 4 {
			t.Fatalf("%d proxies are left, want those of the two other crossings", n)
		}
		m.traffic(60)
		m.check()
	}
}
