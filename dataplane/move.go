package dataplane

import (
	"errors"
	"fmt"
	"sync"
)

// ErrMoving refuses a change of a pair while paths to it are being moved: try again.
var ErrMoving = errors.New("a move is under way there")

// ErrStays refuses the move of a pair that cannot: its module has no Leave and Arrive,
// it polls a device, or it shares its process with other pairs.
var ErrStays = errors.New("cannot move to another hub")

// Fabric joins and moves processes across hubs. Its methods are for one goroutine at
// a time, outside the hubs: each step runs on the hub it concerns, by Hub.Call, or
// directly when the hubs do not run and a test turns them by hand.
type Fabric struct {
	mu      sync.Mutex
	hubs    []*Hub
	Direct  bool   // the hubs do not run: steps are plain calls
	between func() // before each of these, for tests: the hubs turn between steps
	splices []*splice
	long    []*proxy // near ends of paths that could not be made direct yet
}

// on runs one step on a hub.
func (f *Fabric) on(i int, fn func() error) (err error) {
	if f.Direct {
		if f.between != nil {
			f.between()
		}
		return fn()
	}
	if !f.hubs[i].Call(func() { err = fn() }) {
		return fmt.Errorf("%w: hub %d has stopped", ErrHub, i)
	}
	return err
}

// Join makes upper the neighbour above lower, as Hub.Join does, whichever hubs they
// are on.
func (f *Fabric) Join(lower, upper ProcID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, b := lower.Hub(), upper.Hub()
	if a >= len(f.hubs) || b >= len(f.hubs) {
		return fmt.Errorf("%w: no such hub", ErrHub)
	}
	if a == b {
		return f.on(a, func() error { return f.hubs[a].Join(lower, upper) })
	}
	x, y, err := f.link(a, b)
	if err != nil {
		return err
	}
	if err := f.on(a, func() error { return f.hubs[a].Join(lower, x.id) }); err != nil {
		return errors.Join(err, f.unlink(x, y))
	}
	if err := f.on(b, func() error { return f.hubs[b].Join(y.id, upper) }); err != nil {
		return errors.Join(err, f.unlink(x, y))
	}
	return nil
}

// link makes the two proxies of a path: x on hub a, for what is above, and y on hub
// b, for what is below.
func (f *Fabric) link(a, b int) (x, y *proxy, err error) {
	if err = f.on(a, func() (err error) { x, err = f.hubs[a].newProxy(b, false); return err }); err != nil {
		return nil, nil, err
	}
	if err = f.on(b, func() (err error) {
		if y, err = f.hubs[b].newProxy(a, true); err == nil {
			y.far = x.id
		}
		return err
	}); err != nil {
		return nil, nil, errors.Join(err, f.on(a, func() error { return f.hubs[a].Remove(x.id) }))
	}
	return x, y, f.on(a, func() error { x.far = y.id; return nil })
}

func (f *Fabric) unlink(x, y *proxy) error {
	return errors.Join(
		f.on(x.id.Hub(), func() error { return f.hubs[x.id.Hub()].Remove(x.id) }),
		f.on(y.id.Hub(), func() error { return f.hubs[y.id.Hub()].Remove(y.id) }))
}

// Part undoes Join between lower and its upper neighbour, whichever hub that is on.
// What is on its way between two hubs is freed and counted as unlinked.
func (f *Fabric) Part(lower ProcID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := lower.Hub()
	if a >= len(f.hubs) {
		return fmt.Errorf("%w: no such hub", ErrHub)
	}
	var far ProcID
	err := f.on(a, func() error {
		p, err := f.hubs[a].pair(lower)
		if err != nil {
			return err
		}
		above := p.rq.next
		if above == nil || above.pair().proxy == nil {
			return f.hubs[a].Part(lower)
		}
		if len(f.splices) > 0 {
			return fmt.Errorf("%w: %w", ErrHub, ErrMoving) // perhaps of this path
		}
		far = above.pair().proxy.far
		return f.hubs[a].Remove(above.id)
	})
	for b := 0; err == nil && far != 0; {
		b = far.Hub()
		err = f.on(b, func() (err error) { far, err = f.hubs[b].removePath(far); return err })
	}
	return err
}

// removePath removes a proxy whose far end has gone and, where the path goes on to
// another hub, the one beside it; it gives the far end of that.
func (h *Hub) removePath(id ProcID) (far ProcID, err error) {
	p, err := h.pair(id)
	if err != nil {
		return 0, err
	}
	beside := p.proxy.in.next
	if err := h.Remove(id); err != nil || beside == nil || beside.pair().proxy == nil {
		return 0, err
	}
	far = beside.pair().proxy.far
	return far, h.Remove(beside.id)
}

// moved is a pair on its way.
type moved struct {
	module   Module
	up, down movedQueue
}

// movedQueue is what a queue takes along: its messages, in order, and how it is set.
type movedQueue struct {
	msgs   []Msg
	bands  []band
	hi, lo int
	flags  queueFlags
	run    bool // its service has been scheduled, or would be by a neighbour
	ptr    any
}

// Move takes neighbouring pairs of one hub, lowest first, to another hub while they
// carry traffic, and gives their new numbers. Nothing is lost or reordered: what was
// queued goes along, what comes meanwhile waits at the new place, and where a
// neighbour is on another hub already, Finish makes the path direct again.
func (f *Fabric) Move(run []ProcID, to int) ([]ProcID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(run) == 0 || to < 0 || to >= len(f.hubs) || run[0].Hub() == to || run[0].Hub() >= len(f.hubs) {
		return nil, fmt.Errorf("%w: move to hub %d", ErrHub, to)
	}
	from := run[0].Hub()
	a, b := f.hubs[from], f.hubs[to]
	if err := f.on(from, func() error { return a.movable(run) }); err != nil {
		return nil, err
	}
	below, underRun, err := f.heldLink(from, to, false) // near ends on the old hub, where the run was
	if err != nil {
		return nil, err
	}
	above, overRun, err := f.heldLink(from, to, true)
	if err != nil {
		return nil, errors.Join(err, f.unlink(below, underRun))
	}
	var ids []ProcID
	var pairs []moved
	err = f.on(to, func() (err error) { ids, err = b.shells(len(run), underRun, overRun); return err })
	if err == nil {
		err = f.on(from, func() (err error) { pairs, err = a.detach(run, below, above); return err })
	}
	if err != nil {
		undo := f.on(to, func() error { b.unmake(ids); return nil })
		return nil, errors.Join(err, undo, f.unlink(below, underRun), f.unlink(above, overRun))
	}
	if err := f.on(to, func() error { b.attach(ids, pairs, underRun, overRun); return nil }); err != nil {
		return nil, err
	}
	return ids, errors.Join(f.shorten(below), f.shorten(above))
}

// heldLink makes a path from a to b whose far end holds everything back. Turned, the
// proxy on a stands for what is below.
func (f *Fabric) heldLink(a, b int, turned bool) (near, far *proxy, err error) {
	if turned {
		far, near, err = f.link(b, a)
	} else {
		near, far, err = f.link(a, b)
	}
	if err != nil {
		return nil, nil, err
	}
	return near, far, f.on(b, func() error { far.gate.data, far.gate.high = true, true; return nil })
}

// movable checks a run: pairs of single processes, linked in this order, in a stream.
func (h *Hub) movable(run []ProcID) error {
	for i, id := range run {
		p, err := h.pair(id)
		if err != nil {
			return err
		}
		switch {
		case p.module.Leave == nil || p.module.Arrive == nil || p.rq.proc.pairs != 1 || h.polls(p):
			return fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, ErrStays)
		case p.pinned > 0:
			return fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, ErrMoving)
		case p.rq.next == nil || p.wq.next == nil:
			return fmt.Errorf("%w: %s is an end of its stream: %w", ErrHub, p.module.Name, ErrStays)
		case i > 0 && p.wq.next.id != run[i-1]:
			return fmt.Errorf("%w: %s does not stand on the pair before it", ErrHub, p.module.Name)
		}
	}
	bottom, _ := h.pair(run[0])
	top, _ := h.pair(run[len(run)-1])
	if bottom.wq.next.pair().pinned > 0 || top.rq.next.pair().pinned > 0 {
		return fmt.Errorf("%w: %w", ErrHub, ErrMoving)
	}
	return nil
}

func (h *Hub) polls(p *pair) bool {
	for i := range h.pollers {
		if h.pollers[i].owner == p {
			return true
		}
	}
	return false
}

// detach takes a run out and puts the two proxies in its place.
func (h *Hub) detach(run []ProcID, below, above *proxy) ([]moved, error) {
	h.settle()
	if err := h.movable(run); err != nil {
		return nil, err
	}
	for _, id := range run {
		p, _ := h.pair(id)
		if p.rq.proc.deferred > 0 {
			return nil, fmt.Errorf("%w: %s: %w", ErrHub, p.module.Name, ErrRestless)
		}
		if err := p.rq.ownAll(); err != nil {
			return nil, err
		}
		if err := p.wq.ownAll(); err != nil {
			return nil, err
		}
	}
	bottom, _ := h.pair(run[0])
	top, _ := h.pair(run[len(run)-1])
	under, over := bottom.wq.next.id, top.rq.next.id
	bottom.wq.next.pair().part()
	top.part()
	pairs := make([]moved, len(run))
	for i, id := range run {
		p, _ := h.pair(id)
		p.module.Leave()
		pairs[i] = moved{module: p.module, up: p.rq.leave(), down: p.wq.leave()}
		p.module.Close = nil // it lives on
		if err := h.Remove(id); err != nil {
			return nil, err
		}
	}
	if err := h.Join(under, below.id); err != nil {
		return nil, err
	}
	return pairs, h.Join(above.id, over)
}

// ownAll makes the queued messages fit to cross: blocks that are shared are copied.
func (q *Queue) ownAll() error {
	for n := q.first; n != 0; n = q.hub.nodes.at(n).next {
		m := &q.hub.nodes.at(n).msg
		if m.Block == 0 || !q.hub.Pool.Shared(m.Block) {
			continue
		}
		b := q.hub.Pool.CopyMsg(m.Block)
		if b == 0 {
			return fmt.Errorf("%w: no blocks to move a shared message", ErrHub)
		}
		if debug {
			q.hub.noteTaken(m)
		}
		q.hub.Pool.Free(m.Block)
		m.Block = b
		if debug {
			q.hub.noteQueued(m)
		}
	}
	return nil
}

// leave empties a queue.
func (q *Queue) leave() movedQueue {
	m := movedQueue{hi: q.hi, lo: q.lo, flags: q.flags & qNoEnable, run: q.flags&qEnabled != 0 || q.waits > 0, ptr: q.ptr}
	for {
		msg, ok := q.GetQ()
		if !ok {
			m.bands, q.bands = q.bands, nil
			return m
		}
		m.msgs = append(m.msgs, msg)
	}
}

// arrive fills a fresh queue.
func (q *Queue) arrive(m *movedQueue) {
	q.hi, q.lo, q.bands, q.ptr = m.hi, m.lo, m.bands, m.ptr
	q.flags |= m.flags
	for _, msg := range m.msgs {
		q.PutQ(msg)
	}
	if m.run {
		q.Enable()
	}
}

// shells makes the pairs that a run will be, between its two proxies; all or none.
func (h *Hub) shells(n int, under, over *proxy) ([]ProcID, error) {
	ids := make([]ProcID, 0, n)
	below := under.id
	for range n {
		id, err := h.Add(Module{Name: "moving"})
		if err != nil {
			h.unmake(ids)
			return nil, err
		}
		ids = append(ids, id)
		_ = h.Join(below, id)
		below = id
	}
	return ids, h.Join(below, over.id)
}

// unmake removes shells.
func (h *Hub) unmake(ids []ProcID) {
	for _, id := range ids {
		p, _ := h.pair(id)
		h.remove(p)
	}
}

// attach gives the shells their code and what they had queued, and lets them go on.
func (h *Hub) attach(ids []ProcID, pairs []moved, under, over *proxy) {
	for i, id := range ids {
		p, _ := h.pair(id)
		m := pairs[i].module
		p.module = m
		p.rq.setCode(m.ReadPut, m.ReadService)
		p.wq.setCode(m.WritePut, m.WriteService)
		m.Arrive(p.rq)
		p.rq.arrive(&pairs[i].up)
		p.wq.arrive(&pairs[i].down)
	}
	for _, id := range ids {
		p, _ := h.pair(id)
		for _, q := range [...]*Queue{p.rq, p.rq.before(), p.wq, p.wq.before()} {
			h.resolve(q)
		}
	}
	for _, x := range []*proxy{under, over} {
		x.gate.open(Barrier)
		x.gate.open(PCBarrier)
	}
}

// splice is a path over three hubs, C to A to B, being made direct: new proxies at
// both ends hold back until the barriers on the old path have come through.
type splice struct {
	low, high       *proxy         // on A, back to back: low stands for what is below, on C
	lowEnd, highEnd *proxy         // the far ends of the old path: lowEnd on C, highEnd on B
	up, down        *gate          // of the new path
	gatePair        ProcID         // the pair that holds back when C is B; removed at the end
	x, y            *pair          // whom the path joins: x below, y above
	left            []func() error // what is still to be done once the gates are open
}

// shorten starts to make a path direct whose near proxy p stands next to another
// proxy, or leaves that to Finish while one of these is itself the end of a path being
// made direct. It does nothing when p stands next to an ordinary pair, or has gone.
func (f *Fabric) shorten(p *proxy) error {
	s := &splice{}
	a := p.id.Hub()
	err := f.on(a, func() error {
		if p.in.flags&qClosed != 0 || p.in.next == nil {
			return nil
		}
		next := p.in.next.pair()
		switch {
		case p.in.pair().pinned > 0 || next.pinned > 0:
			return ErrMoving
		case next.proxy == nil:
		case p.down:
			s.low, s.high = p, next.proxy
		default:
			s.low, s.high = next.proxy, p
		}
		return nil
	})
	if err == nil && s.low != nil {
		err = f.splice(s)
	}
	if errors.Is(err, ErrMoving) {
		f.long = append(f.long, p)
		return nil
	}
	return err
}

// splice makes a path direct. On an error it stays long, and as it is.
func (f *Fabric) splice(s *splice) error {
	lowHub, highHub := s.low.far.Hub(), s.high.far.Hub()
	err := f.on(lowHub, func() (err error) { s.lowEnd, s.x, err = f.hubs[lowHub].pathEnd(s.low.far); return err })
	if err != nil {
		return err
	}
	err = f.on(highHub, func() (err error) { s.highEnd, s.y, err = f.hubs[highHub].pathEnd(s.high.far); return err })
	switch {
	case err != nil:
	case lowHub == highHub:
		err = f.spliceLocal(s, lowHub)
	default:
		err = f.spliceFar(s, lowHub, highHub)
	}
	if err == nil {
		f.splices = append(f.splices, s)
		return nil
	}
	undo := f.on(lowHub, func() error { s.x.pinned--; return nil })
	if s.y != nil {
		undo = errors.Join(undo, f.on(highHub, func() error { s.y.pinned--; return nil }))
	}
	return errors.Join(err, undo)
}

// pathEnd is the proxy of that number and the pair beside it, which is kept from change
// from here on, until the path is direct.
func (h *Hub) pathEnd(id ProcID) (*proxy, *pair, error) {
	p, err := h.pair(id)
	if err != nil {
		return nil, nil, err
	}
	if p.pinned > 0 {
		return nil, nil, ErrMoving
	}
	end := p.proxy.in.next.pair()
	end.pinned++
	return p.proxy, end, nil
}
