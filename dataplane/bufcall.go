package dataplane

import "github.com/cellhub/cellhub/dataplane/block"

// MaxBufCalls is how many may wait for blocks at once.
const MaxBufCalls = 1024

// BufCall has fn called once, on the hub, when at least n blocks with room for the octets
// are there to be taken by Alloc; bufcall. It is what a module does that could not get a block and
// must not lose what it holds. Those who wait are served in order, so that one who
// wants many is not starved. false, counted: MaxBufCalls wait already, or the pool
// never has n blocks for data.
func (h *Hub) BufCall(n, octets int, fn func()) bool {
	if len(h.bufcalls) == MaxBufCalls || n > h.Pool.Limit(octets) {
		h.counters.NoBufCalls++
		return false
	}
	h.bufcalls = append(h.bufcalls, bufCall{n, octets, fn})
	h.Pool.Want(true)
	return true
}

type bufCall struct {
	blocks, octets int
	fn             func()
}

func (c *bufCall) servable(p *block.Pool) bool { return p.Available(c.octets) >= c.blocks }

// serveBufCalls runs once a pass. What a waiter takes is seen by the next.
func (h *Hub) serveBufCalls() (work int) {
	for n := len(h.bufcalls); work < n && h.bufcalls[0].servable(h.Pool); work++ {
		fn := h.bufcalls[0].fn
		h.bufcalls = append(h.bufcalls[:0], h.bufcalls[1:]...)
		fn()
	}
	if work > 0 && len(h.bufcalls) == 0 {
		h.Pool.Want(false)
	}
	return work
}
