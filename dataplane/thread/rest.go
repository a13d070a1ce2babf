package thread

import (
	"time"

	"golang.org/x/sys/unix"
)

// Yield lets another thread have the processor. The Go scheduler is not asked: it
// would look for another goroutine.
func Yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// Nap sleeps for d, and not 50 µs longer, as threads do that have not asked for
// better.
func Nap(d time.Duration) {
	_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, 1, 0)
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // EINTR: a shorter nap
}
