package thread

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Bell and Ready are what an event's Fd says that is about none of the descriptors: the bell was rung, or one of those in the
// inner set is ready.
const (
	Bell  = -1
	Ready = -2
)

// Epoll is two sets of descriptors, and a bell. The one set is of those that a hub asks for each pass, and is itself in the
// other, which the hub sleeps on.
type Epoll struct{ outer, nested, bell int }

// OpenEpoll makes both sets, empty, and the bell.
func OpenEpoll() (_ *Epoll, err error) {
	e := &Epoll{outer: -1, nested: -1, bell: -1}
	defer func() {
		if err != nil {
			_ = e.Close()
		}
	}()
	if e.outer, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if e.nested, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if e.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	for fd, slot := range map[int]int32{e.bell: Bell, e.nested: Ready} {
		if err = e.Control(false, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot}); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return e, nil
}

func (e *Epoll) set(nested bool) int {
	if nested {
		return e.nested
	}
	return e.outer
}

// Control is epoll_ctl on one of the sets.
func (e *Epoll) Control(nested bool, op, fd int, event *unix.EpollEvent) error {
	return unix.EpollCtl(e.set(nested), op, fd, event)
}

// Wait is epoll_wait on one of the sets, for so many milliseconds: 0 only looks, -1 has no end.
func (e *Epoll) Wait(nested bool, events []unix.EpollEvent, ms int) (int, error) {
	return unix.EpollWait(e.set(nested), events, ms)
}

// Ring ends a sleep, or the next one at once. Any thread may.
func (e *Epoll) Ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(e.bell, one[:])
}

// Hush takes what has been rung.
func (e *Epoll) Hush() {
	var count [8]byte
	_, _ = unix.Read(e.bell, count[:])
}

// Close closes all three.
func (e *Epoll) Close() (err error) {
	for _, fd := range [...]int{e.bell, e.nested, e.outer} {
		if fd >= 0 {
			err = unix.Close(fd)
		}
	}
	return err
}
