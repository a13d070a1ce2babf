package dataplane

import (
	"errors"
	"fmt"
	"slices"
)

// pair is a queue pair under its number.
type pair struct {
	id     ProcID
	rq, wq *Queue
	module Module
	proxy  *proxy // when the pair stands for one on another hub
	pinned int    // paths that are being moved end here: no change of the pair
}

// process is what runs to completion: all pairs of one module instance. Those of a
// multiplexor share it, so that none is entered while another is on the stack.
type process struct {
	busy     uint32 // on the call stack
	deferred uint32 // its messages in the hub's own ring
	pairs    int
}

// Add makes a process of one queue pair for the module, linked to nobody, under a
// number of its own.
func (h *Hub) Add(m Module) (ProcID, error) { return h.add(m, &process{}) }

// AddPair gives the process of pair id another pair: a multiplexor has one for each
// of its streams.
func (h *Hub) AddPair(id ProcID, m Module) (ProcID, error) {
	p, err := h.pair(id)
	if err != nil {
		return 0, err
	}
	return h.add(m, p.rq.proc)
}

func (h *Hub) add(m Module, proc *process) (ProcID, error) {
	id, err := h.number()
	if err != nil {
		return 0, err
	}
	p := &pair{id: id, module: m}
	p.rq, p.wq = newQueue(h, m, m.ReadPut, m.ReadService), newQueue(h, m, m.WritePut, m.WriteService)
	p.rq.flags |= qReader
	p.rq.mate, p.wq.mate = p.wq, p.rq
	for _, q := range [...]*Queue{p.rq, p.wq} {
		q.id, q.proc = id, proc
	}
	if m.Open != nil {
		if err := m.Open(p.rq); err != nil {
			h.forget(id)
			return 0, fmt.Errorf("open %s: %w", m.Name, err)
		}
	}
	h.procs[id.index()] = p
	proc.pairs++
	return id, nil
}

func (h *Hub) number() (ProcID, error) {
	if n := len(h.freeProc); n > 0 {
		id := h.freeProc[n-1]
		h.freeProc = h.freeProc[:n-1]
		return id, nil
	}
	if len(h.procs) > MaxProcesses {
		return 0, fmt.Errorf("%w: more than %d processes", ErrHub, MaxProcesses)
	}
	h.procs = append(h.procs, nil)
	return ProcID(h.index<<hubShift | (len(h.procs) - 1)), nil
}

// forget takes a number out of use. The next process in its place gets another one, so
// that neither a stale number nor a message on its way between hubs reaches it.
func (h *Hub) forget(id ProcID) {
	h.procs[id.index()] = nil
	h.freeProc = append(h.freeProc, id.successor())
}

func newQueue(h *Hub, m Module, put func(*Queue, Msg), service func(*Queue)) *Queue {
	q := &Queue{hub: h, flags: qWantR}
	q.setCode(put, service)
	q.SetMarks(m.HiWat, m.LoWat)
	if m.HiWat == 0 {
		q.SetMarks(DefaultHiWat, DefaultLoWat)
	}
	return q
}

func (h *Hub) pair(id ProcID) (*pair, error) {
	if i := id.index(); i < len(h.procs) && h.procs[i] != nil && h.procs[i].id == id {
		return h.procs[i], nil
	}
	return nil, fmt.Errorf("%w: no process %#x on hub %d", ErrHub, id, h.index)
}

// Queues is the pair of a process.
func (h *Hub) Queues(id ProcID) (read, write *Queue, err error) {
	p, err := h.pair(id)
	if err != nil {
		return nil, nil, err
	}
	return p.rq, p.wq, nil
}

// Join makes upper the neighbour above lower. Both sides must be free: the upper
// one has nobody below, the lower one nobody above.
func (h *Hub) Join(lower, upper ProcID) error {
	l, err := h.pair(lower)
	if err != nil {
		return err
	}
	u, err := h.pair(upper)
	if err != nil {
		return err
	}
	if l.rq.next != nil || u.wq.next != nil {
		return fmt.Errorf("%w: %s and %s: a side is linked already", ErrHub, l.module.Name, u.module.Name)
	}
	if u.top() == l {
		return fmt.Errorf("%w: %s and %s: a stream is no ring", ErrHub, l.module.Name, u.module.Name)
	}
	l.rq.next, u.wq.next = u.rq, l.wq
	h.resolve(l.rq)
	h.resolve(u.wq)
	return nil
}

// top is the highest pair of p's stream.
func (p *pair) top() *pair {
	for p.rq.next != nil {
		p = p.rq.next.pair()
	}
	return p
}

// Part undoes Join between lower and its upper neighbour.
func (h *Hub) Part(lower ProcID) error {
	l, err := h.pair(lower)
	if err != nil {
		return err
	}
	above := l.rq.next
	switch {
	case above == nil:
		return fmt.Errorf("%w: nobody above %s", ErrHub, l.module.Name)
	case l.pinned > 0 || above.pair().pinned > 0:
		return fmt.Errorf("%w: %s: %w", ErrHub, l.module.Name, ErrMoving)
	case l.proxy != nil || above.pair().proxy != nil:
		return fmt.Errorf("%w: %s: %w", ErrHub, l.module.Name, ErrAbroad)
	}
	l.part()
	return nil
}

// part takes a pair and the one above it apart.
func (p *pair) part() {
	above := p.rq.next
	p.rq.next, above.mate.next = nil, nil
	p.rq.hub.resolve(p.rq)
	p.rq.hub.resolve(above.mate)
}

// ErrAbroad refuses to part a pair, by means of its own hub alone, from a neighbour on
// another: Fabric.Part does.
var ErrAbroad = errors.New("the neighbour is on another hub")

// Remove closes a process: it leaves its stream, its queued messages are freed and
// its place goes to the next Add. Its neighbours are left with an open end.
func (h *Hub) Remove(id ProcID) error {
	p, err := h.pair(id)
	if err != nil {
		return err
	}
	if err := p.removable(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, err)
	}
	h.remove(p)
	return nil
}

func (h *Hub) remove(p *pair) {
	if p.rq.next != nil {
		p.part()
	}
	if below := p.wq.next; below != nil {
		below.pair().part()
	}
	for _, q := range [...]*Queue{p.rq, p.wq} {
		q.flushIf(func(*Msg) bool { return true })
		h.reenable(q)
		q.flags |= qClosed
	}
	h.pollers = slices.DeleteFunc(h.pollers, func(o port) bool { return o.owner == p })
	h.forget(p.id)
	p.rq.proc.pairs--
	if p.module.Close != nil {
		p.module.Close(p.rq)
	}
}

// removable tells what forbids to take a pair from between its neighbours.
func (p *pair) removable() error {
	if p.pinned > 0 {
		return ErrMoving
	}
	for _, q := range [...]*Queue{p.rq.next, p.wq.next} {
		switch {
		case q == nil:
		case q.pair().pinned > 0:
			return ErrMoving
		case q.pair().proxy != nil && p.proxy == nil:
			return ErrAbroad
		}
	}
	return nil
}

// resolve recomputes whom q, and the queues before it that look past it, ask for
// room: after a change of topology, never per message. Who waits for a neighbour that
// is no longer ahead, for itself or on behalf of others, is scheduled to ask the new
// one.
func (h *Hub) resolve(q *Queue) {
	for ; q != nil; q = q.before() {
		ahead := q.next
		if ahead != nil && ahead.service == nil {
			ahead = ahead.ahead
		}
		if ahead != q.ahead && q.ahead != nil {
			h.reenable(q.ahead)
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

// pair is the queue's pair.
func (q *Queue) pair() *pair { return q.hub.procs[q.id.index()] }
