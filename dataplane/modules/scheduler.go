package modules

import (
	"encoding/binary"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// portBurst is how much of a port's rate may leave at once, in nanoseconds: a hub looks at the
// clock once a pass, and would lose rate without.
const portBurst = 1000 * 1000

// scheduler is what waits for a port that has less room than it is offered: by its device, by
// its own rate, or because connections are shaped. There is a queue for each connection that
// something waits of. Classes go strictly one before the other; within one, a cell each in
// turn, and in the lowest as many as their weights (deficit round robin, a cell being the unit).
type scheduler struct {
	store  cellStore
	queues []cellQueue // 0 is none
	free   uint32
	ready  [Classes]queueList
	held   []uint32 // those shaped that do not conform yet: a heap by due
	rate   aal.GCRA
	rated  bool
	lowest int // cells of the lowest class
	shaped int // legs
	timer  dataplane.Timer
	next   *port // on the carrier's list of those that wait for their device
	listed bool
}

// needScheduler makes a scheduler, once.
func (p *port) needScheduler() *scheduler {
	if p.sched == nil {
		s := &scheduler{queues: make([]cellQueue, 1)}
		s.timer.Fire = p.drain
		if p.cfg.Rate > 0 {
			if every, err := aal.PerSecond(p.cfg.Rate); err == nil {
				s.rate, err = aal.MakeGCRA(every, portBurst)
				s.rated = err == nil
			}
		}
		p.sched = s
	}
	return p.sched
}

// managed tells whether cells must pass the scheduler.
func (p *port) managed() bool {
	if p.cfg.Rate > 0 {
		p.needLegs()
	}
	return p.sched != nil && (p.sched.rated || p.sched.shaped > 0 || p.sched.store.used > 0)
}

// enqueue has a cell wait, or drops it by what is queued already. Of what the connection may
// hold, a part of what is left to all, cells are marked with EFCI from a quarter on, those with
// CLP 1 dropped from a half, and PDUs that have not begun from three quarters (TM 4.1, 5.8).
func (p *port) enqueue(h uint32, cell []byte) {
	s := p.sched
	at := p.legOf(h)
	l := &p.legs.legs[at]
	class := ClassOf(p.legs.contracts.list[l.contract].Category)
	room := MaxQueuedCells - s.store.used
	if class == ClassUBR {
		room = MaxQueuedCells*lowestShare/4 - s.lowest
	}
	limit, n := int32(room/2), int32(0)
	if l.queue != 0 {
		n = s.queues[l.queue].count
	}
	header := aal.Header(h)
	full := n >= limit
	switch {
	case l.frames:
		if !l.discard.Pass(header, n >= limit/4*3, full) {
			p.shedOf(l, &l.drops.frames, legFrames)
			return
		}
	case full:
		p.shedOf(l, &l.drops.full, legFull)
		return
	case header.CLP() && n >= limit/2:
		p.shedOf(l, &l.drops.clp1, legCLP1)
		return
	}
	if n >= limit/4 {
		h = uint32(header.WithEFCI(true))
	}
	p.append(at, h, cell, class)
}

// append puts a cell behind those of its connection.
func (p *port) append(at, h uint32, cell []byte, class Class) {
	s, l := p.sched, &p.legs.legs[at]
	node := s.store.take(h, cell)
	if node == 0 {
		p.shedOf(l, &l.drops.full, legFull)
		return
	}
	i := s.of(at, l, class)
	q := &s.queues[i]
	if class == ClassUBR {
		s.lowest++
	}
	if q.count++; q.count > 1 {
		s.store.nodes[q.tail].next, q.tail = node, node
		return
	}
	q.head, q.tail, q.deficit = node, node, int32(l.weight)
	p.place(i)
}

// of is the queue of a leg, which it takes if it has none.
func (s *scheduler) of(at uint32, l *leg, class Class) uint32 {
	if l.queue != 0 {
		return l.queue
	}
	i := s.free
	if i != 0 {
		s.free = s.queues[i].next
	} else {
		i = uint32(len(s.queues))
		s.queues = append(s.queues, cellQueue{})
	}
	s.queues[i] = cellQueue{leg: at, class: class}
	l.queue = i
	return i
}

// place puts a queue that has something to send where it will be found: among those that may
// send now, or, shaped, among those that wait for their time.
func (p *port) place(i uint32) {
	s := p.sched
	q := &s.queues[i]
	if !q.gone {
		if l := &p.legs.legs[q.leg]; l.shape {
			plan := &p.legs.contracts.list[l.contract].shape
			now := p.oamNow()
			if due := plan.Next(&l.buckets, now); due > now {
				q.due = int64(due)
				s.hold(i)
				return
			}
		}
	}
	s.ready[q.class].push(s.queues, i)
}

// drain sends what may be sent now, and sees to the time when more may.
func (p *port) drain() {
	s, now := p.sched, p.oamNow()
	s.release(int64(now))
	for class := Class(0); class < Classes; {
		switch {
		case s.ready[class].head == 0:
			class++
			continue
		case s.queues[s.ready[class].head].gone:
			i := s.ready[class].head
			s.ready[class].pop(s.queues)
			s.giveQueue(i)
			continue
		case s.rated && !s.rate.Conforms(now):
			p.wakeAt(int64(s.rate.Earliest()), int64(now))
			return
		case p.spaceFor(s.first(class)) == 0:
			p.waitForDevice()
			return
		}
		p.emit(class, now)
	}
	if len(s.held) > 0 {
		p.wakeAt(s.queues[s.held[0]].due, int64(now))
	}
}

// first is the next cell of a class that has one.
func (s *scheduler) first(class Class) []byte {
	return s.store.nodes[s.queues[s.ready[class].head].head].cell[:]
}

// emit sends the next cell of a class.
func (p *port) emit(class Class, now time.Duration) {
	s := p.sched
	i := s.ready[class].head
	q := &s.queues[i]
	l := &p.legs.legs[q.leg]
	if l.shape && !p.legs.contracts.list[l.contract].shape.Take(&l.buckets, now) {
		s.ready[class].pop(s.queues)
		p.place(i) // not yet
		return
	}
	p.join(s.store.nodes[q.head].cell[:])
	p.poured(aal.CellSize)
	if p.monitors != nil {
		p.monitored(s.store.nodes[q.head].cell[:])
	}
	if s.rated {
		s.rate.Take(now)
	}
	p.carrier.in.AskSend()
	q.head = s.store.give(q.head)
	q.count--
	q.deficit--
	if class == ClassUBR {
		s.lowest--
	}
	switch {
	case q.count == 0:
		s.ready[class].pop(s.queues)
		l.queue = 0
		s.giveQueue(i)
	case class != ClassUBR || q.deficit <= 0 || l.shape:
		q.deficit = int32(l.weight)
		s.ready[class].pop(s.queues)
		p.place(i)
	}
}

func (s *scheduler) giveQueue(i uint32) {
	s.queues[i] = cellQueue{next: s.free}
	s.free = i
}

// wakeAt has the port drained at a time, and not too often: its burst allows for that.
func (p *port) wakeAt(at, now int64) {
	if p.sched.rated {
		at = max(at, now+portBurst/4)
	}
	if !p.carrier.hub.StartTimer(&p.sched.timer, at) {
		p.waitForDevice() // no timer is to be had: look in every pass
	}
}

// waitForDevice has the port drained when its device has room again.
func (p *port) waitForDevice() {
	if d, s := p.carrier, p.sched; !s.listed {
		s.next, s.listed, d.waiting = d.waiting, true, p
	}
}

// drainAll drains the ports that wait for the device.
func (d *Carrier) drainAll() {
	p := d.waiting
	d.waiting = nil
	for p != nil {
		s := p.sched
		next := s.next
		s.next, s.listed = nil, false
		p.drain()
		p = next
	}
}

// offer takes cells of a port that is managed, or has no room.
func (p *port) offer(cells []byte) {
	p.needLegs()
	for ; len(cells) >= aal.CellSize; cells = cells[aal.CellSize:] {
		p.enqueue(binary.BigEndian.Uint32(cells), cells)
	}
	p.drain()
}

// offerList is offer for n cells of a list that begins with item i.
func (p *port) offerList(w *relay, cells []byte, i uint16, n int) {
	p.needLegs()
	for range n {
		it := &w.items[i]
		p.enqueue(it.head, cells[int(it.cell)*aal.CellSize:])
		i = it.next
	}
	p.drain()
}

// drop empties the queue of a leg that is released.
func (s *scheduler) drop(l *leg) (n uint64) {
	q := &s.queues[l.queue]
	for ; q.count > 0; q.count-- {
		q.head = s.store.give(q.head)
		n++
		if q.class == ClassUBR {
			s.lowest--
		}
	}
	q.gone = true
	return n
}

// dropAll loses what waits, with the device that it waits for.
func (p *port) dropAll() {
	s := p.sched
	if s == nil {
		return
	}
	for i := range s.queues {
		if q := &s.queues[i]; q.count > 0 {
			p.legs.legs[q.leg].queue = 0
		}
	}
	p.counts.down += uint64(s.store.used)
	s.store, s.queues, s.free = cellStore{}, s.queues[:1], 0
	s.ready, s.held, s.lowest = [Classes]queueList{}, s.held[:0], 0
	p.carrier.hub.StopTimer(&s.timer)
}
