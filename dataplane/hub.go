package dataplane

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cellhub/cellhub/dataplane/block"
)

// Limits of a hub.
const (
	MaxProcesses = 1 << 20
	MaxPollers   = 256
	MaxDeferred  = 4096 // messages waiting for a process to leave the call stack
)

// ErrHub is wrapped by every refusal of the hub to change its topology.
var ErrHub = errors.New("hub")

// Module is the code of a process: what streamtab and qinit are to STREAMS. All of
// it runs to completion on the hub's goroutine and must not block.
type Module struct {
	Name string

	// ReadPut takes messages on their way up, WritePut those on their way down. Each
	// forwards, queues or frees the message, exactly one of them. Nil forwards.
	ReadPut, WritePut func(q *Queue, m Msg)
	// The services run for messages that put has queued. Nil: the side never queues,
	// and flow control looks past it.
	ReadService, WriteService func(q *Queue)
	// Open is called with the read queue before the pair is linked; an error refuses
	// it. Close is called when the pair has left its stream; the hub frees what is
	// still queued.
	Open  func(q *Queue) error
	Close func(q *Queue)
	// Leave and Arrive let a pair move to another hub: Leave on the old one, before it
	// goes, stops timers and the like; Arrive on the new one gets the pair's new read
	// queue, from which the module takes its hub from then on. Both, or neither: a
	// module without them stays where it is.
	Leave  func()
	Arrive func(q *Queue)
	// Pair gives the code of another pair of the same process, for a multiplexor that
	// grows by command. Nil: it does not.
	Pair func(arg []byte) (Module, error)
	// HiWat and LoWat are the water marks in octets; 0 takes the defaults.
	HiWat, LoWat int
}

// Poller is a driver's side towards its device. The hub calls it every pass.
type Poller interface {
	// Poll takes what waits at the device, at most a batch, and puts it up the
	// stream; it returns how many messages that were.
	Poll() int
	// Flush hands what the pass has collected to the device, in one call of the
	// kernel where the device allows.
	Flush()
}

// port is a poller and the pair it belongs to.
type port struct {
	Poller
	owner *pair
}

// Config gives a hub its parts: the pool it must have, the others have defaults.
type Config struct {
	Pool  *block.Pool  // required
	Clock func() int64 // nanoseconds, monotonic; the kernel's by default
	Pace  Pace         // how it waits
	CPU   int          // processor that its thread is pinned to, counted from 1; 0: any
}

// Hub is one run-to-completion executive: it owns its processes, queues and blocks,
// and one goroutine runs it. Apart from Call, Stop and what says so, its methods
// belong to that goroutine, or to the caller before Run.
type Hub struct {
	Pool  *block.Pool
	index int // in its fabric; 0 when alone
	now   int64
	clock func() int64

	procs    []*pair // by number; 0 is nobody
	freeProc []ProcID
	nodes    nodeTable
	refusals refusalTable
	run      runList
	deferred deferRing
	calls    atomic.Pointer[call]
	pollers  []port
	bufcalls []bufCall

	factories  map[string]Factory
	autopush   map[string][]string
	commanders []*commandSide
	peers      []*peer // by hub; nil for itself and outside a fabric

	timers   timerHeap
	pace     pacer
	cpu      int
	sleeper  *Sleeper
	counters Counters
	notes    notebook //nolint:unused // of a debug build
	stopped  atomic.Bool
	ended    chan struct{} // closed when Run has returned
}

// Counters is what a hub has counted since it was made.
type Counters struct {
	Passes   uint64 // turns of the loop
	Sleeps   uint64 // times it slept in the kernel
	Messages uint64 // taken from devices and inboxes
	Services uint64 // runs of a service
	Unlinked uint64 // messages freed: no neighbour to put to
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
	if err := checkCPU(c.CPU); err != nil {
		return nil, err
	}
	h := &Hub{Pool: c.Pool, index: c.Pool.Hub(), clock: c.Clock, procs: make([]*pair, 1), pace: newPacer(c.Pace), cpu: c.CPU, ended: make(chan struct{})}
	if h.clock == nil {
		h.clock = Monotonic
	}
	var err error
	if h.sleeper, err = newSleeper(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHub, err)
	}
	h.now = h.clock()
	return h, nil
}

// Close closes every process and the hub's descriptors. Run must have returned.
func (h *Hub) Close() error {
	for _, p := range slices.Backward(h.procs) {
		if p != nil {
			p.rq.next, p.wq.next = nil, nil // no order to keep, and moves that will not finish
		}
	}
	for _, p := range slices.Backward(h.procs) {
		if p != nil {
			h.remove(p)
		}
	}
	h.runDeferred()
	return h.sleeper.close()
}

// Now is the time the pass began, in nanoseconds: the clock is read once a pass.
func (h *Hub) Now() int64 { return h.now }

// Counters is a copy of the hub's counters.
func (h *Hub) Counters() Counters { return h.counters }

// Sleeper is where drivers say which descriptors wake the hub.
func (h *Hub) Sleeper() *Sleeper { return h.sleeper }

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
func (h *Hub) Free(m Msg) {
	if m.Block != 0 {
		h.Pool.Free(m.Block)
	}
}

func (h *Hub) dropUnlinked(m Msg) {
	h.counters.Unlinked++
	h.Free(m)
}

// AddPoller has the hub poll a driver every pass, as process id: while it polls or
// flushes, its own put is not entered. Remove ends it.
func (h *Hub) AddPoller(id ProcID, p Poller) error {
	owner, err := h.pair(id)
	if err != nil {
		return err
	}
	if len(h.pollers) == MaxPollers {
		return fmt.Errorf("%w: more than %d drivers", ErrHub, MaxPollers)
	}
	h.pollers = append(h.pollers, port{p, owner})
	return nil
}
