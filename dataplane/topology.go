package dataplane

import "fmt"

// A change of topology happens between two messages: no put or service is on the
// stack, and what was put aside for a process on the stack is delivered first.

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
	if below.pinned > 0 && above.pair().pinned > 0 {
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
	h.resolve(p.rq)
	h.resolve(p.wq)
	return id, nil
}

// Pop takes a pair out of its stream, joins its neighbours and removes it. What it
// had queued goes on to the neighbours first, in order.
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
	h.settle()
	p.rq.passAll()
	p.wq.passAll()
	h.settle()
	below.mate.next, above.mate.next = above, below
	p.rq.next, p.wq.next = nil, nil
	h.resolve(below.mate)
	h.resolve(above.mate)
	return h.Remove(id)
}

// passAll hands everything queued to the neighbour, whatever its marks say.
func (q *Queue) passAll() {
	for {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		q.PutNext(m)
	}
}

// Replace puts another module's code in the place of a running pair's. Links, marks
// and queued messages stay; what the old code held for itself it gives up in Close.
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
			q.passAll()
			h.reenable(q)
		} else if q.first != 0 {
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

const maxSettle = 64
