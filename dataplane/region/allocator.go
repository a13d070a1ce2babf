package region

import (
	"fmt"
	"sync"
	"syscall"
)

// allocator is the hub's book of a region's channels. Memory of one size is used again for
// that size alone: a client that mixes sizes fragments its own region.
type allocator struct {
	mu     sync.Mutex
	next   int           // offset of what was never used
	free   map[int][]int // by octets
	number []place       // by number
	spare  []uint32      // numbers to be given again
	most   int
}

type place struct {
	offset int
	octets int // 0: free
}

// Place is where a channel is, as TLV RING says it.
type Place struct {
	Number uint32
	Offset uint64
	Size   uint32
}

// Alloc makes a channel and gives the hub's side of it. ENOBUFS: the region is full, or has as
// many channels as it may. Any goroutine.
func (r *Region) Alloc(s Shape) (*Channel, Place, error) {
	a := &r.allocator
	a.mu.Lock()
	defer a.mu.Unlock()
	octets := s.Octets()
	offset := a.next
	if f := a.free[octets]; len(f) > 0 {
		offset = f[len(f)-1]
		a.free[octets] = f[:len(f)-1]
	} else if octets > len(r.mem)-a.next {
		return nil, Place{}, fmt.Errorf("%w: no room for another channel: %w", ErrRegion, syscall.ENOBUFS)
	}
	number := uint32(len(a.number))
	switch n := len(a.spare); {
	case n > 0:
		number, a.spare = a.spare[n-1], a.spare[:n-1]
	case len(a.number) == a.most:
		if offset != a.next {
			a.free[octets] = append(a.free[octets], offset)
		}
		return nil, Place{}, fmt.Errorf("%w: more than %d channels: %w", ErrRegion, a.most, syscall.ENOBUFS)
	default:
		a.number = append(a.number, place{})
	}
	if offset == a.next {
		a.next += octets
	}
	a.number[number] = place{offset, octets}
	mem := r.mem[offset : offset+octets]
	lay(mem, number, s)
	c, err := view(mem, true, number, s)
	return c, Place{number, uint64(offset), uint32(octets)}, err
}

// Free gives a channel's memory back, to the region and to the system. Neither side uses it any
// more: the hub has closed its process, and the client was told RELEASED.
func (r *Region) Free(number uint32) {
	a := &r.allocator
	a.mu.Lock()
	defer a.mu.Unlock()
	if int(number) >= len(a.number) || a.number[number].octets == 0 {
		return
	}
	p := a.number[number]
	a.number[number] = place{}
	a.free[p.octets] = append(a.free[p.octets], p.offset)
	a.spare = append(a.spare, number)
	r.punch(p.offset, p.octets)
}
