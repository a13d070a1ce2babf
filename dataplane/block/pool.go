package block

// Part of each size that only control messages may take: when data has eaten the rest,
// control still gets through.
const (
	reserveShare = 64 // one block in so many …
	reserveMin   = 4  // … and at least so many
)

// maxRefs is how many holders one block's memory may have.
const maxRefs = 1<<16 - 1

// Pool is one hub's share of the arena: a list of free blocks for each size, and one of
// views. Only the hub's goroutine uses it. The sizes do not help each other out: what
// takes all of one leaves the others to those who need them.
type Pool struct {
	*Arena
	hub      int
	stocks   [Sizes]stock
	serves   [Sizes + 1]Size // by the size wanted: the one that serves, which the arena may lack
	freeView ID
	nviews   int
	tickets  uint64 // given so far
	acting   Actor  //nolint:unused // of a debug build
	stats    Counters
	homes    homes
}

// stock is the blocks of one size that are at home.
type stock struct {
	free    ID
	n       int
	reserve int
	parked  parkedList
}

// Counters is what a pool has counted.
type Counters struct {
	Refused      uint64 // blocks asked for and not given: only the reserve was left
	TakenBack    uint64 // parked blocks that others needed more
	RefusedViews uint64 // duplicates or loans not given
	Copied       uint64 // borrowed blocks copied because somebody kept them
}

func newPool(a *Arena, hub int) *Pool {
	p := &Pool{Arena: a, hub: hub}
	serves := Sizes
	for s := Large; s < Sizes; s-- { // unsigned: it ends below Small
		r, st := &a.regions[s], &p.stocks[s]
		first := r.first + uint32(hub)*r.perHub
		for i := r.perHub; i > 0; i-- {
			b := ID(first + i - 1)
			p.head[b].where = at(hub, s)
			p.stockUp(b)
		}
		if st.reserve = int(r.perHub) / reserveShare; st.reserve < reserveMin {
			st.reserve = min(reserveMin, int(r.perHub)/2)
		}
		if r.perHub > 0 {
			serves = s
		}
		p.serves[s] = serves
	}
	p.serves[Sizes] = Sizes
	firstView := 1 + a.blocks + uint32(hub)*a.views
	for i := a.views; i > 0; i-- {
		b := ID(firstView + i - 1)
		p.head[b].where = at(hub, Sizes)
		p.pushView(b)
	}
	return p
}

// stockUp puts a block of ours on its free list.
func (p *Pool) stockUp(b ID) {
	h := &p.head[b]
	st := &p.stocks[h.where.size()]
	h.next, h.kind = st.free, kindFree
	st.free = b
	st.n++
}

func (p *Pool) pushView(b ID) {
	h := &p.head[b]
	h.next, h.kind = p.freeView, kindFree
	p.freeView = b
	p.nviews++
}

// Alloc takes an empty block whose data begins after Headroom octets, with room for n
// octets of data; 0, counted, when only the reserve of its size is left or n is over
// MaxAlloc. The caller frees it or passes it on.
func (p *Pool) Alloc(n int) ID { return p.alloc(n, false) }

// AllocControl is Alloc for control messages, which may take the reserve too.
func (p *Pool) AllocControl(n int) ID { return p.alloc(n, true) }

func (p *Pool) alloc(n int, control bool) ID {
	s := p.serves[fits(n)]
	if s == Sizes {
		p.stats.Refused++
		return 0
	}
	st := &p.stocks[s]
	keep := st.reserve
	if control {
		keep = 0
	}
	if st.n <= keep && !p.takeBack(st, keep) {
		p.stats.Refused++
		return 0
	}
	b := st.free
	h := &p.head[b]
	st.free = h.next
	st.n--
	h.rd, h.wr, h.next, h.refs, h.kind = Headroom, Headroom, 0, 1, kindOwned
	if Debug {
		p.noteAllocated(b)
	}
	return b
}

// Available is how many blocks with room for n octets Alloc would give now, without
// taking parked ones back.
func (p *Pool) Available(n int) int {
	s := p.serves[fits(n)]
	if s == Sizes {
		return 0
	}
	return max(p.stocks[s].n-p.stocks[s].reserve, 0)
}

// Limit is how many blocks with room for n octets Alloc would give if none were out.
func (p *Pool) Limit(n int) int {
	s := p.serves[fits(n)]
	if s == Sizes {
		return 0
	}
	return p.BlocksOf(s) - p.stocks[s].reserve
}

// InUse is how many blocks of the arena's memory and how many views are out. Blocks on
// their way home are.
func (p *Pool) InUse() (blocks, views int) {
	for s := range Sizes {
		blocks += p.Out(s)
	}
	return blocks, int(p.views) - p.nviews
}

// Out is how many blocks of a size are out.
func (p *Pool) Out(s Size) int { return p.BlocksOf(s) - p.stocks[s].n }

// Counters is a copy of the pool's counters.
func (p *Pool) Counters() Counters { return p.stats }

// Free gives a message's blocks back: all that are linked from b. Memory goes
// back to the pool with its last holder; a loan is only forgotten.
func (p *Pool) Free(b ID) {
	if b != 0 {
		p.freeChain(b)
	}
}

func (p *Pool) freeChain(b ID) {
	for b != 0 {
		next := p.head[b].next
		p.FreeOne(b)
		b = next
	}
}

// FreeOne gives one block back, not those linked behind it; freeb.
func (p *Pool) FreeOne(b ID) {
	if Debug {
		p.noteFreed(b)
	}
	h := &p.head[b]
	switch h.kind {
	case kindOwned, kindExternal:
		p.drop(b)
	case kindView:
		base := h.base
		p.lent[p.sideIndex(b)] = nil
		p.pushView(b)
		p.drop(base)
	case kindLoan:
		// The lender takes it back with Reclaim.
	default:
		panic("block: block freed twice")
	}
}

// drop gives up one hold on a block's memory.
func (p *Pool) drop(b ID) {
	h := &p.head[b]
	if h.refs--; h.refs > 0 {
		return
	}
	if h.kind == kindExternal {
		i := p.sideIndex(b)
		done := p.done[i]
		p.lent[i], p.done[i] = nil, nil
		p.pushView(b)
		done()
		return
	}
	p.release(b)
}

// release puts a block back where it belongs: on the free list, or on its way home.
func (p *Pool) release(b ID) {
	if home := p.head[b].where.hub(); home != p.hub {
		p.sendHome(b, home)
		return
	}
	p.stockUp(b)
}

// sideIndex is a block's place in the tables of those without memory.
func (p *Pool) sideIndex(b ID) uint32 { return uint32(b) - 1 - p.blocks }

// External makes a block over memory that is not the pool's, all of it data; done is
// called, on this hub, when its last holder has freed it; esballoc. 0 when all views
// are out. The block may be duplicated; it is copied when it crosses to another hub.
func (p *Pool) External(mem []byte, done func()) ID {
	b := p.takeView(kindExternal)
	if b != 0 {
		i := p.sideIndex(b)
		p.lent[i], p.done[i] = mem, done
		p.head[b].wr = uint32(len(mem))
	}
	return b
}

// takeView takes a header without memory; 0, counted, when all are out.
func (p *Pool) takeView(kind kind) ID {
	b := p.freeView
	if b == 0 {
		p.stats.RefusedViews++
		return 0
	}
	h := &p.head[b]
	p.freeView = h.next
	p.nviews--
	h.rd, h.wr, h.next, h.refs, h.kind = 0, 0, 0, 1, kind
	if Debug {
		p.noteAllocated(b)
	}
	return b
}

// Loan takes a block header for memory that is not the pool's, for a driver that
// lends ring slots: one loan serves one put after another (Lend), until Reclaim.
// 0 when all views are out.
func (p *Pool) Loan() ID { return p.takeView(kindLoan) }

// Lend points a loan at mem, all of it data. The memory must stay as it is until
// the put it is handed to returns.
func (p *Pool) Lend(b ID, mem []byte) {
	h := &p.head[b]
	if h.kind != kindLoan {
		panic("block: lend without a loan")
	}
	p.lent[p.sideIndex(b)] = mem
	h.rd, h.wr, h.next = 0, uint32(len(mem)), 0
	if Debug {
		p.noteAllocated(b)
	}
}

// Reclaim gives a loan's header back.
func (p *Pool) Reclaim(b ID) {
	if p.head[b].kind != kindLoan {
		panic("block: reclaim without a loan")
	}
	p.lent[p.sideIndex(b)] = nil
	p.pushView(b)
}

// Keep makes a message's blocks safe to keep: when one of them is on loan, all are
// copied. It gives the first block, or 0, with the blocks freed, when there is no memory.
// Those of control may take the reserve.
func (p *Pool) Keep(b ID, control bool) ID {
	for x := b; x != 0; x = p.head[x].next {
		if p.head[x].kind == kindLoan {
			return p.replace(b, control)
		}
	}
	return b
}

// Unshare is Keep for blocks that are to cross to another hub, or to be written: what
// others hold too, or is not the arena's, is copied as well.
func (p *Pool) Unshare(b ID, control bool) ID {
	if p.Shared(b) {
		return p.replace(b, control)
	}
	return b
}

// replace puts a copy in the place of blocks.
func (p *Pool) replace(b ID, control bool) ID {
	one := p.Copy
	if control {
		one = p.copyControl
	}
	c := p.each(b, one)
	p.Free(b)
	if c != 0 {
		p.stats.Copied++
	}
	return c
}

// Copy copies the data of one block into a fresh one; 0 when there is none or the
// data is over MaxAlloc. The original stays held.
func (p *Pool) Copy(b ID) ID { return p.copyTo(p.Alloc(p.Len(b)), b) }

// copyControl is Copy for a control message.
func (p *Pool) copyControl(b ID) ID { return p.copyTo(p.AllocControl(p.Len(b)), b) }

func (p *Pool) copyTo(c, b ID) ID {
	if c != 0 {
		data := p.Bytes(b)
		copy(p.Extend(c, len(data)), data)
	}
	return c
}

// Grow gives room for n octets behind the data of one block that nothing is linked
// behind: the block itself if it has that and may be written, or else a larger one with
// its data, and the block freed. 0: no memory, and the block is as it was.
func (p *Pool) Grow(b ID, n int) ID {
	if p.exclusive(b) && len(p.Tail(b)) >= n {
		return b
	}
	c := p.copyTo(p.Alloc(p.Len(b)+n), b)
	if c != 0 {
		p.FreeOne(b)
	}
	return c
}

// Dup is a second block over the same data, with positions of its own; 0 when all
// views are out. Both holders may read, neither may write. A loan cannot be
// duplicated: Own it first.
func (p *Pool) Dup(b ID) ID {
	base := b
	switch p.head[b].kind {
	case kindView:
		base = p.head[b].base
	case kindLoan, kindFree:
		panic("block: duplicate of a block that is not held")
	}
	if p.head[base].refs == maxRefs {
		p.stats.RefusedViews++
		return 0
	}
	v := p.takeView(kindView)
	if v == 0 {
		return 0
	}
	h := &p.head[v]
	h.rd, h.wr, h.base = p.head[b].rd, p.head[b].wr, base
	p.lent[p.sideIndex(v)] = p.memory(base)
	p.head[base].refs++
	return v
}
