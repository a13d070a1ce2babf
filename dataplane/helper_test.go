package dataplane

import (
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// rig is one or more hubs on a clock of the test's, turned by hand.
type rig struct {
	t      testing.TB
	now    int64
	arena  *block.Arena
	hubs   []*Hub
	h      *Hub // the first
	fabric *Fabric
}

func newRig(t testing.TB, hubs int, c block.Config) *rig {
	t.Helper()
	c.Hubs = hubs
	if c.Small == 0 {
		c.Small = 256
	}
	arena, err := block.NewArena(c)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, arena: arena}
	for i := range hubs {
		h, err := NewHub(Config{Pool: arena.Pool(i), Clock: func() int64 { return r.now }})
		if err != nil {
			t.Fatal(err)
		}
		r.hubs = append(r.hubs, h)
	}
	r.h = r.hubs[0]
	if r.fabric, err = connectHubs(r.hubs...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// close closes the hubs, lets blocks come home, and wants nothing to be left.
func (r *rig) close() {
	closeHubs(r.t, r.arena, r.hubs)
}

func closeHubs(t testing.TB, arena *block.Arena, hubs []*Hub) {
	t.Helper()
	for _, h := range hubs {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 5 {
		for _, h := range hubs {
			h.Pass()
		}
	}
	for i, h := range hubs {
		chunks, views := h.Pool.InUse()
		if chunks+views+h.nodes.Used+h.refusals.Used != 0 || h.timers.Len() > 0 {
			t.Errorf("hub %d after the end: %d chunks, %d views, %d nodes, %d refusals, %d timers are out",
				i, chunks, views, h.nodes.Used, h.refusals.Used, h.timers.Len())
		}
	}
	if err := arena.Close(); err != nil {
		t.Error(err)
	}
}

// settle turns the hubs until none has anything to do. It gives up on those that
// never come to rest.
func (r *rig) settle() {
	r.t.Helper()
	idle := 0
	for range 10000 {
		work := 0
		for _, h := range r.hubs {
			work += h.Pass()
		}
		if idle++; work > 0 {
			idle = 0
		}
		if idle == 3 {
			return
		}
	}
	r.t.Fatal("the hubs do not come to rest")
}

func (r *rig) add(h *Hub, m Module) ProcID {
	r.t.Helper()
	id, err := h.Add(m)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// chain adds modules to the first hub and joins them, the lowest first.
func (r *rig) chain(modules ...Module) []ProcID {
	r.t.Helper()
	ids := make([]ProcID, len(modules))
	for i, m := range modules {
		ids[i] = r.add(r.h, m)
		if i > 0 {
			r.join(ids[i-1], ids[i])
		}
	}
	return ids
}

// join works across hubs too.
func (r *rig) join(lower, upper ProcID) {
	r.t.Helper()
	if err := r.fabric.Join(lower, upper); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) queues(id ProcID) (rq, wq *Queue) {
	r.t.Helper()
	p, err := r.fabric.find(id)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.rq, p.wq
}

// text makes a message of s.
func text(t testing.TB, h *Hub, s string) Msg {
	t.Helper()
	b := h.Pool.Alloc(1)
	if b == 0 {
		t.Fatal("no block")
	}
	copy(h.Pool.Extend(b, len(s)), s)
	return Msg{Type: Data, Block: b, Len: uint32(len(s))}
}

// octets is the data of a message, of all its blocks.
func octets(h *Hub, b block.ID) (p []byte) {
	for ; b != 0; b = h.Pool.Next(b) {
		p = append(p, h.Pool.Bytes(b)...)
	}
	return p
}

// end is the end of a stream: it notes what reaches it, by Conn, and frees it. While
// stalled it queues instead.
type end struct {
	q       *Queue // that it receives by
	got     []uint64
	msgs    []Msg // as they came; their blocks are freed
	texts   []string
	stalled bool
	onPut   func(*Queue, Msg) // called first
}

func (e *end) put(q *Queue, m Msg) {
	if e.onPut != nil {
		e.onPut(q, m)
	}
	switch {
	case m.Type == Flush:
		q.TurnFlush(m)
	case e.stalled || !q.Empty():
		q.PutQ(m)
	default:
		e.take(q, m)
	}
}

func (e *end) take(q *Queue, m Msg) {
	e.got = append(e.got, m.Conn)
	e.msgs = append(e.msgs, m)
	e.texts = append(e.texts, string(octets(q.hub, m.Block)))
	q.hub.Free(m)
}

func (e *end) service(q *Queue) {
	for !e.stalled {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		e.take(q, m)
	}
}

// resume lets a stalled end take what has queued.
func (e *end) resume() {
	e.stalled = false
	e.q.Enable()
}

// top and bottom make the end's module for either end of a stream.
func (e *end) top() Module {
	return Module{Name: "top", ReadPut: e.put, ReadService: e.service, HiWat: 400, LoWat: 100,
		Open: func(q *Queue) error { e.q = q; return nil }}
}

func (e *end) bottom() Module {
	return Module{Name: "bottom", WritePut: e.put, WriteService: e.service, HiWat: 400, LoWat: 100,
		Open: func(q *Queue) error { e.q = q.Mate(); return nil }}
}

// passService is the service of a module that only passes on, as the driver's
// handbook has it.
func passService(q *Queue) {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if !m.Type.HighPriority() && !q.CanPutNextBand(m.Band) {
			q.PutBQ(m)
			return
		}
		q.PutNext(m)
	}
}

// pass is a module with service that only passes on; it may move to other hubs.
func pass(name string) Module {
	return Module{Name: name, ReadService: passService, WriteService: passService,
		Arrive: func(*Queue) {}, HiWat: 400, LoWat: 100}
}

// through is a module without service that only passes on.
func through(name string) Module {
	return Module{Name: name, Arrive: func(*Queue) {}}
}

// count makes n numbers from first.
func count(first, n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(first + i)
	}
	return s
}

func numbered(n int) Msg { return Msg{Type: Data, Conn: uint64(n)} }

// put hands a message to a queue as its neighbour's PutNext does.
func put(q *Queue, m Msg) { q.deliver(m) }
