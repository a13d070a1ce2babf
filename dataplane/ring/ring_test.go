package ring

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// entry has the size of the dataplane's message and, like it, no pointer.
type entry struct {
	seq  uint64
	rest [3]uint64
}

// numbered returns entry number seq, with contents that depend on it.
func numbered(seq uint64) entry {
	return entry{seq, [3]uint64{^seq, seq * 0x9e3779b97f4a7c15, seq ^ 0x5555}}
}

func TestNewCapacity(t *testing.T) {
	for _, tc := range []struct {
		capacity int
		ok       bool
	}{
		{math.MinInt, false}, {-2, false}, {0, false}, {1, false}, {2, true}, {3, false},
		{4, true}, {1000, false}, {1024, true}, {MaxCapacity, true},
		{MaxCapacity + 1, false}, {2 * MaxCapacity, false},
	} {
		t.Run(fmt.Sprint(tc.capacity), func(t *testing.T) {
			p, c, err := New[byte](tc.capacity)
			if (err == nil) != tc.ok || (p != nil) != tc.ok || (c != nil) != tc.ok {
				t.Fatalf("New: %v, %v, %v", p != nil, c != nil, err)
			}
			if tc.ok && (p.Free() != tc.capacity || !c.Empty()) {
				t.Errorf("new ring: free %d, empty %v", p.Free(), c.Empty())
			}
		})
	}
}

func TestNothingVisibleUntilPublish(t *testing.T) {
	p, c, _ := New[int](4)
	if p.Publish() {
		t.Error("Publish of nothing is true")
	}
	p.Put(1)
	p.PutBatch([]int{2, 3})
	if _, ok := c.Get(); ok || !c.Empty() || c.Len() != 0 || c.GetBatch(make([]int, 4)) != 0 {
		t.Error("the consumer sees entries that are not published")
	}
	if !p.Publish() || p.Publish() {
		t.Error("want Publish true once")
	}
	if c.Empty() || c.Len() != 3 {
		t.Errorf("empty %v, len %d after Publish of 3", c.Empty(), c.Len())
	}
}

func TestSlotsHeldUntilRelease(t *testing.T) {
	p, c, _ := New[int](2)
	if n := p.PutBatch([]int{1, 2, 3}); n != 2 {
		t.Fatalf("PutBatch into 2 slots: %d", n)
	}
	p.Publish()
	c.Get()
	if p.Put(3) || p.Free() != 0 || p.PutBatch([]int{3}) != 0 {
		t.Error("a slot is free before Release")
	}
	c.Release()
	if p.Free() != 1 || !p.Put(3) || p.Put(4) {
		t.Error("want room for exactly one after Release of one")
	}
	p.Publish()
	if a, _ := c.Get(); a != 2 {
		t.Errorf("got %d, want 2", a)
	}
	if b, _ := c.Get(); b != 3 {
		t.Errorf("got %d, want 3: the refused entry must not be stored", b)
	}
}

// reference is a ring as four counters: what every call must return follows.
type reference struct {
	capacity                           int
	stored, published, taken, released uint64
}

func (r *reference) free() int    { return r.capacity - int(r.stored-r.released) }
func (r *reference) waiting() int { return int(r.published - r.taken) }

// TestAgainstReference makes random calls on one goroutine, where every result
// is exact, and passes the wrap of the indices.
func TestAgainstReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for _, capacity := range []int{2, 4, 64} {
		for _, start := range []uint64{0, 5, math.MaxUint64 - 500, math.MaxUint64} {
			t.Run(fmt.Sprintf("capacity=%d/start=%#x", capacity, start), func(t *testing.T) {
				t.Logf("seed %d", seed)
				p, c := newAt[entry](capacity, start)
				ref := &reference{capacity: capacity}
				rnd := rand.New(rand.NewPCG(seed, start))
				for step := range 20_000 {
					if err := randomCall(rnd, p, c, ref); err != nil {
						t.Fatalf("step %d: %v (%+v)", step, err, *ref)
					}
				}
				if ref.released < 1000 {
					t.Errorf("only %d entries went round", ref.released)
				}
			})
		}
	}
}

func randomCall(rnd *rand.Rand, p *Producer[entry], c *Consumer[entry], ref *reference) error {
	n := rnd.IntN(2*ref.capacity + 1)
	switch call := rnd.IntN(9); call {
	case 0:
		if ok := p.Put(numbered(ref.stored)); ok != (ref.free() > 0) {
			return fmt.Errorf("Put: %v", ok)
		} else if ok {
			ref.stored++
		}
	case 1:
		v := make([]entry, n)
		for i := range v {
			v[i] = numbered(ref.stored + uint64(i))
		}
		if got := p.PutBatch(v); got != min(n, ref.free()) {
			return fmt.Errorf("PutBatch(%d): %d", n, got)
		}
		ref.stored += uint64(min(n, ref.free()))
	case 2:
		if got := p.Free(); got != ref.free() {
			return fmt.Errorf("Free: %d", got)
		}
	case 3, 4:
		if got := p.Publish(); got != (ref.stored != ref.published) {
			return fmt.Errorf("Publish: %v", got)
		}
		ref.published = ref.stored
	case 5:
		v, ok := c.Get()
		if ok != (ref.waiting() > 0) || ok && v != numbered(ref.taken) {
			return fmt.Errorf("Get: %v, %v", v, ok)
		} else if ok {
			ref.taken++
		}
	case 6:
		dst := make([]entry, n)
		got := c.GetBatch(dst)
		if got != min(n, ref.waiting()) {
			return fmt.Errorf("GetBatch(%d): %d", n, got)
		}
		for _, v := range dst[:got] {
			if v != numbered(ref.taken) {
				return fmt.Errorf("GetBatch: entry %v, want number %d", v, ref.taken)
			}
			ref.taken++
		}
	case 7:
		if l, e := c.Len(), c.Empty(); l != ref.waiting() || e != (l == 0) {
			return fmt.Errorf("Len %d, Empty %v", l, e)
		}
	case 8:
		c.Release()
		ref.released = ref.taken
	}
	return nil
}

// TestStress sends numbered entries from one goroutine to another in random
// bursts; the race detector watches the slots.
func TestStress(t *testing.T) {
	const entries = 300_000
	seed := uint64(time.Now().UnixNano())
	for _, capacity := range []int{2, 8, 256} {
		t.Run(fmt.Sprintf("capacity=%d", capacity), func(t *testing.T) {
			t.Logf("seed %d", seed)
			p, c := newAt[entry](capacity, math.MaxUint64-entries/2)
			go produceBursts(p, rand.New(rand.NewPCG(seed, 1)), entries)
			rnd := rand.New(rand.NewPCG(seed, 2))
			in := make([]entry, capacity+1)
			for want := uint64(0); want < entries; {
				n := 0
				if size := rnd.IntN(len(in) + 1); size > 0 {
					n = c.GetBatch(in[:size])
				} else if v, ok := c.Get(); ok {
					in[0], n = v, 1
				}
				for _, v := range in[:n] {
					if v != numbered(want) {
						t.Fatalf("got %v, want number %d", v, want)
					}
					want++
				}
				if n == 0 || rnd.IntN(3) == 0 {
					c.Release()
					runtime.Gosched()
				}
			}
			if !c.Empty() {
				t.Error("more entries came than were sent")
			}
		})
	}
}

func produceBursts(p *Producer[entry], rnd *rand.Rand, entries uint64) {
	out := make([]entry, len(p.slots)+1)
	for sent := uint64(0); sent < entries; {
		burst := out[:min(uint64(1+rnd.IntN(len(out))), entries-sent)]
		for i := range burst {
			burst[i] = numbered(sent + uint64(i))
		}
		n := 0
		if len(burst) > 1 {
			n = p.PutBatch(burst)
		} else if p.Put(burst[0]) {
			n = 1
		}
		sent += uint64(n)
		if n < len(burst) || rnd.IntN(3) == 0 || sent == entries {
			p.Publish()
			runtime.Gosched()
		}
	}
}

// TestSpacing checks that no two of the four groups of words with different
// writers can share a pair of cache lines, wherever the allocator puts them.
func TestSpacing(t *testing.T) {
	const apart = 128 // two cache lines of 64 octets
	p, c, _ := New[entry](2)
	type span struct {
		name     string
		from, to uintptr
	}
	at := func(name string, v unsafe.Pointer, size uintptr) span {
		return span{name, uintptr(v), uintptr(v) + size}
	}
	spans := []span{
		at("producer", unsafe.Pointer(p), unsafe.Offsetof(p.head)+8),
		at("tail", unsafe.Pointer(p.tail), 8),
		at("head", unsafe.Pointer(p.head), 8),
		at("consumer", unsafe.Pointer(c), unsafe.Offsetof(c.head)+8),
	}
	for i, a := range spans {
		for _, b := range spans[i+1:] {
			if b.from < a.to-8+apart && a.from < b.to-8+apart {
				t.Errorf("%s and %s are less than %d octets apart", a.name, b.name, apart)
			}
		}
	}
	if p.tail != c.tail || p.head != c.head {
		t.Error("the sides do not share their indices")
	}
}

func TestNoAllocation(t *testing.T) {
	p, c, _ := New[entry](64)
	var bell Doorbell
	buf := make([]entry, 32)
	if n := testing.AllocsPerRun(1000, func() {
		p.PutBatch(buf)
		p.Put(buf[0])
		p.Free()
		p.Publish()
		bell.NeedsWake()
		c.Get()
		c.GetBatch(buf)
		c.Len()
		c.Release()
		bell.Arm()
		c.Empty()
		bell.Disarm()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
