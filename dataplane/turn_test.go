package dataplane

import (
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// TestOwnRingDrainsBetweenServices: what neighbours answer to a burst of one stream is
// delivered before the next stream's: 100 streams with 64 messages each and a neighbour
// that echoes lose none of them.
func TestOwnRingDrainsBetweenServices(t *testing.T) {
	const streams, each = 100, 64
	r := newRig(t, 1, block.Config{})
	top := 0
	for range streams {
		echo := Module{Name: "echo", WritePut: func(q *Queue, m Msg) { q.Reply(m) }}
		m := Module{
			Name: "m", WritePut: (*Queue).PutQ, WriteService: (*Queue).Drain,
			HiWat: 1 << 20, LoWat: 1 << 19,
		}
		ids := r.chain(echo, m, Module{Name: "top", ReadPut: func(q *Queue, m Msg) { top++; q.hub.Free(m) }})
		_, wq := r.queues(ids[1])
		for i := range each {
			put(wq, numbered(i))
		}
	}
	r.settle()
	if top != streams*each || r.h.counters.NoDefer != 0 {
		t.Errorf("%d of %d answers arrived, %d are counted as lost", top, streams*each, r.h.counters.NoDefer)
	}
}

// TestOnlyWhoThereIsRoomForIsWoken: with 8,000 callers that wait for one queue, about one
// service runs for each message that is taken, and each has its turn.
func TestOnlyWhoThereIsRoomForIsWoken(t *testing.T) {
	const callers, backlog, burst = 8000, 3, 28
	r := newRig(t, 1, block.Config{})
	taken, order := 0, make([]int, callers)
	room := burst
	port := Module{
		Name: "port", HiWat: burst * msgCost, LoWat: 1,
		WritePut: (*Queue).PutQ,
		WriteService: func(q *Queue) {
			for ; room > 0; room-- {
				m, ok := q.GetQ()
				if !ok {
					return
				}
				taken++
				order[m.Conn]++
			}
		},
	}
	mux := r.add(r.h, Module{Name: "lower"})
	portID := r.add(r.h, port)
	r.join(portID, mux)
	_, lower := r.queues(mux)
	_, portQueue := r.queues(portID)
	for i := range callers {
		id := r.add(r.h, Module{
			Name: "vc", WritePut: (*Queue).PutQ,
			WriteService: func(q *Queue) { q.DrainTo(func(*Msg) *Queue { return lower }) },
		})
		_, wq := r.queues(id)
		for range backlog {
			put(wq, Msg{Type: Data, Conn: uint64(i)})
		}
	}
	r.h.Pass() // all are enabled once, and find it full
	before, start := r.h.counters.Services, taken
	for passes := 0; taken < callers*backlog; passes++ {
		if passes > 10*callers {
			t.Fatalf("%d of %d taken", taken, callers*backlog)
		}
		room = burst
		portQueue.Enable()
		r.h.Pass()
		if passes == callers/4 {
			for _, n := range order[callers*3/4:] {
				if n > 0 {
					t.Fatal("the last have their turn before the first")
				}
			}
		}
	}
	services, sent := r.h.counters.Services-before, taken-start
	if perMessage := float64(services) / float64(sent); perMessage > 1.5 {
		t.Errorf("%d services for %d messages: %.1f each", services, sent, perMessage)
	}
	for i, n := range order {
		if n != backlog {
			t.Fatalf("caller %d: %d messages", i, n)
		}
	}
}

// TestAPartyThatDoesNotReadIsNotListenedTo: it does not keep the hub awake, nothing that it
// was answered is lost, and it is listened to again when it reads.
func TestAPartyThatDoesNotReadIsNotListenedTo(t *testing.T) {
	r := newRig(t, 1, block.Config{})
	line, err := r.h.NewLine()
	if err != nil {
		t.Fatal(err)
	}
	m := through("m")
	m.Commands = []ModuleCommand{{Number: 200, Direction: control.DirectionOut, Most: 8, Run: func([]byte) ([]byte, error) { return []byte("answer"), nil }}}
	id := r.add(r.h, m)
	const commands = 1000
	sent, got := 0, 0
	send := func() {
		for sent < commands && line.Send(Msg{Type: Ctl, Class: control.ClassMMI, Dst: id, Info: 200, Conn: uint64(sent)}, nil) {
			sent++
		}
	}
	for range 10 {
		send()
		r.settle()
	}
	if sent < 2*lineRing || sent == commands || r.h.pending() {
		t.Errorf("%d commands were taken; the hub may sleep: %v", sent, !r.h.pending())
	}
	if chunks, _ := r.h.Pool.InUse(); chunks > 2 {
		t.Errorf("%d blocks are held for it", chunks)
	}
	for got < commands {
		before := got
		for m, data, ok := line.Receive(); ok; m, data, ok = line.Receive() {
			if m.Conn != uint64(got) || m.Type != IocAck || string(data) != "answer" {
				t.Fatalf("answer %d: %+v %q", got, m, data)
			}
			got++
		}
		if !r.h.pending() && sent == before {
			t.Fatalf("%d answers were read, and the hub does not go on", got)
		}
		send()
		r.settle()
	}
}

// TestStoppedHubKeepsNobodyAwake: the rings to a hub that has stopped fill, and the other
// hub may sleep.
func TestStoppedHubKeepsNobodyAwake(t *testing.T) {
	r := newRig(t, 2, block.Config{})
	_, _, up, _ := across(r)
	lost := r.add(r.hubs[1], through("addressed"))
	_, q := r.queues(up.ID())
	for i := range 3 * dataRing { // the other hub does not turn
		put(up, numbered(i))
		put(up, Msg{Type: PCProto})
		q.Post(Msg{Type: Data, Dst: lost})
	}
	for range 5 {
		r.h.Pass()
	}
	if r.h.pending() {
		t.Error("it turns for a ring that nobody reads")
	}
	for range 100 {
		r.hubs[1].Pass()
		r.h.Pass()
	}
	r.settle()
}

// TestBlocksComeHomeBeforeAPoll: a burst that comes with the blocks finds them.
func TestBlocksComeHomeBeforeAPoll(t *testing.T) {
	r := newRig(t, 2, block.Config{Small: 16})
	got := -1
	id := r.add(r.h, Module{Name: "driver", Poller: &poller{poll: func() int {
		if got < 0 && r.now > 0 {
			got = r.h.Pool.Available(1)
		}
		return 0
	}}})
	_ = id
	for b := r.h.Pool.Alloc(1); b != 0; b = r.h.Pool.Alloc(1) {
		r.hubs[1].Pool.Free(b)
	}
	r.hubs[1].Pass()
	r.now = 1
	if r.h.Pass(); got != 12 {
		t.Errorf("the driver found %d blocks, all 12 were home", got)
	}
}
