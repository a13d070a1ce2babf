package dataplane

// call is a function on its way into the hub.
type call struct {
	fn   func()
	done chan struct{}
	next *call
}

// Call runs fn on the hub, between two messages, and returns when it has run: the
// one way from outside to the hub's state, for whoever built the hub. It may be
// called from any goroutine but the hub's own, while the hub runs. Once Run has
// returned it reports false, and fn may not have run.
func (h *Hub) Call(fn func()) bool {
	c := &call{fn: fn, done: make(chan struct{})}
	for {
		c.next = h.calls.Load()
		if h.calls.CompareAndSwap(c.next, c) {
			break
		}
	}
	h.sleeper.wake()
	select {
	case <-c.done:
		return true
	case <-h.ended:
		return false
	}
}

// Stop ends Run after the pass under way. Any goroutine may call it.
func (h *Hub) Stop() {
	h.stopped.Store(true)
	h.sleeper.wake()
}

func (h *Hub) runCalls() (work int) {
	if h.calls.Load() == nil {
		return 0
	}
	var first *call
	for c := h.calls.Swap(nil); c != nil; { // newest first: turn the list round
		c.next, first, c = first, c, c.next
	}
	for c := first; c != nil; c = c.next {
		c.fn()
		close(c.done)
		work++
	}
	return work
}
