package dataplane

import (
	"errors"
	"fmt"
)

// A change of topology happens between two messages: no put or service is on the
// stack, and what was put aside for a process on the stack is delivered first.

// ErrRestless refuses to take a pair from between neighbours that answer each other's
// messages without end, or for very long: try again.
var ErrRestless = errors.New("its neighbours do not come to rest")

// Push puts a new pair of the module between the pair at and the one above it.
func (h *Hub) Push(at ProcID, m Module) (ProcID, error) {
	below, err := h.pair(at)
	if err != nil {
		return 0, err
	}
	above := below.rq.next
	if above == nil {
		return 0, fmt.Errorf("%w: push on %s: nobody above it", ErrHub, below.module.Name)
	}
	if below.pinned > 0 || above.pair().pinned > 0 {
		return 0, fmt.Errorf("%w: push on %s: %w", ErrHub, below.module.Name, ErrMoving)
	}
	h.settle()
	id, err := h.Add(m)
	if err != nil {
		return 0, err
	}
	p, _ := h.pair(id)
	below.rq.next, p.rq.next = p.rq, above
	above.mate.next, p.wq.next = p.wq, below.wq
	for _, q := range [...]*Queue{p.rq, below.rq, p.wq, above.mate} {
		h.resolve(q)
	}
	return id, nil
}

// Pop takes a pair out of its stream, joins its neighbours and removes it. What it
// had queued goes on to the neighbours first, in order, and what they answer to that.
func (h *Hub) Pop(id ProcID) error {
	p, err := h.pair(id)
	if err != nil {
		return err
	}
	above, below := p.rq.next, p.wq.next
	if above == nil || below == nil {
		return fmt.Errorf("%w: pop of %s: it is an end of its stream", ErrHub, p.module.Name)
	}
	if p.pinned > 0 {
		return fmt.Errorf("%w: pop of %s: %w", ErrHub, p.module.Name, ErrMoving)
	}
	if !h.clear(p) {
		return fmt.Errorf("%w: pop of %s: %w", ErrHub, p.module.Name, ErrRestless)
	}
	below.mate.next, above.mate.next = above, below
	p.rq.next, p.wq.next = nil, nil
	h.resolve(below.mate)
	h.resolve(above.mate)
	return h.Remove(id)
}

// clear passes on what a pair has queued, whatever the neighbours' marks say, until
// nothing is left or on its way to it; false when they never stop to answer.
func (h *Hub) clear(p *pair) bool {
	for range maxClear {
		h.settle()
		switch {
		case p.rq.proc.deferred > 0:
			return false
		case p.rq.first|p.wq.first == 0:
			return true
		}
		p.rq.giveAll((*Queue).PutNext)
		p.wq.giveAll((*Queue).PutNext)
	}
	return false
}

// giveAll takes what is queued now and hands it to do.
func (q *Queue) giveAll(do func(*Queue, Msg)) {
	for range q.msgs {
		if m, ok := q.GetQ(); ok {
			do(q, m)
		}
	}
}

// Replace puts another module's code in the place of a running pair's. Links, marks
// and queued messages stay, or go to the new put where there is no new service; what
// the old code held for itself it gives up in Close.
// The new code's Open may refuse, and then nothing has changed.
func (h *Hub) Replace(id ProcID, m Module) error {
	p, err := h.pair(id)
	if err != nil {
		return err
	}
	h.settle()
	if m.Open != nil {
		if err := m.Open(p.rq); err != nil {
			return fmt.Errorf("open %s: %w", m.Name, err)
		}
	}
	if p.module.Close != nil {
		p.module.Close(p.rq)
	}
	p.module = m
	p.rq.setCode(m.ReadPut, m.ReadService)
	p.wq.setCode(m.WritePut, m.WriteService)
	for _, q := range [...]*Queue{p.rq, p.wq} {
		h.resolve(q)
		h.resolve(q.before())
		if q.service == nil {
			q.giveAll(h.deliver)
			h.reenable(q)
		} else {
			q.Enable()
		}
	}
	return nil
}

// setCode gives a queue its put and service; both may be nil.
func (q *Queue) setCode(put func(*Queue, Msg), service func(*Queue)) {
	q.put, q.service = put, service
	if put == nil {
		q.put = (*Queue).PutNext
		if service != nil {
			q.put = (*Queue).Forward
		}
	}
}

// settle delivers all that waits in the hub's own ring. A topology in which two
// processes keep answering each other would never settle; it is cut off.
func (h *Hub) settle() {
	for i := 0; i < maxSettle && h.deferred.head != h.deferred.tail; i++ {
		h.runDeferred()
	}
}

const (
	maxSettle = 1 << 12 // turns of the hub's own ring
	maxClear  = 64
)
