package dataplane

// MaxBufCalls is how many may wait for blocks at once.
const MaxBufCalls = 1024

// BufCall has fn called once, on the hub, when at least n blocks are there to be
// taken by Alloc; bufcall. It is what a module does that could not get a block and
// must not lose what it holds. Those who wait are served in order, so that one who
// wants many is not starved. false, counted: MaxBufCalls wait already, or the pool
// never has n blocks for data.
func (h *Hub) BufCall(n int, fn func()) bool {
	if len(h.bufcalls) == MaxBufCalls || n > int(h.perHub)-h.reserve {
		h.counters.NoBufCalls++
		return false
	}
	h.bufcalls = append(h.bufcalls, bufCall{n, fn})
	h.wantBlocks(true)
	return true
}

type bufCall struct {
	blocks int
	fn     func()
}

// serveBufCalls runs once a pass. What a waiter takes is seen by the next.
func (h *Hub) serveBufCalls() (work int) {
	for n := len(h.bufcalls); work < n && h.Available() >= h.bufcalls[0].blocks; work++ {
		fn := h.bufcalls[0].fn
		h.bufcalls = append(h.bufcalls[:0], h.bufcalls[1:]...)
		fn()
	}
	if work > 0 && len(h.bufcalls) == 0 {
		h.wantBlocks(false)
	}
	return work
}
