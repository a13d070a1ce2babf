package dataplane

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/ring"
)

// world is one simulated fabric: hubs turned by hand on a virtual clock, in-memory
// devices and applications at the ends, modules between, and a random number generator
// that decides everything. The same seed gives the same world, step by step.
type world struct {
	elems map[*Queue]*simElem
	seed  uint64
	rng   *rand.Rand
	now   int64
	cover *coverage
	fault error // the first invariant that did not hold
	step  int

	arena    *block.Arena
	views    int // of each hub
	hubs     []*Hub
	fabric   *Fabric // nil for one hub
	lines    []*Line
	registry Registry
	seq      uint64   // of commands sent as messages
	fresh    *simElem // made by the last command

	segments []*segment
	mux      *simMux
	ends     []*simEnd
	heads    []*simHead
	flows    []flow

	// The books: every message that was ever made is under way, was taken by somebody,
	// or is counted as lost by a hub.
	made, taken int64
	unknown     int64 // messages that a hub has counted, and that were taken
	externals   int   // blocks over foreign memory that have not come back
	calls       int   // BufCalls that have not been served
	hogs        [][]block.ID
	fakeNodes   []int // by hub: table entries declared used
	changing    int   // inside a change of topology, which passes on regardless of marks
	quiet       bool  // sources have stopped: the world is to drain
	calm        bool  // nothing happens in this world that may lose a message: none is lost

	seen    []uint32 // by block: the audit that met it
	audit   uint32
	aside   []uint32     // by hub: where its own ring began at the start of the step
	stack   []*process   // whose put or service is under way
	ran     []*Queue     // services of simulated modules run in this pass, in order
	enabled []enabledRun // queues that were on a hub's list before its pass
}

// flow is a sequence of messages that must arrive in order: of one source, one class.
type flow struct {
	class int
	next  uint32
	loose bool // segments were exchanged under it: parts of it may take different ways
}

// Classes of messages, each with an order of its own.
const (
	classData = iota // Data and Proto of band 0
	classBand        // of band simBand
	classHigh        // high priority
	classes
)

const simBand = 2

// segment is a part of a stream between two anchors, lowest first: an end, or a pair of
// the multiplexor.
type segment struct {
	class  int // segments of one class may exchange their upper parts
	nodes  []simNode
	linked []bool // node i with node i+1
}

type simNode struct {
	id   ProcID
	elem *simElem // nil for an anchor
}

func (w *world) chance(percent int) bool { return w.rng.IntN(100) < percent }

func (w *world) fail(format string, args ...any) {
	if w.fault == nil {
		w.fault = fmt.Errorf("step %d: "+format, append([]any{w.step}, args...)...)
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

// newWorld builds hubs, a multiplexor perhaps, and segments with modules.
func newWorld(seed uint64, cover *coverage) *world {
	w := &world{elems: map[*Queue]*simElem{}, seed: seed, rng: rand.New(rand.NewPCG(seed, 0x5EED)), cover: cover}
	w.calm = w.chance(40)
	hubs := []int{1, 1, 2, 2, 3}[w.rng.IntN(5)]
	sizes := block.Config{Hubs: hubs, Small: 24 + w.rng.IntN(80), Views: 24 + w.rng.IntN(40)}
	if w.calm {
		sizes.Small, sizes.Views = 2048, 2048
	}
	var err error
	w.arena, err = block.NewArena(sizes)
	w.must(err)
	for i := range hubs {
		h, err := NewHub(Config{Pool: w.arena.Pool(i), Clock: func() int64 { return w.now }})
		w.must(err)
		w.hubs = append(w.hubs, h)
		l, err := h.NewLine()
		w.must(err)
		w.lines = append(w.lines, l)
		h.deferred.slots = make([]deferredPut, 8<<w.rng.IntN(5))
		if w.calm {
			h.deferred.slots = nil
		}
	}
	w.hogs, w.fakeNodes, w.aside = make([][]block.ID, hubs), make([]int, hubs), make([]uint32, hubs)
	w.views = sizes.Views
	w.seen = make([]uint32, 1+hubs*(w.arena.Blocks()+w.views))
	w.must(w.registry.Add("sim", w.construct))
	w.fabric, err = NewFabric(&w.registry, w.hubs...)
	w.must(err)
	w.shrinkRings(16 << w.rng.IntN(4))
	w.buildSegments()
	w.fabric.between = w.between
	return w
}

// shrinkRings puts short rings between the hubs, so that they fill.
func (w *world) shrinkRings(n int) {
	for _, h := range w.hubs {
		for _, p := range h.peers {
			if p == nil {
				continue
			}
			far := p.hub.peers[h.index]
			var e1, e2 error
			p.data, far.dataIn, e1 = ring.New[Msg](n)
			p.urgent, far.urgentIn, e2 = ring.New[Msg](n)
			w.must(e1)
			w.must(e2)
		}
	}
}

// buildSegments lays out plain streams, or streams that meet in a multiplexor.
func (w *world) buildSegments() {
	if w.chance(50) {
		for range 1 + w.rng.IntN(3) {
			w.build(0, w.openEnd(false), w.openTop())
		}
		return
	}
	w.mux = &simMux{w: w, hub: w.hubs[w.rng.IntN(len(w.hubs))]}
	for range 1 + w.rng.IntN(3) {
		w.build(1, w.openEnd(false), w.mux.pair(true))
	}
	for range 1 + w.rng.IntN(3) {
		w.build(2, w.mux.pair(false), w.openTop())
	}
}

// openTop makes a head or a device at the top of a stream.
func (w *world) openTop() ProcID {
	if w.chance(60) {
		return w.openHead()
	}
	return w.openEnd(true)
}

// build stacks modules between two anchors.
func (w *world) build(class int, bottom, top ProcID) {
	s := &segment{class: class, nodes: []simNode{{id: bottom}}}
	at := bottom.Hub()
	for range w.rng.IntN(6) {
		if w.chance(20) {
			at = w.rng.IntN(len(w.hubs))
		}
		e := w.newElem(w.rng.IntN(int(simKinds)))
		id, err := w.hubs[at].Add(e.module())
		w.must(err)
		s.nodes = append(s.nodes, simNode{id, e})
	}
	s.nodes = append(s.nodes, simNode{id: top})
	s.linked = make([]bool, len(s.nodes)-1)
	w.segments = append(w.segments, s)
	for i := range s.linked {
		w.join(s, i)
	}
}

func (w *world) join(s *segment, i int) {
	lower, upper := s.nodes[i].id, s.nodes[i+1].id
	err := w.fabric.Join(lower, upper)
	w.must(err)
	s.linked[i] = err == nil
}

// between lets hubs turn between the steps of a fabric's work.
func (w *world) between() {
	changing := w.changing
	w.changing = 0
	for w.chance(50) {
		w.pass(w.hubs[w.rng.IntN(len(w.hubs))])
	}
	w.changing = changing
}

// enabledRun is a queue that must have its turn in the next pass.
type enabledRun struct {
	q    *Queue
	elem *simElem
	runs int
}

// pass turns one hub and looks whether each queue that was enabled ran once, in order.
func (w *world) pass(h *Hub) {
	w.enabled, w.ran = w.enabled[:0], w.ran[:0]
	for q := h.run.head; q != nil; q = q.runNext {
		if e := w.elems[q]; e != nil && q.service != nil && q.flags&qClosed == 0 {
			w.enabled = append(w.enabled, enabledRun{q, e, e.runs[side(q)]})
		}
	}
	h.Pass()
	at := 0
	for _, e := range w.enabled {
		if e.q.flags&qClosed != 0 || w.elems[e.q] != e.elem {
			continue
		}
		if n := e.elem.runs[side(e.q)] - e.runs; n != 1 {
			w.fail("an enabled queue of %s ran %d times in the next pass", e.elem.name(), n)
		}
		i := slices.Index(w.ran[at:], e.q)
		if i < 0 {
			w.fail("a queue of %s ran out of the order of enabling", e.elem.name())
			return
		}
		at += i + 1
	}
}

// inside notes that a process is entered, and gives what notes that it is left: none may
// be entered twice.
func (w *world) inside(q *Queue) func() {
	if slices.Contains(w.stack, q.proc) {
		w.fail("%s is entered while it is on the stack", q.pair.module.Name)
	}
	w.stack = append(w.stack, q.proc)
	return func() { w.stack = w.stack[:len(w.stack)-1] }
}

func side(q *Queue) int {
	if q.Reader() {
		return 1
	}
	return 0
}

// simulate is the life of a world: so many steps, then all must drain.
func (w *world) simulate(steps int) error {
	for w.step = 0; w.step < steps && w.fault == nil; w.step++ {
		w.now += int64(w.rng.IntN(20))
		for i, h := range w.hubs {
			w.aside[i] = h.deferred.head
		}
		w.act()
		for _, h := range w.hubs {
			if w.chance(85) {
				w.pass(h)
			}
		}
		w.check()
	}
	w.drain()
	w.close()
	return w.fault
}

// act is what happens in a step besides the hubs' passes.
func (w *world) act() {
	for _, s := range w.heads {
		s.act()
	}
	if w.chance(45) {
		w.change()
	}
	if w.chance(25) {
		w.trouble()
	}
	if w.chance(50) {
		w.fabric.attend()
	}
}

// drain stops the sources, mends what was broken, and wants all to come to rest.
func (w *world) drain() {
	w.quiet = true
	for i := range w.hubs {
		w.release(i)
	}
	for _, e := range w.ends {
		e.stall(false)
	}
	rounds, idle := 0, 0
	for ; idle < 3 && w.fault == nil; rounds++ {
		if rounds == 3000 {
			w.fail("the world does not drain: %s", w.describe())
			return
		}
		w.step++
		w.now += 100
		if rounds%50 == 49 {
			w.now += SimIoctlLimit
		}
		work := 0
		for _, s := range w.heads {
			work += s.read(100)
		}
		for _, h := range w.hubs {
			before := h.counters.Services
			w.pass(h)
			work += int(h.counters.Services - before)
		}
		if idle++; work > 0 || w.underWay() > 0 || w.waiting() {
			idle = 0
		}
		w.check()
	}
}

// waiting tells whether a timer or a call for blocks is still to come.
func (w *world) waiting() bool {
	for _, h := range w.hubs {
		if _, ok := h.timers.Next(); ok {
			return true
		}
	}
	return w.calls > 0
}

// close wants nothing to be left, of a world that has drained.
func (w *world) close() {
	for i, h := range w.hubs {
		for _, p := range h.standing() {
			if p.rq.msgs+p.wq.msgs > 0 {
				w.fail("%s has %d and %d messages after the end", p.module.Name, p.rq.msgs, p.wq.msgs)
			}
		}
		if h.refusals.Used != 0 || h.nodes.Used != 0 {
			w.fail("hub %d: %d refusals and %d nodes after the end", i, h.refusals.Used, h.nodes.Used)
		}
	}
	if n := w.lost(); n != 0 && w.calm {
		w.fail("%d messages were lost and counted in a world that loses none%s", n, w.describe())
	}
	for _, h := range w.hubs {
		_ = h.Close()
	}
	for range 3 {
		for _, h := range w.hubs {
			h.Pass()
		}
	}
	for i, h := range w.hubs {
		if chunks, views := h.Pool.InUse(); chunks+views != 0 && w.fault == nil {
			w.fail("hub %d: %d chunks and %d views are out after the end", i, chunks, views)
		}
	}
	if w.externals != 0 {
		w.fail("%d external blocks were not given back", w.externals)
	}
	w.must(w.arena.Close())
}
