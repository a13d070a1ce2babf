package dataplane

import (
	"runtime"

	"github.com/cellhub/cellhub/dataplane/thread"
)

// Run is the hub: it turns until Stop. With a processor of its own it holds its thread, and
// pins it there. It is called once.
func (h *Hub) Run() {
	h.turn.Lock()
	defer h.turn.Unlock()
	defer close(h.ended)
	if h.cpu != 0 { // else a thread of its own is no use, and makes Go's scheduler dearer: see renew
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	defer thread.Pin(h.cpu)()
	for !h.stopped.Load() {
		h.rest(h.Pass())
	}
	h.sendAll()
	h.publish()
}

// Stop ends Run after the pass under way. Any goroutine may call it.
func (h *Hub) Stop() {
	h.stopped.Store(true)
	h.sleeper.wake()
}

// Pass is one turn of the loop, and the whole program: everything else is called
// from here. It returns how much there was to do. A test runs a hub by calling it.
func (h *Hub) Pass() int {
	h.now = h.clock()
	h.counters.Passes++
	work := h.Pool.TakeHome()
	h.traffic = h.pollDrivers()
	h.traffic += h.drainPeers()
	work += h.traffic + h.drainInboxes()
	if h.run.head != nil { // here and below: an idle pass calls nothing that it need not
		work += h.runServices()
	}
	if h.timers.Due(h.now) {
		work += h.timers.Advance(h.now)
	}
	h.unwound()
	if len(h.sends.drivers) > 0 {
		h.sendAll()
	}
	h.publish()
	return work
}

// drainInboxes takes what has come from outside, and what the hub has
// put aside for itself.
func (h *Hub) drainInboxes() int {
	work := h.drainLines()
	if h.deferred.head != h.deferred.tail {
		work += h.runDeferred()
	}
	if len(h.bufcalls) > 0 {
		work += h.serveBufCalls()
	}
	return work
}

// runServices runs the queues enabled so far, in the order of enabling. What they
// enable has its turn in the next pass, but whoever was refused by a queue that has room
// still when those before it have run.
func (h *Hub) runServices() (work int) {
	batch := h.run
	h.run = runList{}
	for q := batch.take(); q != nil; q = batch.take() {
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
			h.unwound()
		}
		if q.turn != nil {
			h.passTurnIn(q, &batch)
		}
	}
	h.counters.Services += uint64(work)
	return work
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

func (l *runList) take() *Queue {
	q := l.head
	if q != nil {
		l.head, q.runNext = q.runNext, nil
	}
	return q
}

// drop takes a queue out.
func (l *runList) drop(q *Queue) {
	var rest runList
	for o := l.take(); o != nil; o = l.take() {
		if o != q {
			rest.push(o)
		}
	}
	*l = rest
}

// MaxDeferred is how many messages wait for a process to leave the call stack.
const MaxDeferred = 4096

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

// unwound delivers what was put aside, now that nothing is on the stack.
func (h *Hub) unwound() {
	if h.deferred.head != h.deferred.tail {
		h.runDeferred()
	}
}

// runDeferred delivers what waits now; what is put aside meanwhile has its turn later.
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
