package dataplane

import (
	"fmt"
	"unsafe"
)

// pair is a queue pair under its number.
type pair struct {
	id     ProcID
	place  uint32 // among its family
	rq, wq *Queue
	module code
	driver *driver // nil: it has no device
	proxy  *proxy  // when the pair stands for one on another hub
	family *family // all pairs of its process; nil: it was always the only one

	internal bool // the executive's own: no command changes it
}

// process is what runs to completion: all pairs of one module instance. Those of a
// multiplexor share it, so that none is entered while another is on the stack.
type process struct {
	busy     uint16 // on the call stack
	deferred uint16 // its messages in the hub's own ring, at most MaxDeferred
}

// family is the pairs of a process.
type family struct{ pairs []*pair }

// kin is the pairs of p's process.
func (p *pair) kin() []*pair {
	if p.family == nil {
		return []*pair{p}
	}
	return p.family.pairs
}

// adopt has o belong to p's process.
func (p *pair) adopt(o *pair) {
	if p.family == nil {
		p.family = &family{[]*pair{p}}
	}
	f := p.family
	o.family, o.place = f, uint32(len(f.pairs))
	f.pairs = append(f.pairs, o)
}

// leaveFamily takes a pair out; the last has its place then, so that none walks past thousands.
func (p *pair) leaveFamily() {
	f := p.family
	if f == nil {
		return
	}
	last := len(f.pairs) - 1
	moved := f.pairs[last]
	f.pairs[p.place], moved.place = moved, p.place
	f.pairs[last] = nil
	f.pairs = f.pairs[:last]
}

// body is a pair with what its queues are asked less often, in whole cache lines: its
// neighbour in memory may be another hub's.
type body struct {
	pair
	up, down rest
	_        [bodyBytes - unsafe.Sizeof(pair{}) - 2*unsafe.Sizeof(rest{})]byte
}

const (
	cacheLine = 64
	bodyBytes = 5 * cacheLine
)

// newPair makes a pair and its queues.
func (h *Hub) newPair(id ProcID, m Module) *pair {
	b := &body{pair: pair{id: id, module: m.code()}}
	b.rq, b.wq = &Queue{rest: &b.up}, &Queue{rest: &b.down}
	b.rq.init(h, &b.pair, m.ReadPut, m.ReadService)
	b.wq.init(h, &b.pair, m.WritePut, m.WriteService)
	b.rq.flags |= qReader
	b.rq.mate, b.wq.mate = b.wq, b.rq
	b.rq.proc, b.wq.proc = &b.rq.own, &b.rq.own
	return &b.pair
}

// add makes a pair of the module, linked to nobody, under a number of its own: of a
// process of its own, or, unless it is nil, of another pair's.
func (h *Hub) add(m Module, kin *pair) (*pair, error) {
	if m.Poller != nil && h.drivers == MaxDrivers {
		return nil, fmt.Errorf("%w: more than %d drivers", ErrHub, MaxDrivers)
	}
	id, err := h.numbers.take(h.index)
	if err != nil {
		return nil, err
	}
	p := h.newPair(id, m)
	if kin != nil {
		p.rq.proc, p.wq.proc = kin.rq.proc, kin.rq.proc
	}
	if m.HiWat != 0 {
		p.rq.SetMarks(m.HiWat, m.LoWat)
		p.wq.SetMarks(m.HiWat, m.LoWat)
	}
	if m.Poller != nil {
		p.driver = &driver{Poller: m.Poller, pair: p}
	}
	if m.Open != nil {
		if err := m.Open(p.rq); err != nil {
			h.numbers.give(id)
			return nil, fmt.Errorf("open %s: %w", m.Name, err)
		}
	}
	h.numbers.set(p)
	if kin != nil {
		kin.adopt(p)
	}
	h.enlist(p.driver)
	return p, nil
}

func (h *Hub) addInternal(m Module) (*pair, error) {
	p, err := h.add(m, nil)
	if err == nil {
		p.internal = true
	}
	return p, err
}

func (q *Queue) init(h *Hub, p *pair, put func(*Queue, Msg), service func(*Queue)) {
	q.hub, q.pair, q.flags = h, p, qWantR
	q.setCode(put, service)
	q.SetMarks(DefaultHiWat, DefaultLoWat)
}

// find gives the pair of a number that stands on this hub.
func (h *Hub) find(id ProcID) *pair {
	var p *pair
	if id.Hub() == h.index {
		p = h.numbers.find(id)
	} else {
		p = h.guests[id]
	}
	if p == nil || p.rq.hub != h {
		return nil
	}
	return p
}

// join makes upper the neighbour above lower. Both sides must be free: the upper
// one has nobody below, the lower one nobody above.
func join(lower, upper *pair) error {
	if lower.rq.next != nil || upper.wq.next != nil {
		return fmt.Errorf("%w: %s and %s: a side is linked already", ErrHub, lower.module.Name, upper.module.Name)
	}
	if upper.top() == lower {
		return fmt.Errorf("%w: %s and %s: a stream is no ring", ErrHub, lower.module.Name, upper.module.Name)
	}
	lower.rq.next, upper.wq.next = upper.rq, lower.wq
	resolve(lower.rq)
	resolve(upper.wq)
	return nil
}

// above and below are the neighbours, or nil.
func (p *pair) above() *pair { return p.rq.neighbour() }
func (p *pair) below() *pair { return p.wq.neighbour() }

func (q *Queue) neighbour() *pair {
	if q.next == nil {
		return nil
	}
	return q.next.pair
}

// top is the highest pair of p's stream, whichever hubs that passes.
func (p *pair) top() *pair {
	for {
		switch above := p.above(); {
		case above == nil && p.proxy != nil && !p.proxy.down:
			p = p.proxy.mate.pair()
		case above == nil:
			return p
		default:
			p = above
		}
	}
}

// part takes a pair and the one above it apart.
func (p *pair) part() {
	above := p.rq.next
	p.rq.next, above.mate.next = nil, nil
	resolve(p.rq)
	resolve(above.mate)
}

// remove closes a pair: it leaves its stream, its queued messages are freed and its
// place goes to another. Its neighbours are left with an open end.
func (h *Hub) remove(p *pair) {
	if p.rq.next != nil {
		p.part()
	}
	if below := p.below(); below != nil {
		below.part()
	}
	for _, q := range [...]*Queue{p.rq, p.wq} {
		q.flushIf(func(*Msg) bool { return true })
		h.release(q)
		q.flags |= qClosed
		h.passTurn(q)
	}
	h.delist(p.driver)
	h.numbersOf(p.id).give(p.id)
	delete(h.guests, p.id)
	p.leaveFamily()
	if p.module.Close != nil {
		p.module.Close(p.rq)
	}
}

// resolve recomputes whom q, and the queues before it that look past it, ask for
// room: after a change of topology, never per message. Who waits for a neighbour that
// is no longer ahead, for itself or on behalf of others, is scheduled to ask the new
// one.
func resolve(q *Queue) {
	for ; q != nil; q = q.before() {
		ahead := q.next
		if ahead != nil && ahead.service == nil {
			ahead = ahead.ahead
		}
		if ahead != q.ahead && q.ahead != nil {
			q.ahead.hub.release(q.ahead)
		}
		q.ahead = ahead
		if q.service != nil {
			return // those before q ask q
		}
	}
}

// before is the queue whose next is q, or nil.
func (q *Queue) before() *Queue {
	if q.mate.next == nil {
		return nil
	}
	return q.mate.next.mate
}
