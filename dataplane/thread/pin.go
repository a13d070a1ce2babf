package thread

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// CheckCPU refuses a processor, counted from 1, that this process may not use; 0 is any.
func CheckCPU(cpu int) error {
	if cpu == 0 {
		return nil
	}
	var may unix.CPUSet
	if err := unix.SchedGetaffinity(0, &may); err != nil {
		return fmt.Errorf("sched_getaffinity: %w", err)
	}
	if cpu < 0 || !may.IsSet(cpu-1) {
		return fmt.Errorf("processor %d is not ours to use", cpu)
	}
	return nil
}

// Pin binds the calling thread to a processor, counted from 1, or at 0 to none; what it returns undoes it, for
// the thread goes back to the Go scheduler.
func Pin(cpu int) (unpin func()) {
	var before, one unix.CPUSet
	if cpu == 0 || unix.SchedGetaffinity(0, &before) != nil {
		return func() {}
	}
	one.Set(cpu - 1)
	_ = unix.SchedSetaffinity(0, &one) // CheckCPU has allowed it; without it the hub only runs elsewhere
	return func() { _ = unix.SchedSetaffinity(0, &before) }
}
