package nic

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// xdpRing is one of the four rings that an AF_XDP socket shares with the kernel. One side produces and one consumes, and
// each side moves one index: of fill and transmit we move the producer's, of receive and completion the consumer's.
//
// An index is published by a store after the slots were written or read, and read by a load before they are: Go's
// atomics order both ways, on every processor.
type xdpRing[T uint64 | unix.XDPDesc] struct {
	mapped    []byte
	published *atomic.Uint32 // our index, as the kernel sees it
	others    *atomic.Uint32 // the kernel's
	flags     *atomic.Uint32
	slots     []T    // a power of two
	ours      uint32 // ahead of published by what is not published yet
	theirs    uint32 // the kernel's, as last read
}

// use lays the ring over its mapping. The kernel's index and ours stand at the same value, as nothing has moved yet.
func (r *xdpRing[T]) use(mapped []byte, at unix.XDPRingOffset, slots int, produces bool) {
	r.mapped, r.slots = mapped, ringSlots[T](mapped, at.Desc, slots)
	r.published, r.others = ringWord(mapped, at.Consumer), ringWord(mapped, at.Producer)
	if produces {
		r.published, r.others = r.others, r.published
	}
	r.flags = ringWord(mapped, at.Flags)
	r.ours, r.theirs = r.published.Load(), r.others.Load()
}

// slot is the one at an index.
func (r *xdpRing[T]) slot(i uint32) *T { return &r.slots[i&uint32(len(r.slots)-1)] }

// room is how many slots a producer may fill, asking the kernel's index only when it knows of fewer than wanted.
func (r *xdpRing[T]) room(wanted int) int {
	free := len(r.slots) - int(r.ours-r.theirs)
	if free < wanted {
		r.theirs = r.others.Load()
		free = len(r.slots) - int(r.ours-r.theirs)
	}
	return free
}

// put fills the next slot, of which there must be one; publish shows it.
func (r *xdpRing[T]) put(v T) {
	*r.slot(r.ours) = v
	r.ours++
}

// waiting is how many slots a consumer may take, asking the kernel's index only when it knows of none.
func (r *xdpRing[T]) waiting() int {
	if r.theirs == r.ours {
		r.theirs = r.others.Load()
	}
	return int(r.theirs - r.ours)
}

// more asks the kernel's index.
func (r *xdpRing[T]) more() int {
	r.theirs = r.others.Load()
	return int(r.theirs - r.ours)
}

// publish shows the kernel what was put or taken.
func (r *xdpRing[T]) publish() {
	if r.published.Load() != r.ours {
		r.published.Store(r.ours)
	}
}

// pending is what a producer has published and the kernel has not taken.
func (r *xdpRing[T]) pending() int {
	r.theirs = r.others.Load()
	return int(r.published.Load() - r.theirs)
}

// needsWakeup tells whether the kernel looks at the ring only when it is called (XDP_USE_NEED_WAKEUP).
func (r *xdpRing[T]) needsWakeup() bool { return r.flags.Load()&unix.XDP_RING_NEED_WAKEUP != 0 }

// unmap gives the mapping back.
func (r *xdpRing[T]) unmap() error {
	if r.mapped == nil {
		return nil
	}
	mapped := r.mapped
	*r = xdpRing[T]{}
	return unix.Munmap(mapped)
}
