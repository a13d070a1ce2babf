package dataplane

import "golang.org/x/sys/unix"

// Pace says how a hub waits when there is nothing to do: it turns a few times more,
// then gives the processor away a few times, then sleeps in the kernel until a
// descriptor, a timer or a doorbell wakes it. The first steps save the cost of a
// sleep when the next frame is near; an idle hub sleeps. The zero value is
// DefaultPace.
type Pace struct {
	Spin  int // empty passes before the first yield
	Yield int // yields before the sleep
}

// DefaultPace is what a hub does that is told nothing: with more, the hub takes time
// from the programs whose frames it waits for.
var DefaultPace = Pace{Spin: 1, Yield: 1}

// pacer counts empty passes.
type pacer struct {
	Pace
	idle int
}

func newPacer(p Pace) pacer {
	if p == (Pace{}) {
		p = DefaultPace
	}
	return pacer{Pace: p}
}

// rest is called between two passes with the work that the last one found.
func (p *pacer) rest(h *Hub, work int) {
	if work > 0 {
		p.idle = 0
		return
	}
	p.idle++
	switch {
	case p.idle <= p.Spin:
	case p.idle <= p.Spin+p.Yield:
		yield()
	default:
		h.counters.Sleeps++
		h.sleep()
		p.idle = 0
	}
}

// yield lets another thread have the processor. The Go scheduler is not asked: the
// hub's goroutine is alone on its thread.
func yield() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
