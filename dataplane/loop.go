package dataplane

import "runtime"

// Run is the hub: it turns until Stop, on a thread of its own, which it pins to its
// processor if it was given one.
func (h *Hub) Run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer h.pin()()
	for !h.stopped.Load() {
		h.pace.rest(h, h.Pass())
	}
	h.flushPorts()
	h.publish()
	close(h.ended)
}

// Pass is one turn of the loop, and the whole program: everything else is called
// from here. It returns how much there was to do. A test runs a hub by calling it.
func (h *Hub) Pass() int {
	h.now = h.clock()
	h.counters.Passes++
	work := h.pollPorts()
	work += h.drainInboxes()
	work += h.runServices()
	work += h.timers.advance(h.now)
	h.flushPorts()
	h.publish()
	return work
}

func (h *Hub) pollPorts() (work int) {
	for i := range h.pollers {
		p := &h.pollers[i]
		proc := p.owner.rq.proc
		proc.busy = 1
		work += p.Poll()
		proc.busy = 0
	}
	h.counters.Messages += uint64(work)
	return work
}

func (h *Hub) drainInboxes() int {
	return h.drainPeers() + h.runCalls() + h.runCommands() + h.runDeferred() + h.serveBufCalls()
}

// runServices runs the queues enabled so far, in the order of enabling. What they
// enable has its turn in the next pass.
func (h *Hub) runServices() (work int) {
	for q := h.run.takeAll(); q != nil; {
		next := q.runNext
		q.runNext = nil
		q.flags &^= qEnabled
		if q.flags&qClosed == 0 && q.service != nil { // it may be replaced by now
			q.proc.busy = 1
			if debug {
				h.debugService(q)
			} else {
				q.service(q)
			}
			q.proc.busy = 0
			work++
		}
		q = next
	}
	h.counters.Services += uint64(work)
	return work
}

func (h *Hub) flushPorts() {
	for i := range h.pollers {
		p := &h.pollers[i]
		proc := p.owner.rq.proc
		proc.busy = 1
		p.Flush()
		proc.busy = 0
	}
}

// runList is the queues to run, in order.
type runList struct{ head, tail *Queue }

func (l *runList) push(q *Queue) {
	if l.head == nil {
		l.head = q
	} else {
		l.tail.runNext = q
	}
	l.tail = q
}

func (l *runList) takeAll() *Queue {
	q := l.head
	*l = runList{}
	return q
}

// deferRing is the hub's own ring: messages for processes that were on the call
// stack when they were put.
type deferRing struct {
	slots      []deferredPut
	head, tail uint32
}

type deferredPut struct {
	queue *Queue
	msg   Msg
}

// deferPut keeps a message until the stack has unwound. A process with messages
// here gets all later ones through here too, so that none overtakes.
func (h *Hub) deferPut(q *Queue, m Msg) {
	d := &h.deferred
	if d.slots == nil {
		d.slots = make([]deferredPut, MaxDeferred)
	}
	m, ok := h.Own(m)
	switch {
	case !ok:
		h.counters.NoBlocks++
	case d.tail-d.head == uint32(len(d.slots)):
		h.counters.NoDefer++
		h.Free(m)
	default:
		if debug {
			h.noteQueued(&m)
		}
		d.slots[d.tail%uint32(len(d.slots))] = deferredPut{q, m}
		d.tail++
		q.proc.deferred++
	}
}

func (h *Hub) runDeferred() (work int) {
	d := &h.deferred
	for end := d.tail; d.head != end; work++ {
		slot := &d.slots[d.head%uint32(len(d.slots))]
		e := *slot
		slot.queue = nil
		d.head++
		p := e.queue.proc
		p.deferred--
		if debug {
			h.noteTaken(&e.msg)
		}
		if e.queue.flags&qClosed != 0 {
			h.dropUnlinked(e.msg)
			continue
		}
		p.busy = 1
		if debug {
			h.debugPut(e.queue, e.msg)
		} else {
			e.queue.put(e.queue, e.msg)
		}
		p.busy = 0
	}
	return work
}
