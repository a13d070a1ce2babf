package dataplane

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/ring"
	"github.com/cellhub/cellhub/dataplane/thread"
)

// MaxWatches is how many descriptors a hub watches.
const MaxWatches = 1 << 16

// sleeper is where a hub sleeps, and where the kernel tells which descriptors are ready:
// one epoll descriptor over those that a pass asks for, and one over that, over those of
// the rings, which are asked for in memory, and over the eventfd of everybody else, which
// is rung as ring.Doorbell says. Its kernel is a seam for the simulation.
type sleeper struct {
	kernel
	door    ring.Doorbell
	watches []*Watch // by slot; nil is free
	free    []int32
	watched int      // descriptors that a pass asks for
	hushed  []*Watch // those that the kernel has been asked to let be while the load lasts
	events  [64]unix.EpollEvent
	asked   unix.EpollEvent // what the kernel is asked for, as long as the call
}

// kernel is what a sleeper asks of the system.
type kernel interface {
	Control(nested bool, op, fd int, e *unix.EpollEvent) error       // epoll_ctl; nested: of those that a pass asks for
	Wait(nested bool, events []unix.EpollEvent, ms int) (int, error) // epoll_wait
	Ring()                                                           // wakes
	Hush()                                                           // takes the rings
	Close() error
}

// Watch is how a driver's device says that it is ready: by a descriptor that the kernel
// watches, by a word in memory, or by both.
type Watch struct {
	hub     *Hub
	driver  *driver
	ready   func() bool // nil: the descriptor tells
	arm     func()      // of another process's bell: see WatchBell
	fd      int         // -1: none
	slot    int32
	memory  int // its place, counted from 1, among those that a word in memory tells of; 0: none
	in, out bool
	quiet   bool // it is among the sleeper's hushed
}

// Watch has the module's driver polled when the device has something to read, and asked to
// send when there is room to write and it wants that, until Forget. ready tells of reading
// without a system call; where there is one the descriptor only wakes the hub, and tells
// of errors. Without one the descriptor tells. It may be -1: there is none.
func (q *Queue) Watch(fd int, ready func() bool) (*Watch, error) {
	return q.watch(&Watch{fd: fd, ready: ready})
}

// WatchBell is Watch for an eventfd that another process rings when the hub sleeps. Nobody
// reads it: each ring is an edge. arm is called before the hub sleeps, and then ready: what
// the process does after that, it rings for.
func (q *Queue) WatchBell(fd int, ready func() bool, arm func()) (*Watch, error) {
	if fd < 0 || ready == nil || arm == nil {
		return nil, fmt.Errorf("%w: %s has no bell", ErrHub, q.pair.module.Name)
	}
	return q.watch(&Watch{fd: fd, ready: ready, arm: arm})
}

func (q *Queue) watch(w *Watch) (*Watch, error) {
	h, d := q.hub, q.pair.driver
	if d == nil || w.fd < 0 && w.ready == nil {
		return nil, fmt.Errorf("%w: %s has nothing to watch", ErrHub, q.pair.module.Name)
	}
	w.hub, w.driver, w.in = h, d, true
	if err := h.sleeper.add(w); err != nil {
		return nil, err
	}
	w.listMemory(w.ready != nil)
	d.watched = true
	h.pollNoMore(d)
	return w, nil
}

// add gives a watch its slot, and tells the kernel.
func (s *sleeper) add(w *Watch) error {
	if w.fd < 0 {
		return nil
	}
	n := len(s.free)
	switch w.slot = int32(len(s.watches)); {
	case n > 0:
		w.slot = s.free[n-1]
	case w.slot == MaxWatches:
		return fmt.Errorf("%w: more than %d descriptors", ErrHub, MaxWatches)
	}
	if err := s.enter(w); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	if n > 0 {
		s.free = s.free[:n-1]
	} else {
		s.watches = append(s.watches, nil)
	}
	s.watches[w.slot] = w
	s.watched++
	return nil
}

// event is what is asked for in the one set or the other: an error condition is told
// whatever the mask.
func (w *Watch) event(nested bool) *unix.EpollEvent {
	e := &w.hub.sleeper.asked
	*e = unix.EpollEvent{Fd: w.slot}
	if w.in && nested == (w.ready == nil) {
		e.Events |= unix.EPOLLIN
	}
	if w.arm != nil {
		e.Events |= unix.EPOLLET
	}
	if w.out && nested {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

func (s *sleeper) enter(w *Watch) error {
	err := s.Control(true, unix.EPOLL_CTL_ADD, w.fd, w.event(true))
	if err != nil || w.ready == nil {
		return err
	}
	if err = s.Control(false, unix.EPOLL_CTL_ADD, w.fd, w.event(false)); err != nil {
		_ = s.Control(true, unix.EPOLL_CTL_DEL, w.fd, nil)
	}
	return err
}

func (s *sleeper) leave(w *Watch) {
	_ = s.Control(true, unix.EPOLL_CTL_DEL, w.fd, nil)
	if w.ready != nil {
		_ = s.Control(false, unix.EPOLL_CTL_DEL, w.fd, nil)
	}
}

// Want changes what is watched: something to read, room to write. Who wants nothing is
// taken out, for an error condition wakes whatever the mask.
func (w *Watch) Want(in, out bool) {
	if in == w.in && out == w.out {
		return
	}
	w.rouse()
	s, was, wasIn := w.hub.sleeper, w.in || w.out, w.in
	w.in, w.out = in, out
	if w.ready != nil && in != wasIn {
		w.listMemory(in)
	}
	switch {
	case w.fd < 0:
	case !in && !out:
		s.leave(w)
	case !was:
		_ = s.enter(w)
	default:
		_ = s.Control(true, unix.EPOLL_CTL_MOD, w.fd, w.event(true))
		if w.ready != nil && in != wasIn {
			_ = s.Control(false, unix.EPOLL_CTL_MOD, w.fd, w.event(false))
		}
	}
}

func (w *Watch) listMemory(in bool) {
	h := w.hub
	switch last := len(h.memory) - 1; {
	case in && w.memory == 0:
		h.memory = append(h.memory, w)
		w.memory = len(h.memory)
	case !in && w.memory > 0: // the last gets its place
		moved := h.memory[last]
		h.memory[w.memory-1], moved.memory = moved, w.memory
		h.memory[last] = nil
		h.memory, w.memory = h.memory[:last], 0
	}
}

// hush takes a watch that tells by memory out of the kernel's sets, under load: as long as
// it is in them, each frame costs the kernel a look at them. Nobody sleeps meanwhile.
func (w *Watch) hush() {
	s := w.hub.sleeper
	if w.quiet || w.fd < 0 || !w.in || w.out || w.arm != nil || s.watches[w.slot] != w {
		return
	}
	s.leave(w)
	w.quiet = true
	s.hushed = append(s.hushed, w)
}

// rouse undoes it. What has become ready meanwhile the kernel tells at once.
func (w *Watch) rouse() {
	if w.quiet {
		w.quiet = false
		s := w.hub.sleeper
		s.hushed = slices.DeleteFunc(s.hushed, func(o *Watch) bool { return o == w })
		_ = s.enter(w)
	}
}

// rouse is of all that are hushed.
func (h *Hub) rouse() {
	for s := h.sleeper; len(s.hushed) > 0; {
		s.hushed[len(s.hushed)-1].rouse()
	}
}

// Forget ends it; before the descriptor is closed.
func (w *Watch) Forget() {
	w.rouse()
	if s := w.hub.sleeper; w.fd >= 0 {
		if w.in || w.out {
			s.leave(w)
		}
		s.watches[w.slot] = nil
		s.free = append(s.free, w.slot)
		s.watched--
	}
	w.listMemory(false)
}

// watch is what an event is about; nil when it has been given up.
func (s *sleeper) watch(e *unix.EpollEvent) *Watch {
	if e.Fd < 0 || int(e.Fd) >= len(s.watches) {
		return nil
	}
	return s.watches[e.Fd]
}

// look asks which descriptors are ready, without waiting.
func (s *sleeper) look() []unix.EpollEvent {
	n, err := s.Wait(true, s.events[:], 0)
	if err != nil {
		return nil // EINTR: the next pass asks again
	}
	return s.events[:n]
}

// wake rings the bell if the hub sleeps or is about to. Any goroutine may call it;
// of several only the first rings.
func (s *sleeper) wake() {
	if s.door.NeedsWake() {
		s.Ring()
	}
}

// sleep waits for a descriptor, the bell or the next timer: it says that it is about to,
// looks once more at everything that does not ring, and goes. What became ready meanwhile
// is told by the next pass's look, or here, for those that this does not ask.
func (h *Hub) sleep() {
	h.arm()
	if h.pending() {
		h.sleeper.door.Disarm()
		return
	}
	h.renew()
	h.doze(h.timeout())
}

func (h *Hub) arm() {
	h.rouse()
	h.sleeper.door.Arm()
	for _, w := range h.memory {
		if w.arm != nil {
			w.arm()
		}
	}
}

// doze is in the kernel.
func (h *Hub) doze(ms int) {
	s := h.sleeper
	n, err := s.Wait(false, s.events[:], ms)
	s.door.Disarm()
	if err != nil {
		return // EINTR: the next pass looks everywhere anyway
	}
	for i := range n {
		switch e := &s.events[i]; {
		case e.Fd == thread.Bell:
			s.Hush()
		case e.Fd != thread.Ready && e.Events&^unix.EPOLLIN != 0: // a ring's error
			if w := s.watch(e); w != nil {
				h.poll(w.driver)
			}
		}
	}
}

// pending is the look at every inbox between setting the flag and sleeping.
func (h *Hub) pending() bool {
	if h.stopped.Load() || h.run.head != nil || len(h.sends.drivers) > 0 || len(h.again.drivers) > 0 ||
		h.deferred.head != h.deferred.tail || h.mailWaits() || h.linesWait() ||
		len(h.bufcalls) > 0 && (h.bufcalls[0].servable(h.Pool) || h.Pool.Returning() > 0) {
		return true
	}
	for _, w := range h.memory {
		if w.ready() {
			return true
		}
	}
	return false
}

// timeout is how long the hub may sleep, in milliseconds, rounded up; pace.Forever.
func (h *Hub) timeout() int {
	limit := h.pace.Limit(h.now)
	at, ok := h.timers.Next()
	if !ok {
		return limit
	}
	const most = int64(time.Hour)
	wait := min(max(at-h.clock(), 0), most)
	ms := int((wait + int64(time.Millisecond) - 1) / int64(time.Millisecond))
	if limit != pace.Forever {
		return min(ms, limit)
	}
	return ms
}

// Monotonic is the kernel's monotonic clock, in nanoseconds.
func Monotonic() int64 { return int64(time.Since(started)) }

var started = time.Now()
