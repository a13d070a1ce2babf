package dataplane

import "golang.org/x/sys/unix"

// MaxDrivers is how many drivers a hub has at most.
const MaxDrivers = 1 << 16

// driver is a pair with a device.
type driver struct {
	Poller
	pair    *pair
	watched bool // it says when it is to be polled
	always  int  // its place, counted from 1, among those polled every pass; 0: none
	again   wish // to be polled in the next pass, whatever is told of its device
	send    wish // to be asked to send at the end of the pass
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
	h.again.drop(&d.again)
	h.sends.drop(&d.send)
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

// wish is a driver's place on a list of those that have asked for something.
type wish struct {
	driver        *driver // nil: it is not on the list
	before, after *wish
}

// wishes are those that have asked, in order.
type wishes struct {
	first, last *wish
	n           int
}

func (l *wishes) add(d *driver, w *wish) {
	if w.driver != nil {
		return
	}
	w.driver, w.before = d, l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.after = w
	}
	l.last = w
	l.n++
}

func (l *wishes) drop(w *wish) {
	if w.driver == nil {
		return
	}
	if w.before == nil {
		l.first = w.after
	} else {
		w.before.after = w.after
	}
	if w.after == nil {
		l.last = w.before
	} else {
		w.after.before = w.before
	}
	*w = wish{}
	l.n--
}

func (l *wishes) take() (d *driver) {
	if l.first != nil {
		d = l.first.driver
		l.drop(l.first)
	}
	return d
}

// pollDrivers polls every driver that is ready: those that a word in memory tells of, and
// those whose descriptors the kernel tells of, all in one call.
func (h *Hub) pollDrivers() (work int) {
	for n := h.again.n; n > 0; n-- { // those that ask again have their turn in the next pass
		if d := h.again.take(); d != nil {
			work += h.poll(d)
		}
	}
	for i := len(h.always) - 1; i >= 0; i-- { // from the end: who goes meanwhile leaves its place to one that was polled
		if i < len(h.always) {
			work += h.poll(h.always[i])
		}
	}
	for i := len(h.memory) - 1; i >= 0; i-- {
		if i < len(h.memory) && h.memory[i].ready() {
			work += h.poll(h.memory[i].driver)
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
		q.hub.again.add(d, &d.again)
	}
}

// AskSend has the driver's Send called at the end of this pass.
func (q *Queue) AskSend() {
	if d := q.pair.driver; d != nil {
		q.hub.askSend(d)
	}
}

func (h *Hub) askSend(d *driver) { h.sends.add(d, &d.send) }

// sendAll ends the pass for the drivers that have asked for it. Those that ask again have
// their turn in the next pass.
func (h *Hub) sendAll() (work int) {
	for n := h.sends.n; n > 0; n-- {
		d := h.sends.take()
		if d == nil {
			break
		}
		proc := d.pair.rq.proc
		proc.busy = 1
		d.Send()
		proc.busy = 0
		h.unwound()
		work++
	}
	return work
}
