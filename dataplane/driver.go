package dataplane

import (
	"slices"

	"golang.org/x/sys/unix"
)

// MaxDrivers is how many drivers a hub has at most.
const MaxDrivers = 1 << 16

// driver is a pair with a device.
type driver struct {
	Poller
	pair    *pair
	watched bool    // it says when it is to be polled
	next    *driver // on the list of those to send
	asked   bool    // it is on that list
	again   bool    // to be polled in the next pass, whatever is told of its device
}

// enlist adds a driver, which may be nil, to those of the hub.
func (h *Hub) enlist(d *driver) {
	if d != nil {
		h.drivers = append(h.drivers, d)
		if !d.watched {
			h.always = append(h.always, d)
		}
	}
}

func (h *Hub) delist(d *driver) {
	if d == nil {
		return
	}
	is := func(o *driver) bool { return o == d }
	h.drivers, h.always = slices.DeleteFunc(h.drivers, is), slices.DeleteFunc(h.always, is)
	h.again = slices.DeleteFunc(h.again, is)
	d.again = false
	for at := &h.sends; *at != nil; at = &(*at).next {
		if *at == d {
			*at, d.next, d.asked = d.next, nil, false
			break
		}
	}
}

// pollDrivers polls every driver that is ready: those that a word in memory tells of, and
// those whose descriptors the kernel tells of, all in one call.
func (h *Hub) pollDrivers() (work int) {
	again := h.again
	h.again = h.before[:0]
	for _, d := range again {
		if d.again { // else it has gone meanwhile
			d.again = false
			work += h.poll(d)
		}
	}
	h.before = again[:0]
	for i := 0; i < len(h.always); i++ {
		work += h.poll(h.always[i])
	}
	for i := 0; i < len(h.memory); i++ { // it may shrink meanwhile
		if w := h.memory[i]; w.ready() {
			work += h.poll(w.driver)
		}
	}
	if h.sleeper.watched > 0 {
		work += h.pollEvents(h.sleeper.look())
	}
	h.counters.Messages += uint64(work)
	return work
}

// pollEvents polls the drivers whose descriptors are ready.
func (h *Hub) pollEvents(events []unix.EpollEvent) (work int) {
	for _, e := range events {
		w := h.sleeper.watch(&e)
		if w == nil {
			continue // given up by what an earlier one did
		}
		if e.Events&unix.EPOLLOUT != 0 {
			h.askSend(w.driver)
		}
		if e.Events&^unix.EPOLLOUT != 0 {
			work += h.poll(w.driver)
		}
	}
	return work
}

func (h *Hub) poll(d *driver) int {
	proc := d.pair.rq.proc
	proc.busy = 1
	work := d.Poll()
	proc.busy = 0
	h.unwound()
	return work
}

// AskPoll has the driver polled in the next pass, whatever its descriptor tells: its device
// has given as much as it was asked for, and may hold more.
func (q *Queue) AskPoll() {
	if d := q.pair.driver; d != nil && !d.again {
		d.again = true
		q.hub.again = append(q.hub.again, d)
	}
}

// AskSend has the driver's Send called at the end of this pass.
func (q *Queue) AskSend() {
	if d := q.pair.driver; d != nil {
		q.hub.askSend(d)
	}
}

func (h *Hub) askSend(d *driver) {
	if !d.asked {
		d.asked = true
		d.next, h.sends = h.sends, d
	}
}

// sendAll ends the pass for the drivers that have asked for it. Those that ask again have
// their turn in the next pass.
func (h *Hub) sendAll() (work int) {
	for d := h.takeSends(); d != nil; work++ {
		next := d.next
		d.next, d.asked = nil, false
		proc := d.pair.rq.proc
		proc.busy = 1
		d.Send()
		proc.busy = 0
		h.unwound()
		d = next
	}
	return work
}

func (h *Hub) takeSends() *driver {
	d := h.sends
	h.sends = nil
	return d
}
