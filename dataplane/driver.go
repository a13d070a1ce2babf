package dataplane

import "golang.org/x/sys/unix"

// MaxDrivers is how many drivers a hub has at most.
const MaxDrivers = 1 << 16

// driver is a pair with a device.
type driver struct {
	Poller
	pair    *pair
	watched bool   // it says when it is to be polled
	always  int    // its place, counted from 1, among those polled every pass; 0: none
	wishes  [2]int // its places, counted from 1, on the hub's lists again and sends
}

// enlist adds a driver, which may be nil, to those of the hub.
func (h *Hub) enlist(d *driver) {
	if d != nil {
		h.drivers++
		if !d.watched {
			h.always = append(h.always, d)
			d.always = len(h.always)
		}
	}
}

func (h *Hub) delist(d *driver) {
	if d == nil {
		return
	}
	h.drivers--
	h.pollNoMore(d)
	h.again.drop(d)
	h.sends.drop(d)
}

// pollNoMore takes a driver from those polled every pass; the last gets its place.
func (h *Hub) pollNoMore(d *driver) {
	if d.always == 0 {
		return
	}
	last := len(h.always) - 1
	moved := h.always[last]
	h.always[d.always-1], moved.always = moved, d.always
	h.always[last] = nil
	h.always, d.always = h.always[:last], 0
}

// wishes are drivers that have asked for something, in order.
type wishes struct {
	which   int       // of a driver's places is here
	drivers []*driver // nil: it has gone meanwhile
}

func (l *wishes) add(d *driver) {
	if d.wishes[l.which] == 0 {
		l.drivers = append(l.drivers, d)
		d.wishes[l.which] = len(l.drivers)
	}
}

func (l *wishes) drop(d *driver) {
	if at := d.wishes[l.which]; at > 0 {
		l.drivers[at-1], d.wishes[l.which] = nil, 0
	}
}

// each does it for those that have asked by now. Those that ask again have their turn the next time.
func (l *wishes) each(do func(*driver)) {
	n := len(l.drivers)
	for i := range n {
		if d := l.drivers[i]; d != nil {
			l.drop(d)
			do(d)
		}
	}
	rest := copy(l.drivers, l.drivers[n:])
	clear(l.drivers[rest:])
	l.drivers = l.drivers[:rest]
	for i, d := range l.drivers {
		if d != nil {
			d.wishes[l.which] = i + 1
		}
	}
}

// pollDrivers polls every driver that is ready: those that a word in memory tells of, and
// those whose descriptors the kernel tells of, all in one call.
func (h *Hub) pollDrivers() (work int) {
	if len(h.again.drivers) > 0 {
		h.again.each(func(d *driver) { work += h.poll(d) })
	}
	for i := len(h.always) - 1; i >= 0; i-- { // from the end: who goes meanwhile leaves its place to one that was polled
		if i < len(h.always) {
			work += h.poll(h.always[i])
		}
	}
	for i := len(h.memory) - 1; i >= 0; i-- {
		if i >= len(h.memory) || !h.memory[i].ready() {
			continue
		}
		w := h.memory[i]
		if work += h.poll(w.driver); h.pace.Grows {
			w.hush()
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
	if d := q.pair.driver; d != nil {
		q.hub.again.add(d)
	}
}

// AskSend has the driver's Send called at the end of this pass.
func (q *Queue) AskSend() {
	if d := q.pair.driver; d != nil {
		q.hub.askSend(d)
	}
}

func (h *Hub) askSend(d *driver) { h.sends.add(d) }

// sendAll ends the pass for the drivers that have asked for it. Those that ask again have
// their turn in the next pass.
func (h *Hub) sendAll() (work int) {
	h.sends.each(func(d *driver) {
		proc := d.pair.rq.proc
		proc.busy = 1
		d.Send()
		proc.busy = 0
		h.unwound()
		work++
	})
	return work
}
