package dataplane

// MaxRefusals is how many callers of a hub may wait for full queues at once. Past
// it a caller is scheduled on the next pass instead: it asks again, and nobody is
// forgotten.
const MaxRefusals = 1 << 16

// refusalList is the head of a list of callers that wait for one queue.
type refusalList struct{ head, tail refusalID }

type refusalID uint32

// refusal is one caller waiting for one full queue, in that queue's list.
type refusal struct {
	caller *Queue
	next   refusalID
}

// refusalTable holds the refusals of a hub. Like the node table it only grows.
type refusalTable struct {
	slots []refusal // 0 is nobody
	free  refusalID
	used  int
}

// refuse remembers that caller found t full, once.
func (h *Hub) refuse(t, caller *Queue) {
	if caller.service == nil {
		return // nothing could be scheduled; the caller asks again by itself
	}
	r := &h.refusals
	if caller.waits > 0 && (caller.waitsFor == t || r.holds(t, caller)) {
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
	r.slots[i] = refusal{caller: caller}
	if t.refused.tail == 0 {
		t.refused.head = i
	} else {
		r.slots[t.refused.tail].next = i
	}
	t.refused.tail = i
	caller.waits++
	caller.waitsFor = t
}

func (r *refusalTable) holds(t, caller *Queue) bool {
	for i := t.refused.head; i != 0; i = r.slots[i].next {
		if r.slots[i].caller == caller {
			return true
		}
	}
	return false
}

// reenable schedules those who found t full, in the order in which they asked.
func (h *Hub) reenable(t *Queue) {
	r := &h.refusals
	for i := t.refused.head; i != 0; {
		caller, next := r.slots[i].caller, r.slots[i].next
		r.slots[i] = refusal{next: r.free}
		r.free = i
		r.used--
		caller.waits--
		caller.waitsFor = nil
		caller.Enable()
		i = next
	}
	t.refused = refusalList{}
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
