package dataplane

import "github.com/cellhub/cellhub/dataplane/links"

// MaxRefusals is how many callers of a hub may wait for full queues at once. Past
// it a caller is scheduled on the next pass instead: it asks again, and nobody is
// forgotten.
const MaxRefusals = 1 << 16

// refusal is one caller waiting for room in one band of a full queue, in that queue's
// list, which is in the order in which they asked.
type refusal struct {
	caller *Queue // nil: it has gone
	band   uint8
}

// Of those that were refused by a band of a queue only one at a time has its turn there,
// when that has room again: once its service has run, the turn goes on to the next, as long
// as there is room. So who is woken is who there is room for, in turn.

// refuse remembers that caller found a band of t full, once.
func (h *Hub) refuse(t, caller *Queue, number uint8) {
	if caller.service == nil {
		return // nothing could be scheduled; the caller asks again by itself
	}
	if caller.waits > 0 && (caller.waitsFor == t && caller.waitsIn == number || t.refuses(caller, number)) {
		return
	}
	i := h.refusals.Take(MaxRefusals)
	if i == 0 {
		caller.Enable()
		h.counters.Refusals++
		return
	}
	h.refusals.At(i).Value = refusal{caller, number}
	links.Append(&h.refusals, &t.refused, i)
	caller.waits++
	caller.waitsFor, caller.waitsIn = t, number
}

func (q *Queue) refuses(caller *Queue, number uint8) bool {
	r := &q.hub.refusals
	for i := q.refused.First; i != 0; i = r.At(i).Next {
		if r.At(i).Value == (refusal{caller, number}) {
			return true
		}
	}
	return false
}

// unlink takes refusal i, which stands behind before, out of t's list.
func (h *Hub) unlink(t *Queue, before, i links.ID) *Queue {
	caller := h.refusals.At(i).Value.caller
	links.Remove(&h.refusals, &t.refused, before, i)
	h.refusals.At(i).Value = refusal{}
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
	for before, i := links.ID(0), t.refused.First; i != 0; {
		e := h.refusals.At(i)
		if e.Value.caller != nil && e.Value.band != number {
			before, i = i, e.Next
			continue
		}
		at := e.Next
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
	if t.refused.First != 0 {
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
	return t, number, t.refused.First != 0
}

// release schedules all who found t full, in the order in which they asked: they are to
// ask somebody else.
func (h *Hub) release(t *Queue) {
	for t.refused.First != 0 {
		if caller := h.unlink(t, 0, t.refused.First); caller != nil {
			caller.Enable()
		}
	}
}

// unwait makes others forget that q waits for them; q has to ask again.
func (h *Hub) unwait(q *Queue) {
	for i := 1; q.waits > 0 && i < h.refusals.Len(); i++ {
		if e := &h.refusals.At(links.ID(i)).Value; e.caller == q {
			e.caller = nil
			q.waits--
		}
	}
	q.waitsFor = nil
	h.passTurn(q)
}
