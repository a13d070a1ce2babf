package ring

import (
	"fmt"
	"sync/atomic"
)

// Bounds of the capacity of a ring, in entries. The maximum is above the number of
// 2 KiB blocks in 32 GiB, so a ring can bring home every block of any arena.
const (
	MinCapacity = 2
	MaxCapacity = 1 << 24
)

// spacing keeps words of different writers out of one pair of 64-octet cache lines,
// which is what the adjacent-line prefetcher fetches.
const spacing = 128

// shared is an index written by one side and read by the other, alone on its
// cache lines.
type shared struct {
	_ [spacing]byte
	atomic.Uint64
	_ [spacing - 8]byte
}

// Producer is the writing side of a ring of T.
//
// One goroutine at a time may use it: hand it over with something that
// orders memory (a channel, a lock), never share it. It needs no agreement
// with the goroutine that uses the Consumer.
type Producer[T any] struct {
	slots []T
	next  uint64 // entries stored since New
	limit uint64 // next may rise to here: the known released index + capacity
	sent  uint64 // entries published: private copy of tail
	tail  *atomic.Uint64
	head  *atomic.Uint64
	bad   bool // the other side's index made no sense
	_     [spacing]byte
}

// Consumer is the reading side of a ring of T.
//
// One goroutine at a time may use it, as with Producer.
type Consumer[T any] struct {
	slots []T
	next  uint64 // entries taken since New
	limit uint64 // entries known to be published
	freed uint64 // entries released: private copy of head
	tail  *atomic.Uint64
	head  *atomic.Uint64
	bad   bool // the other side's index made no sense
	_     [spacing]byte
}

// New makes an empty ring of capacity entries and returns its two sides.
// Capacity is a power of two from MinCapacity to MaxCapacity; anything else
// is an error.
//
// T should hold no Go pointers: a slot keeps its old value until it is
// overwritten, and would keep what it points to alive.
func New[T any](capacity int) (*Producer[T], *Consumer[T], error) {
	if err := checkCapacity(capacity); err != nil {
		return nil, nil, err
	}
	p, c := newAt[T](capacity, 0)
	return p, c, nil
}

func checkCapacity(n int) error {
	if n < MinCapacity || n > MaxCapacity || n&(n-1) != 0 {
		return fmt.Errorf("ring: capacity %d is not a power of two from %d to %d", n, MinCapacity, MaxCapacity)
	}
	return nil
}

// newAt starts both indices at start, so that tests reach their wrap.
func newAt[T any](capacity int, start uint64) (*Producer[T], *Consumer[T]) {
	r := &struct {
		_    [spacing]byte
		p    Producer[T]
		tail shared
		head shared
		c    Consumer[T]
	}{}
	slots := make([]T, capacity)
	r.tail.Store(start)
	r.head.Store(start)
	r.p = Producer[T]{slots: slots, next: start, limit: start + uint64(capacity), sent: start,
		tail: &r.tail.Uint64, head: &r.head.Uint64}
	r.c = Consumer[T]{slots: slots, next: start, limit: start, freed: start,
		tail: &r.tail.Uint64, head: &r.head.Uint64}
	return &r.p, &r.c
}

// Put stores one entry, which stays invisible to the consumer until Publish.
// False means that the ring is full and nothing was stored.
func (p *Producer[T]) Put(v T) bool {
	if p.next == p.limit && p.refresh() == 0 {
		return false
	}
	p.slots[p.next&uint64(len(p.slots)-1)] = v
	p.next++
	return true
}

// PutBatch stores the first n entries of v, as many as fit, and returns n.
// They stay invisible to the consumer until Publish. It copies: v is the
// caller's again on return.
func (p *Producer[T]) PutBatch(v []T) int {
	if room := int(p.limit - p.next); room < len(v) {
		v = v[:min(p.refresh(), len(v))]
	}
	first := p.slots[p.next&uint64(len(p.slots)-1):]
	if n := copy(first, v); n < len(v) {
		copy(p.slots, v[n:])
	}
	p.next += uint64(len(v))
	return len(v)
}

// Free returns how many entries can be stored at least before the ring is
// full. It looks at the consumer's index unless the whole ring is known to
// be free. Entries that are stored but not published count as used.
func (p *Producer[T]) Free() int {
	if room := int(p.limit - p.next); room == len(p.slots) {
		return room
	}
	return p.refresh()
}

// Publish makes every stored entry visible to the consumer by one atomic
// store. It returns false, and does nothing, when there is none.
func (p *Producer[T]) Publish() bool {
	if p.next == p.sent {
		return false
	}
	p.sent = p.next
	p.tail.Store(p.next)
	return true
}

// refresh reads the consumer's index and returns the room. An index that goes back, or
// past what was published, is not believed.
func (p *Producer[T]) refresh() int {
	limit := p.head.Load() + uint64(len(p.slots))
	if limit-p.limit > p.sent+uint64(len(p.slots))-p.limit {
		p.bad = true
	}
	if !p.bad {
		p.limit = limit
	}
	return int(p.limit - p.next)
}

// Broken reports whether the consumer's index has ever made no sense: then it is another
// process's fault, and the ring is of no more use than the room that was left.
func (p *Producer[T]) Broken() bool { return p.bad }

// Get takes the next entry. False means that the ring is empty. The value is
// a copy, but its slot stays in use until Release.
func (c *Consumer[T]) Get() (v T, ok bool) {
	if c.next == c.limit && c.Len() == 0 {
		return v, false
	}
	v = c.slots[c.next&uint64(len(c.slots)-1)]
	c.next++
	return v, true
}

// GetBatch takes up to len(dst) entries into dst and returns how many. Fewer
// than len(dst) means that the ring was empty after them. The slots stay in
// use until Release.
func (c *Consumer[T]) GetBatch(dst []T) int {
	if known := int(c.limit - c.next); known < len(dst) {
		dst = dst[:min(c.Len(), len(dst))]
	}
	first := c.slots[c.next&uint64(len(c.slots)-1):]
	if n := copy(dst, first); n < len(dst) {
		copy(dst[n:], c.slots)
	}
	c.next += uint64(len(dst))
	return len(dst)
}

// Len looks at the producer's index and returns how many entries wait.
func (c *Consumer[T]) Len() int {
	limit := c.tail.Load()
	if limit-c.limit > c.freed+uint64(len(c.slots))-c.limit {
		c.bad = true
	}
	if !c.bad {
		c.limit = limit
	}
	return int(c.limit - c.next)
}

// Broken reports whether the producer's index has ever gone back, or past the room there
// is: then it is another process's fault, and nothing more is taken from the ring than was
// known before.
func (c *Consumer[T]) Broken() bool { return c.bad }

// Empty looks at the producer's index and reports whether no entry waits. It
// is the recheck between Doorbell.Arm and going to sleep.
func (c *Consumer[T]) Empty() bool { return c.Len() == 0 }

// Release gives the slots of all entries taken back to the producer by one
// atomic store, or does nothing when there is none. A consumer that never
// releases ends with a producer that finds the ring full.
func (c *Consumer[T]) Release() {
	if c.next == c.freed {
		return
	}
	c.freed = c.next
	c.head.Store(c.next)
}
