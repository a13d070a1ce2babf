package region

import "sync/atomic"

// Flag is how one side asks the other to be told: ring.Doorbell's word, in shared memory.
// Who wants to be told arms it and looks once more before it waits; who has done something
// that may matter asks Needs, and tells if it is true. Whatever the other side writes there
// costs a needless telling, or itself the telling.
type Flag struct{ w *atomic.Uint32 }

// Arm asks to be told.
func (f Flag) Arm() { f.w.Store(1) }

// Disarm takes it back.
func (f Flag) Disarm() {
	if f.w.Load() != 0 {
		f.w.Store(0)
	}
}

// Needs reports whether the caller must tell now; once for each Arm.
func (f Flag) Needs() bool { return f.w.Load() != 0 && f.w.Swap(0) != 0 }
