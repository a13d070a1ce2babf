package dataplane

import (
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// MaxWatches is how many descriptors a hub sleeps on.
const MaxWatches = 1024

// Sleeper is where a hub sleeps: one epoll descriptor over the devices' own, and an
// eventfd for everybody else, rung as ring.Doorbell says.
type Sleeper struct {
	epoll, bell int
	door        ring.Doorbell
	watches     map[int]*Watch // by descriptor; touched on changes only
	events      [16]unix.EpollEvent
}

// Watch is a descriptor that may wake the hub.
type Watch struct {
	sleeper *Sleeper
	fd      int
	events  uint32
}

func newSleeper() (*Sleeper, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(ep)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	s := &Sleeper{epoll: ep, bell: bell, watches: map[int]*Watch{}}
	if _, err := s.Watch(bell); err != nil {
		_ = s.close()
		return nil, err
	}
	return s, nil
}

func (s *Sleeper) close() error {
	_ = unix.Close(s.bell)
	return unix.Close(s.epoll)
}

// Watch has fd wake the hub when it is readable, until Forget.
func (s *Sleeper) Watch(fd int) (*Watch, error) {
	if len(s.watches) == MaxWatches {
		return nil, fmt.Errorf("%w: more than %d descriptors", ErrHub, MaxWatches)
	}
	w := &Watch{sleeper: s, fd: fd, events: unix.EPOLLIN}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, w.event()); err != nil {
		return nil, fmt.Errorf("epoll_ctl: %w", err)
	}
	s.watches[fd] = w
	return w, nil
}

// Want changes what wakes the hub: something to read, room to write.
func (w *Watch) Want(in, out bool) {
	var events uint32
	if in {
		events |= unix.EPOLLIN
	}
	if out {
		events |= unix.EPOLLOUT
	}
	if events == w.events {
		return
	}
	// An error condition wakes whatever the mask: who wants nothing is taken out.
	op := unix.EPOLL_CTL_MOD
	switch {
	case events == 0:
		op = unix.EPOLL_CTL_DEL
	case w.events == 0:
		op = unix.EPOLL_CTL_ADD
	}
	w.events = events
	_ = unix.EpollCtl(w.sleeper.epoll, op, w.fd, w.event())
}

// Forget takes the descriptor out; before it is closed.
func (w *Watch) Forget() {
	_ = unix.EpollCtl(w.sleeper.epoll, unix.EPOLL_CTL_DEL, w.fd, nil)
	delete(w.sleeper.watches, w.fd)
}

func (w *Watch) event() *unix.EpollEvent {
	return &unix.EpollEvent{Events: w.events, Fd: int32(w.fd)}
}

// wake rings the bell if the hub sleeps or is about to. Any goroutine may call it;
// of several only the first writes.
func (s *Sleeper) wake() {
	if !s.door.NeedsWake() {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(s.bell, one[:])
}

// sleep waits for a descriptor, the bell or the next timer.
func (s *Sleeper) sleep(h *Hub) {
	s.door.Arm()
	if h.pending() {
		s.door.Disarm()
		return
	}
	n, err := unix.EpollWait(s.epoll, s.events[:], h.timeout())
	s.door.Disarm()
	if err != nil {
		return // EINTR: the next pass looks everywhere anyway
	}
	for i := range n {
		if int(s.events[i].Fd) == s.bell {
			var count [8]byte
			_, _ = unix.Read(s.bell, count[:])
		}
	}
}

// pending is the look at every inbox between setting the flag and sleeping.
func (h *Hub) pending() bool {
	if h.stopped.Load() || h.calls.Load() != nil || h.run.head != nil ||
		h.deferred.head != h.deferred.tail || h.mailWaits() ||
		len(h.bufcalls) > 0 && (h.bufcalls[0].servable(h.Pool) || h.Pool.Returning() > 0) {
		return true
	}
	for _, c := range h.commanders {
		if !c.in.Empty() {
			return true
		}
	}
	return false
}

// timeout is how long the hub may sleep, in milliseconds, rounded up; -1 for ever.
func (h *Hub) timeout() int {
	at, ok := h.timers.next()
	if !ok {
		return -1
	}
	const most = int64(time.Hour)
	wait := min(max(at-h.clock(), 0), most)
	return int((wait + int64(time.Millisecond) - 1) / int64(time.Millisecond))
}

// Monotonic is the kernel's monotonic clock, in nanoseconds.
func Monotonic() int64 { return int64(time.Since(started)) }

var started = time.Now()
