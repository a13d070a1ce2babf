package dataplane

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/links"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/thread"
	"github.com/cellhub/cellhub/dataplane/timer"
)

// ErrHub is wrapped by every refusal of the hub to change its topology.
var ErrHub = errors.New("hub")

// Config gives a hub its parts: the pool it must have, the others have defaults.
type Config struct {
	Pool  *block.Pool  // required
	Clock func() int64 // nanoseconds, monotonic; the kernel's by default
	Pace  pace.Config  // how it waits
	CPU   int          // processor that its thread is pinned to, counted from 1; 0: any
}

// Hub is one run-to-completion executive: it owns its processes, queues and blocks,
// and one goroutine runs it. Apart from Call, Stop and what says so, its methods
// belong to that goroutine.
type Hub struct {
	Pool  *block.Pool
	index int // in its fabric; 0 when alone
	now   int64
	clock func() int64

	numbers  numberTable      // processes made here
	guests   map[ProcID]*pair // processes made elsewhere that stand here
	nodes    nodeTable
	refusals links.Table[refusal]
	run      runList
	deferred deferRing
	drivers  int       // how many there are
	always   []*driver // those that watch nothing: they are polled every pass
	again    wishes    // to be polled in the next pass
	memory   []*Watch  // what is ready by a word in memory
	sends    wishes    // those that have asked for Send
	bufcalls []bufCall

	fabric *Fabric
	peers  []*peer // by hub; nil for itself and outside a fabric
	lines  []*line

	timers   timer.Heap
	pace     pace.Pacer
	renewed  int64 // when Go's scheduler was asked last
	traffic  int   // what the pass has taken from devices and other hubs
	cpu      int
	sleeper  *sleeper
	counters Counters
	notes    notebook //nolint:unused // of a debug build

	turn    sync.Mutex // held by whoever turns the hub, or changes it while nobody does
	calling sync.Mutex
	calls   *Line
	stopped atomic.Bool
	ended   chan struct{} // closed when Run has returned
	closed  bool
}

// Counters is what a hub has counted since it was made.
type Counters struct {
	Passes   uint64 // turns of the loop
	Sleeps   uint64 // times it slept in the kernel
	Naps     uint64 // times it let a burst grow
	Messages uint64 // taken from devices and inboxes
	Services uint64 // runs of a service
	Unlinked uint64 // messages freed: no neighbour or process to put to
	Unknown  uint64 // messages freed: of a type that means nothing where they came
	NoBlocks uint64 // messages freed: no block to keep them in
	NoNodes  uint64 // messages freed: MaxQueued reached
	NoDefer  uint64 // messages freed: MaxDeferred reached
	Flushed  uint64 // messages freed by a flush, or queued where a process was removed
	Refusals uint64 // callers rescheduled because MaxRefusals was reached

	NoBufCalls uint64 // BufCall refused: MaxBufCalls wait, or more blocks asked for than there are
}

// NewHub makes a hub over a pool. Close frees what it opened.
func NewHub(c Config) (*Hub, error) {
	if c.Pool == nil {
		return nil, fmt.Errorf("%w: no pool", ErrHub)
	}
	if err := thread.CheckCPU(c.CPU); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHub, err)
	}
	if l := c.Pace.Latency; l < 0 || l > pace.MaxLatency {
		return nil, fmt.Errorf("%w: latency %v: 0 to %v", ErrHub, l, pace.MaxLatency)
	}
	h := &Hub{
		Pool: c.Pool, index: c.Pool.Hub(), clock: c.Clock, pace: pace.New(c.Pace), cpu: c.CPU,
		guests: map[ProcID]*pair{}, ended: make(chan struct{}), sends: wishes{which: 1},
	}
	if h.clock == nil {
		h.clock = Monotonic
	}
	k, err := thread.OpenEpoll()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHub, err)
	}
	h.sleeper = &sleeper{kernel: k}
	h.now = h.clock()
	if _, err = h.addInternal(h.hubModule()); err == nil { // at hubPlace
		h.calls, err = h.newLine(make(chan struct{}, 1))
	}
	if err != nil {
		return nil, errors.Join(err, h.sleeper.Close())
	}
	return h, nil
}

// Close closes every process and the hub's descriptors. Run must have returned, if it
// was called.
func (h *Hub) Close() error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	pairs := h.standing()
	for _, p := range pairs {
		p.rq.next, p.wq.next = nil, nil // no order to keep
	}
	for _, p := range slices.Backward(pairs) {
		h.remove(p)
	}
	h.runDeferred()
	h.publish()
	return h.sleeper.Close()
}

// standing gives the pairs that stand on the hub.
func (h *Hub) standing() (pairs []*pair) {
	for _, p := range h.numbers.pairs {
		if p != nil && p.rq.hub == h {
			pairs = append(pairs, p)
		}
	}
	for _, p := range h.guests {
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b *pair) int { return int(a.id) - int(b.id) })
	return pairs
}

// numbersOf is the table that a number is of.
func (h *Hub) numbersOf(id ProcID) *numberTable {
	if id.Hub() == h.index {
		return &h.numbers
	}
	return &h.fabric.hubs[id.Hub()].numbers
}

// Timer calls Fire on the hub once its time has come. The owner keeps it; the zero
// value with Fire set is ready to be started.
type Timer = timer.Timer

// StartTimer has t fire at the given time of the hub's clock, in nanoseconds; a
// running timer is moved. false: timer.Max are running, and the caller has to do
// without.
func (h *Hub) StartTimer(t *Timer, at int64) bool { return h.timers.Start(t, at) }

// StopTimer stops t, if it runs.
func (h *Hub) StopTimer(t *Timer) { h.timers.Stop(t) }

// Now is the time the pass began, in nanoseconds: the clock is read once a pass.
func (h *Hub) Now() int64 { return h.now }

// Counters is a copy of the hub's counters.
func (h *Hub) Counters() Counters { return h.counters }

// Own makes a message safe to keep: when a block of it is on loan, all of it is
// copied. false: no memory, and the message freed.
func (h *Hub) Own(m Msg) (Msg, bool) {
	ok := h.own(&m)
	return m, ok
}

// own is Own in place, which spares putq two copies of the message.
func (h *Hub) own(m *Msg) bool {
	if m.Block == 0 {
		return true
	}
	m.Block = h.Pool.Keep(m.Block, m.Type != Data)
	return m.Block != 0
}

// Free gives a message's blocks back.
func (h *Hub) Free(m Msg) { h.Pool.Free(m.Block) }

// Refuse frees a message of a type that means nothing where it has come, and counts it.
func (h *Hub) Refuse(m Msg) {
	h.counters.Unknown++
	h.Pool.Free(m.Block)
}

func (h *Hub) dropUnlinked(m Msg) {
	h.counters.Unlinked++
	h.Pool.Free(m.Block)
}
