package dataplane

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// decide says what comes after a pass. When the load has gone the kernel watches again what
// was hushed, for a hub that does not sleep is to be told of failures, too.
func (h *Hub) decide(work int) step {
	s := h.pace.next(h.now, work, h.traffic)
	if !h.pace.grows {
		h.rouse()
	}
	return s
}

// rest is between two passes.
func (h *Hub) rest(work int) {
	switch h.decide(work) {
	case yield:
		yieldThread()
	case nap:
		h.counters.Naps++
		napThread(h.pace.Latency)
	case sleep:
		h.counters.Sleeps++
		h.sleep()
	}
}

// renew has Go's scheduler count this goroutine anew, before a sleep of at most
// stepMillis. A goroutine that it has not dispatched for 10 ms loses its right to run (the
// P) to the runtime's monitor at the monitor's first look during any system call, however
// short; and a monitor that has taken one looks every 20 µs from then on, for as long as
// there is traffic. That costs several times what the wake-up itself does.
func (h *Hub) renew() {
	if h.now-h.renewed >= renewAfter || h.now < h.renewed {
		h.renewed = h.now
		runtime.Gosched()
	}
}

const renewAfter = int64(4 * time.Millisecond)

// yieldThread lets another thread have the processor. The Go scheduler is not asked: it
// would look for another goroutine.
func yieldThread() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// napThread sleeps for d, and not 50 µs longer, as threads do that have not asked for
// better.
func napThread(d time.Duration) {
	_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0)
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // EINTR: a shorter nap
}
