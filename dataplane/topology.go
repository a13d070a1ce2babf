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

// push puts a new pair of the module between the pair below and the one above it.
func (h *Hub) push(below *pair, m Module) (*pair, error) {
	above := below.rq.next
	if above == nil {
		return nil, fmt.Errorf("%w: push on %s: nobody above it", ErrHub, below.module.Name)
	}
	h.settle()
	p, err := h.add(m, nil)
	if err != nil {
		return nil, err
	}
	below.rq.next, p.rq.next = p.rq, above
	above.mate.next, p.wq.next = p.wq, below.wq
	for _, q := range [...]*Queue{p.rq, below.rq, p.wq, above.mate} {
		resolve(q)
	}
	return p, nil
}

// pop takes a pair out of its stream, joins its neighbours and removes it. What it
// had queued goes on to the neighbours first, in order, and what they answer to that.
func (h *Hub) pop(p *pair) error {
	above, below := p.rq.next, p.wq.next
	if above == nil || below == nil {
		return fmt.Errorf("%w: pop of %s: it is an end of its stream", ErrHub, p.module.Name)
	}
	if !h.clear(p) {
		return fmt.Errorf("%w: pop of %s: %w", ErrHub, p.module.Name, ErrRestless)
	}
	below.mate.next, above.mate.next = above, below
	p.rq.next, p.wq.next = nil, nil
	resolve(below.mate)
	resolve(above.mate)
	h.remove(p)
	return nil
}

// clear passes on what a pair has queued, whatever the neighbours' marks say, until
// nothing is left or on its way to it; false when they never stop to answer.
func (h *Hub) clear(p *pair) bool {
	for range maxClear {
		h.settle()
		switch {
		case p.rq.proc.deferred > 0:
			return false
		case p.rq.waiting.First|p.wq.waiting.First == 0:
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

// replace puts another module's code in the place of a running pair's. Links, marks
// and queued messages stay, or go to the new put where there is no new service; what
// the old code held for itself it gives up in Close.
// The new code's Open may refuse, and then nothing has changed.
func (h *Hub) replace(p *pair, m Module) error {
	h.settle()
	old := p.driver
	if m.Poller == nil {
		p.driver = nil
	} else {
		p.driver = &driver{Poller: m.Poller, pair: p}
	}
	if m.Open != nil {
		if err := m.Open(p.rq); err != nil {
			p.driver = old
			return fmt.Errorf("open %s: %w", m.Name, err)
		}
	}
	h.delist(old)
	h.enlist(p.driver)
	was := p.module
	p.module = m.code()
	if was.Close != nil {
		was.Close(p.rq)
	}
	p.rq.setCode(m.ReadPut, m.ReadService)
	p.wq.setCode(m.WritePut, m.WriteService)
	for _, q := range [...]*Queue{p.rq, p.wq} {
		resolve(q)
		resolve(q.before())
		if q.service == nil {
			h.passTurn(q)
			q.giveAll((*Queue).deliver)
			h.release(q)
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
