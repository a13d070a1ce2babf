package dataplane

import (
	"runtime"
	"time"

	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/thread"
)

// decide says what comes after a pass. When the load has gone the kernel watches again what
// was hushed, for a hub that does not sleep is to be told of failures, too.
func (h *Hub) decide(work int) pace.Step {
	s := h.pace.Next(h.now, work, h.traffic)
	if !h.pace.Grows {
		h.rouse()
	}
	return s
}

// rest is between two passes.
func (h *Hub) rest(work int) {
	switch h.decide(work) {
	case pace.Yield:
		thread.Yield()
	case pace.Nap:
		h.counters.Naps++
		thread.Nap(h.pace.Latency)
	case pace.Sleep:
		h.counters.Sleeps++
		h.sleep()
	}
}

// renew has Go's scheduler count this goroutine anew, before a sleep of at most
// pace.StepMillis. A goroutine that it has not dispatched for 10 ms loses its right to run (the
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
