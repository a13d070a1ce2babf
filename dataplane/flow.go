package dataplane

// MaxRefusals is how many callers of a hub may wait for full queues at once. Past
// it a caller is scheduled on the next pass instead: it asks again, and nobody is
// forgotten.
const MaxRefusals = 1 << 16

// refusalList is the head of a list of callers that wait for one queue, in the order in
// which they asked.
type refusalList struct{ head, tail refusalID }

type refusalID uint32

// refusal is one caller waiting for room in one band of a full queue, in that queue's
// list.
type refusal struct {
	caller *Queue // nil: it has gone
	band   uint8
	next   refusalID
}

// refusalTable holds the refusals of a hub. Like the node table it only grows.
type refusalTable struct {
	slots []refusal // 0 is nobody
	free  refusalID
	used  int
}

// Of those that were refused by a band of a queue only one at a time has its turn there,
// when that has room again: once its service has run, the turn goes on to the next, as long
// as there is room. So who is woken is who there is room for, in turn.

// refuse remembers that caller found a band of t full, once.
func (h *Hub) refuse(t, caller *Queue, number uint8) {
	if caller.service == nil {
		return // nothing could be scheduled; the caller asks again by itself
	}
	r := &h.refusals
	if caller.waits > 0 && (caller.waitsFor == t && caller.waitsIn == number || r.holds(t, caller, number)) {
		return
	}
	if r.free == 0 && !r.grow() {
		caller.Enable()
		h.counters.Refusals++
		return
	}
	i := r.free
	r.free = r.slots[i].next
	r.used++
	r.slots[i] = refusal{caller: caller, band: number}
	if t.refused.tail == 0 {
		t.refused.head = i
	} else {
		r.slots[t.refused.tail].next = i
	}
	t.refused.tail = i
	caller.waits++
	caller.waitsFor, caller.waitsIn = t, number
}

func (r *refusalTable) holds(t, caller *Queue, number uint8) bool {
	for i := t.refused.head; i != 0; i = r.slots[i].next {
		if r.slots[i].caller == caller && r.slots[i].band == number {
			return true
		}
	}
	return false
}

// unlink takes refusal i, which stands behind before, out of t's list.
func (h *Hub) unlink(t *Queue, before, i refusalID) *Queue {
	r := &h.refusals
	caller, next := r.slots[i].caller, r.slots[i].next
	if before == 0 {
		t.refused.head = next
	} else {
		r.slots[before].next = next
	}
	if t.refused.tail == i {
		t.refused.tail = before
	}
	r.slots[i] = refusal{next: r.free}
	r.free = i
	r.used--
	if caller != nil {
		caller.waits--
		caller.waitsFor = nil
	}
	return caller
}

// next takes the caller whose turn it is at a band of t out of the list, and gives it the
// token; nil when nobody waits. One that has a turn somewhere else runs anyway, and needs
// none here.
func (h *Hub) next(t *Queue, number uint8) *Queue {
	for before, i := refusalID(0), t.refused.head; i != 0; {
		e := &h.refusals.slots[i]
		if e.caller != nil && e.band != number {
			before, i = i, e.next
			continue
		}
		at := e.next
		caller := h.unlink(t, before, i)
		i = at
		switch {
		case caller == nil || caller.flags&qClosed != 0 || caller.service == nil:
		case caller.turn != nil:
			caller.Enable()
		default:
			caller.turn, caller.turnIn = t, number
			return caller
		}
	}
	return nil
}

// fell has the next in turn scheduled: a band of t has fallen to its low mark.
func (h *Hub) fell(t *Queue, number uint8) {
	if t.refused.head != 0 {
		if q := h.next(t, number); q != nil {
			q.Enable()
		}
	}
}

// passTurn gives q's turn on, when it will not run.
func (h *Hub) passTurn(q *Queue) {
	if t, number, ok := h.takeTurn(q); ok {
		h.fell(t, number)
	}
}

// passTurnIn is passTurn after q's service: the next has its turn in the same batch, if
// it is not scheduled already.
func (h *Hub) passTurnIn(q *Queue, batch *runList) {
	t, number, ok := h.takeTurn(q)
	if !ok {
		return
	}
	if n := h.next(t, number); n != nil && n.flags&qEnabled == 0 {
		n.flags |= qEnabled
		batch.push(n)
	}
}

// takeTurn takes q's turn away; false when there is nothing to pass on. A queue that has
// moved has scheduled all who waited for it.
func (h *Hub) takeTurn(q *Queue) (t *Queue, number uint8, ok bool) {
	t, number = q.turn, q.turnIn
	q.turn = nil
	if t == nil || t.hub != h || t.flags&qClosed != 0 || t.fullFor(number) {
		return nil, 0, false
	}
	return t, number, t.refused.head != 0
}

// release schedules all who found t full, in the order in which they asked: they are to
// ask somebody else.
func (h *Hub) release(t *Queue) {
	for t.refused.head != 0 {
		if caller := h.unlink(t, 0, t.refused.head); caller != nil {
			caller.Enable()
		}
	}
}

// unwait makes others forget that q waits for them; q has to ask again.
func (h *Hub) unwait(q *Queue) {
	for i := 0; q.waits > 0 && i < len(h.refusals.slots); i++ {
		if e := &h.refusals.slots[i]; e.caller == q {
			e.caller = nil
			q.waits--
		}
	}
	q.waitsFor = nil
	h.passTurn(q)
}

func (r *refusalTable) grow() bool {
	have := max(len(r.slots), 1)
	want := min(max(2*have, 64), MaxRefusals+1)
	if want <= have {
		return false
	}
	slots := make([]refusal, want)
	copy(slots, r.slots)
	r.slots = slots
	for i := want - 1; i >= have; i-- {
		r.slots[i].next = r.free
		r.free = refusalID(i)
	}
	return true
}
