package dataplane

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// checkCPU refuses a processor, counted from 1, that this process may not use.
func checkCPU(cpu int) error {
	if cpu == 0 {
		return nil
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return fmt.Errorf("%w: sched_getaffinity: %w", ErrHub, err)
	}
	if cpu < 0 || !may.IsSet(cpu-1) {
		return fmt.Errorf("%w: processor %d is not ours to use", ErrHub, cpu)
	}
	return nil
}

// pin binds the calling thread to the hub's processor; what it returns undoes it, for
// the thread goes back to the Go scheduler.
func (h *Hub) pin() (unpin func()) {
	var before, one unix.CPUSet
	if h.cpu == 0 || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	one.Set(h.cpu - 1)
	_ = unix.SchedSetaffinity(0, &one) // allowed when the hub was made; without it the hub only runs elsewhere
	return func() { _ = unix.SchedSetaffinity(0, &before) }
}
