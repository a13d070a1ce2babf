package dataplane

import "github.com/cellhub/cellhub/dataplane/ring"

// Part of a pool only control messages may take: when data has eaten the rest,
// control still gets through.
const (
	reserveShare = 64 // one chunk in so many …
	reserveMin   = 4  // … and at least so many
)

// maxRefs is how many holders one block's memory may have.
const maxRefs = 1<<16 - 1

// Pool is one hub's share of the arena: a free list of chunks, and one of views.
// Only the hub's goroutine uses it.
type Pool struct {
	*Arena
	hub      int
	free     BlockID // chunks
	freeView BlockID
	nfree    int
	nviews   int
	reserve  int
	notes    notebook //nolint:unused // of a debug build
	stats    PoolCounters

	homeward []*ring.Producer[BlockID] // by hub: chunks of others that were freed here
	inward   []*ring.Consumer[BlockID] // by hub: ours that were freed there
	away     bool                      // some homeward ring has unpublished entries
}

// PoolCounters is what a pool has counted.
type PoolCounters struct {
	Refused      uint64 // chunks asked for and not given: only the reserve was left
	RefusedViews uint64 // duplicates or loans not given
	Copied       uint64 // borrowed blocks copied because somebody kept them
}

func newPool(a *Arena, hub int) *Pool {
	p := &Pool{Arena: a, hub: hub}
	first := 1 + uint32(hub)*a.perHub
	for i := a.perHub; i > 0; i-- {
		p.pushChunk(BlockID(first + i - 1))
	}
	firstView := 1 + a.chunks + uint32(hub)*a.views
	for i := a.views; i > 0; i-- {
		p.pushView(BlockID(firstView + i - 1))
	}
	if p.reserve = int(a.perHub) / reserveShare; p.reserve < reserveMin {
		p.reserve = min(reserveMin, int(a.perHub)/2)
	}
	return p
}

func (p *Pool) pushChunk(b BlockID) {
	h := &p.head[b]
	h.next, h.kind, h.home = p.free, kindFree, uint8(p.hub)
	p.free = b
	p.nfree++
}

func (p *Pool) pushView(b BlockID) {
	h := &p.head[b]
	h.next, h.kind, h.home = p.freeView, kindFree, uint8(p.hub)
	p.freeView = b
	p.nviews++
}

// Alloc takes an empty block whose data begins after Headroom octets; 0, counted,
// when only the reserve is left. The caller frees it or passes it on.
func (p *Pool) Alloc() BlockID {
	if p.nfree <= p.reserve {
		p.stats.Refused++
		return 0
	}
	return p.take()
}

// AllocControl is Alloc for control messages, which may take the reserve too.
func (p *Pool) AllocControl() BlockID {
	if p.nfree == 0 {
		p.stats.Refused++
		return 0
	}
	return p.take()
}

func (p *Pool) take() BlockID {
	b := p.free
	h := &p.head[b]
	p.free = h.next
	p.nfree--
	h.rd, h.wr, h.next, h.refs, h.kind = Headroom, Headroom, 0, 1, kindOwned
	if debug {
		p.noteAllocated(b)
	}
	return b
}

// Available is how many chunks Alloc would give now.
func (p *Pool) Available() int { return max(p.nfree-p.reserve, 0) }

// InUse is how many chunks and views are out.
func (p *Pool) InUse() (chunks, views int) {
	return int(p.perHub) - p.nfree, int(p.views) - p.nviews
}

// PoolCounters is a copy of the pool's counters.
func (p *Pool) PoolCounters() PoolCounters { return p.stats }

// Free gives a message's blocks back: all that are linked from b. A chunk goes
// back to the pool with its last holder; a loan is only forgotten.
func (p *Pool) Free(b BlockID) {
	for b != 0 {
		next := p.head[b].next
		p.freeOne(b)
		b = next
	}
}

func (p *Pool) freeOne(b BlockID) {
	if debug {
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
		panic("dataplane: block freed twice")
	}
}

// drop gives up one hold on a block's memory.
func (p *Pool) drop(b BlockID) {
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

// release puts a chunk back where it belongs: on the free list, or on its way home.
func (p *Pool) release(b BlockID) {
	if home := int(p.head[b].home); home != p.hub {
		p.head[b] = header{home: uint8(home)}
		p.homeward[home].Put(b) // the ring has room for all of them
		p.away = true
		return
	}
	p.pushChunk(b)
}

// sideIndex is a block's place in the tables of those without a chunk.
func (p *Pool) sideIndex(b BlockID) uint32 { return uint32(b) - 1 - p.chunks }

// External makes a block over memory that is not the pool's, all of it data; done is
// called, on this hub, when its last holder has freed it; esballoc. 0 when all views
// are out. The block may be duplicated; it is copied when it crosses to another hub.
func (p *Pool) External(mem []byte, done func()) BlockID {
	b := p.takeView(kindExternal)
	if b != 0 {
		i := p.sideIndex(b)
		p.lent[i], p.done[i] = mem, done
		p.head[b].wr = uint32(len(mem))
	}
	return b
}

// takeView takes a header without a chunk; 0, counted, when all are out.
func (p *Pool) takeView(kind blockKind) BlockID {
	b := p.freeView
	if b == 0 {
		p.stats.RefusedViews++
		return 0
	}
	h := &p.head[b]
	p.freeView = h.next
	p.nviews--
	h.rd, h.wr, h.next, h.refs, h.kind = 0, 0, 0, 1, kind
	if debug {
		p.noteAllocated(b)
	}
	return b
}

// Loan takes a block header for memory that is not the pool's, for a driver that
// lends ring slots: one loan serves one put after another (Lend), until Reclaim.
// 0 when all views are out.
func (p *Pool) Loan() BlockID { return p.takeView(kindLoan) }

// Lend points a loan at mem, all of it data. The memory must stay as it is until
// the put it is handed to returns.
func (p *Pool) Lend(b BlockID, mem []byte) {
	h := &p.head[b]
	if h.kind != kindLoan {
		panic("dataplane: lend without a loan")
	}
	p.lent[p.sideIndex(b)] = mem
	h.rd, h.wr, h.next = 0, uint32(len(mem)), 0
	if debug {
		p.noteAllocated(b)
	}
}

// Reclaim gives a loan's header back.
func (p *Pool) Reclaim(b BlockID) {
	if p.head[b].kind != kindLoan {
		panic("dataplane: reclaim without a loan")
	}
	p.lent[p.sideIndex(b)] = nil
	p.pushView(b)
}

// Own makes a message safe to keep: when a block of it is on loan, all of it is
// copied. false: no memory, and the message freed.
func (p *Pool) Own(m Msg) (Msg, bool) {
	ok := p.own(&m)
	return m, ok
}

// own is Own in place, which spares putq two copies of the message.
func (p *Pool) own(m *Msg) (ok bool) {
	for b := m.Block; b != 0; b = p.head[b].next {
		if p.head[b].kind == kindLoan {
			*m, ok = p.replace(*m)
			return ok
		}
	}
	return true
}

// replace puts a copy in the place of a message's blocks; one of control may take
// the reserve.
func (p *Pool) replace(m Msg) (Msg, bool) {
	one := p.Copy
	if m.Type != Data {
		one = p.copyControl
	}
	b := p.each(m.Block, one)
	p.Free(m.Block)
	if m.Block = b; b == 0 {
		return m, false
	}
	p.stats.Copied++
	return m, true
}

// Copy copies the data of one block into a fresh one; 0 when there is none or the
// data is longer than a chunk holds behind its headroom. The original stays held.
func (p *Pool) Copy(b BlockID) BlockID { return p.copyTo(p.Alloc, b) }

// copyControl is Copy for a control message.
func (p *Pool) copyControl(b BlockID) BlockID { return p.copyTo(p.AllocControl, b) }

func (p *Pool) copyTo(alloc func() BlockID, b BlockID) BlockID {
	data := p.Bytes(b)
	if len(data) > int(p.chunk)-Headroom {
		p.stats.Refused++
		return 0
	}
	c := alloc()
	if c != 0 {
		copy(p.Extend(c, len(data)), data)
	}
	return c
}

// Dup is a second block over the same data, with positions of its own; 0 when all
// views are out. Both holders may read, neither may write. A loan cannot be
// duplicated: Own it first.
func (p *Pool) Dup(b BlockID) BlockID {
	base := b
	switch p.head[b].kind {
	case kindView:
		base = p.head[b].base
	case kindLoan, kindFree:
		panic("dataplane: duplicate of a block that is not held")
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
