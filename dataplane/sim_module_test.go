package dataplane

import "github.com/cellhub/cellhub/dataplane/block"

// simElem is a simulated module. All kinds keep order and lose nothing but what the
// executive counts.
type simElem struct {
	w      *world
	kind   simKind
	queued bool // kinds that can do both: with service, and asking for room
	rq, wq *Queue
	runs   [2]int // of the services: write, read
	timer  Timer
	dups   []heldDup
	hi, lo int
}

type simKind uint8

// The kinds of modules.
const (
	kindThrough simKind = iota // no code of its own
	kindPass                   // forwards or queues
	kindAlways                 // queues all it gets
	kindDelay                  // queues, and lets go by a timer
	kindSlow                   // its service passes one message a run
	kindSplit                  // makes two messages of one
	kindCopy                   // passes copies on
	kindTee                    // keeps duplicates for a while
	kindChain                  // links a second block, and pulls up
	kindHeader                 // writes before and behind the data, and takes it off
	simKinds
)

var simKindNames = [simKinds]string{"through", "pass", "always", "delay", "slow", "split", "copy", "tee", "chain", "header"}

// heldDup is a duplicate, and a sum of what it showed when it was made.
type heldDup struct {
	block block.ID
	sum   uint32
	until int64
}

func (e *simElem) name() string { return simKindNames[e.kind] }

func (w *world) newElem(kind int) *simElem {
	e := &simElem{w: w, kind: simKind(kind), queued: w.chance(50)}
	e.hi = 100 + w.rng.IntN(4000)
	e.lo = w.rng.IntN(e.hi)
	e.timer.Fire = e.fire
	w.cover.hit("module " + e.name())
	return e
}

// construct makes a module for a command.
func (w *world) construct(arg string) (Module, error) {
	w.fresh = w.newElem(int(arg[0]))
	return w.fresh.module(), nil
}

func (e *simElem) module() Module {
	m := Module{
		Name: e.name(), HiWat: e.hi, LoWat: e.lo,
		Open: func(q *Queue) error {
			e.settle(q)
			return nil
		},
		Close:  func(*Queue) { e.leave(); e.freeDups(true) },
		Leave:  func() error { e.leave(); e.freeDups(true); return nil },
		Arrive: func(q *Queue) { e.settle(q); e.start() },
	}
	if e.kind == kindThrough {
		return m
	}
	m.ReadPut, m.WritePut = e.put, e.put
	if e.serves() {
		m.ReadService, m.WriteService = e.service, e.service
	}
	return m
}

func (e *simElem) serves() bool {
	switch e.kind {
	case kindPass, kindAlways, kindDelay, kindSlow, kindSplit:
		return true
	}
	return e.queued
}

func (e *simElem) settle(q *Queue) {
	e.rq, e.wq = q, q.Mate()
	for _, q := range [...]*Queue{e.rq, e.wq} {
		e.w.elems[q] = e
		q.EnableOK()
		if e.kind == kindDelay {
			q.NoEnable()
		}
	}
	if e.kind == kindDelay { // it may have taken over what other code had queued
		e.start()
	}
}

func (e *simElem) start() {
	if (e.kind == kindDelay || e.kind == kindTee) && !e.timer.Running() {
		e.rq.hub.StartTimer(&e.timer, e.w.now+1+int64(e.w.rng.IntN(60)))
	}
}

func (e *simElem) leave() {
	if e.rq != nil {
		e.rq.hub.StopTimer(&e.timer)
	}
}

func (e *simElem) fire() {
	if e.kind == kindDelay {
		e.rq.Enable()
		e.wq.Enable()
		return
	}
	e.rq.Enter(func() { e.freeDups(false) })
	if len(e.dups) > 0 {
		e.start()
	}
}

// put takes a message; what is not ordinary traffic is passed on by the usual rule.
func (e *simElem) put(q *Queue, m Msg) {
	e.w.arrives(q, &m)
	defer e.w.inside(q)()
	if m.Type != Data && m.Type != Proto && m.Type != PCProto {
		if e.serves() {
			q.Forward(m)
		} else {
			q.PutNext(m)
		}
		return
	}
	switch e.kind {
	case kindAlways, kindSlow:
		q.PutQ(m)
	case kindDelay:
		q.PutQ(m)
		e.start()
	case kindSplit:
		if m.Type.HighPriority() || !q.Empty() || !q.CanPutNextBand(m.Band) {
			q.Forward(m)
			return
		}
		e.split(q, m)
	default:
		m = e.work(q.hub, m)
		if e.serves() {
			q.Forward(m)
		} else {
			q.PutNext(m)
		}
	}
}

func (e *simElem) service(q *Queue) {
	defer e.w.inside(q)()
	e.runs[side(q)]++
	e.w.ran = append(e.w.ran, q)
	for n := 0; ; n++ {
		if e.kind == kindSlow && n == 1 && !q.Empty() {
			q.Enable()
			return
		}
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if !m.Type.HighPriority() && !q.CanPutNextBand(m.Band) {
			e.w.cover.hit("service put back")
			q.PutBQ(m)
			return
		}
		if e.kind == kindSplit && m.Type == Data {
			if !e.split(q, m) {
				return
			}
			continue
		}
		q.PutNext(m)
	}
}

// split passes on a message in two, if it has the octets; false when the second had to
// be put back.
func (e *simElem) split(q *Queue, m Msg) bool {
	h := q.hub
	if m.Type != Data || m.Len < 24 || h.Pool.Next(m.Block) != 0 || h.Pool.Borrowed(m.Block) || e.w.chance(50) {
		q.PutNext(m)
		return true
	}
	rest := h.Pool.Dup(m.Block)
	if rest == 0 {
		e.w.cover.hit("views exhausted")
		q.PutNext(m)
		return true
	}
	m.Conn = e.w.identity(h, m) + 1
	cut := 8 + e.w.rng.IntN(int(m.Len)-8)
	second := m
	second.Block, second.Len, second.Info = rest, m.Len-uint32(cut), m.Info+uint32(cut)
	h.Pool.Trim(rest, cut)
	h.Pool.Cut(m.Block, cut)
	m.Len = uint32(cut)
	e.w.made++
	e.w.cover.hit("split")
	q.PutNext(m)
	if q.CanPutNextBand(second.Band) {
		q.PutNext(second)
		return true
	}
	q.PutBQ(second)
	return false
}

// work does to a message's blocks what its kind does.
func (e *simElem) work(h *Hub, m Msg) Msg {
	if m.Block == 0 {
		return m
	}
	switch e.kind {
	case kindCopy:
		if c := h.Pool.CopyMsg(m.Block); c != 0 {
			h.Pool.Free(m.Block)
			m.Block = c
		}
	case kindTee:
		if borrowed(h.Pool, m.Block) || len(e.dups) > 8 {
			return m
		}
		if d := h.Pool.DupMsg(m.Block); d != 0 {
			e.w.cover.hit("dup")
			e.dups = append(e.dups, heldDup{d, sum(h, d), e.w.now + int64(e.w.rng.IntN(80))})
			e.start()
		}
	case kindChain:
		m.Block = e.rechain(h, m)
	case kindHeader:
		if p := h.Pool.Prepend(m.Block, 5); p != nil {
			copy(p, "head!")
			h.Pool.Trim(m.Block, 5)
		}
		n := h.Pool.Len(m.Block)
		if p := h.Pool.Extend(m.Block, 5); p != nil {
			copy(p, "tail!")
			h.Pool.Cut(m.Block, n)
		}
	}
	return m
}

// borrowed tells whether some block of a message is on loan.
func borrowed(p *block.Pool, b block.ID) bool {
	for ; b != 0; b = p.Next(b) {
		if p.Borrowed(b) {
			return true
		}
	}
	return false
}

// rechain pulls a message of many blocks up, and makes two blocks of one.
func (e *simElem) rechain(h *Hub, m Msg) block.ID {
	if h.Pool.Next(m.Block) != 0 {
		if up := h.Pool.PullUp(m.Block, 1+e.w.rng.IntN(int(m.Len))); up != 0 {
			e.w.cover.hit("pullup")
			return up
		}
		return m.Block
	}
	n := h.Pool.Len(m.Block)
	if n < 10 || h.Pool.Borrowed(m.Block) {
		return m.Block
	}
	tail := h.Pool.Alloc(1)
	if tail == 0 {
		return m.Block
	}
	copy(h.Pool.Extend(tail, n/2), h.Pool.Bytes(m.Block)[n-n/2:])
	h.Pool.Cut(m.Block, n-n/2)
	h.Pool.Append(m.Block, tail)
	return m.Block
}

func sum(h *Hub, b block.ID) (s uint32) {
	for ; b != 0; b = h.Pool.Next(b) {
		for _, o := range h.Pool.Bytes(b) {
			s = s*31 + uint32(o) + 1
		}
	}
	return s
}

// freeDups frees the duplicates that are due, after a look at them: whoever has the
// message now must not have written to memory that is shared.
func (e *simElem) freeDups(all bool) {
	left := e.dups[:0]
	for _, d := range e.dups {
		if !all && d.until > e.w.now {
			left = append(left, d)
			continue
		}
		if sum(e.rq.hub, d.block) != d.sum {
			e.w.fail("a duplicate's data has changed")
		}
		e.rq.hub.Pool.Free(d.block)
	}
	e.dups = left
}

// simMux is a multiplexor: a flow goes the same way always.
type simMux struct {
	w              *world
	hub            *Hub
	id             ProcID
	lowers, uppers []*Queue // towards the neighbours
}

// pair makes a pair for a stream below or above.
func (x *simMux) pair(lower bool) ProcID {
	m := Module{Name: "mux", ReadPut: x.put, WritePut: x.put, HiWat: 600, LoWat: 200, Arrive: func(q *Queue) { x.hub = q.Hub() }}
	if lower {
		m.ReadService = x.service
	} else {
		m.WriteService = x.service
	}
	var err error
	var id ProcID
	if x.id == 0 {
		id, err = x.hub.Add(m)
		x.id = id
	} else {
		id, err = x.hub.AddPair(x.id, m)
	}
	x.w.must(err)
	rq, wq, err := x.hub.Queues(id)
	x.w.must(err)
	if lower {
		x.lowers = append(x.lowers, wq)
	} else {
		x.uppers = append(x.uppers, rq)
	}
	return id
}

func (x *simMux) way(q *Queue, m Msg) *Queue {
	f := int(x.w.identity(x.hub, m) >> 32)
	if q.Reader() {
		return x.uppers[f%len(x.uppers)]
	}
	return x.lowers[f%len(x.lowers)]
}

func (x *simMux) put(q *Queue, m Msg) {
	x.w.arrives(q, &m)
	defer x.w.inside(q)()
	switch m.Type {
	case Flush:
		x.w.turn(q, m)
	case Ioctl:
		m.Type, m.Info = IocNak, 22
		q.Reply(m)
	case Data, Proto, PCProto:
		way := x.way(q, m)
		if m.Type.HighPriority() && !q.highWaits() || q.Empty() && way.CanPutNextFor(q, m.Band) {
			way.PutNext(m)
			return
		}
		q.PutQ(m)
	default:
		x.w.taken++
		x.hub.Free(m)
	}
}

func (x *simMux) service(q *Queue) {
	defer x.w.inside(q)()
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		way := x.way(q, m)
		if !m.Type.HighPriority() && !way.CanPutNextFor(q, m.Band) {
			q.PutBQ(m)
			return
		}
		way.PutNext(m)
	}
}
