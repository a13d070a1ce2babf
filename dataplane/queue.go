package dataplane

import (
	"math"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/links"
)

// Default water marks of a queue, in octets, as SVR4 has them for modules that do
// not say otherwise.
const (
	DefaultHiWat = 64 << 10
	DefaultLoWat = 16 << 10
)

// msgCost is what a message without data counts for against the water marks, so
// that a queue of empty messages fills up too.
const msgCost = msgBytes

// BlockCost is what a message with a block counts for against the water marks at
// least, in octets: however short, it keeps a whole block from everybody else.
const BlockCost = 512

// QueueShare bounds a queue: one in so many of the small blocks that are still available
// is what it may hold, at BlockCost octets each, before it counts as full, whatever its
// own mark. The more queues are stopped the less each has, and some memory is always left
// to those that move (Choudhury and Hahne, Dynamic queue length thresholds, 1998). One
// message it takes always.
const QueueShare = 8

// cost is what a message counts for, in octets.
func (m *Msg) cost() int {
	if m.Block == 0 {
		return msgCost + int(m.Len)
	}
	return msgCost + max(int(m.Len), BlockCost)
}

type queueFlags uint16

const (
	qReader   queueFlags = 1 << iota // the read side of its pair
	qEnabled                         // on the list of queues to run
	qNoEnable                        // a first message does not schedule service
	qWantR                           // getq found it empty: the next message schedules service
	qFull                            // over the high mark or its share, until the low mark
	qClosed                          // out of its stream
	qForRoom                         // it waits for room in a ring to another hub
)

// Queue is one direction of a queue pair. Put is called for every message that
// arrives; service runs later, if the module has one, for those it queued. All its
// methods belong to the hub's goroutine.
//
// It is one cache line, which is all that a putnext reads of a queue that nothing waits in.
// Each has a piece of memory to itself: lines that stand behind one another use all sets of
// a cache, whereas the same line of larger pieces uses some of them over and over.
type Queue struct {
	put   func(*Queue, Msg)
	proc  *process
	next  *Queue // where PutNext puts
	ahead *Queue // next, or the first queue after it that has service: whom CanPutNext asks
	*rest
	count   int // octets and costs of the messages of band 0
	waiting list
	flags   queueFlags
	own     process // proc, unless a multiplexor's pairs share another's
}

// rest is what a queue is asked less often.
type rest struct {
	hub      *Hub
	mate     *Queue
	pair     *pair
	service  func(*Queue)
	hi, lo   int32
	msgs     int32      // queued, at most MaxQueued
	bands    *[]band    // nil: none but band 0 was used
	refused  links.List // who found this queue full and waits for its low mark
	waits    int32      // full queues that this one waits for …
	waitsIn  uint8      // … the latest of them, and the band
	turnIn   uint8      // its turn at one of them that has room again, and the band
	waitsFor *Queue
	turn     *Queue
	runNext  *Queue // behind this one on the list of queues to run
}

// band is one priority band's share of a queue: its messages count against marks
// of its own.
type band struct {
	number uint8
	full   bool
	count  int
	hi, lo int32
}

// ID is the number of the queue's pair.
func (q *Queue) ID() ProcID { return q.pair.id }

// Ptr is the Module.Ptr of the queue's module; nil when it has none.
func (q *Queue) Ptr() any { return q.pair.module.extra.ptr }

// Hub is the executive the queue belongs to.
func (q *Queue) Hub() *Hub { return q.hub }

// Mate is the other direction of the pair.
func (q *Queue) Mate() *Queue { return q.mate }

// Reader reports whether this is the read side, whose messages go up.
func (q *Queue) Reader() bool { return q.flags&qReader != 0 }

// Len is the number of messages queued.
func (q *Queue) Len() int { return int(q.msgs) }

// Empty reports whether nothing is queued.
func (q *Queue) Empty() bool { return q.waiting.First == 0 }

// SetMarks sets the water marks, in octets: hi at least 1 and below 2^31, lo from 0 to
// below hi, or what comes nearest.
func (q *Queue) SetMarks(hi, lo int) { q.hi, q.lo = saneMarks(hi, lo) }

// saneMarks keeps a queue from being full for ever, or never.
func saneMarks(hi, lo int) (int32, int32) {
	hi = min(max(hi, 1), math.MaxInt32)
	return int32(hi), int32(max(min(lo, hi-1), 0))
}

// PutNext hands a message to the neighbour's put: a direct call. A neighbour that
// is already on the call stack is not re-entered; its message waits in the hub's
// own ring until the stack has unwound. Without a neighbour the message is freed
// and counted.
func (q *Queue) PutNext(m Msg) { q.hand(q.next, m) }

// deliver is a put from nowhere: from outside, or out of a queue.
func (q *Queue) deliver(m Msg) { q.hand(q, m) }

// hand runs t's put, unless its process is busy or has messages waiting already. q is a queue
// of the same hub.
func (q *Queue) hand(t *Queue, m Msg) {
	if t == nil {
		q.hub.dropUnlinked(m)
		return
	}
	p := t.proc
	if p.busy|p.deferred != 0 {
		t.hub.deferPut(t, m)
		return
	}
	p.busy = 1
	if debug {
		t.hub.debugPut(t, m)
	} else {
		t.put(t, m)
	}
	p.busy = 0
}

// Enter runs fn as the queue's process: what is put to the process meanwhile waits
// until fn has returned. Whoever puts from outside put and service, from a timer or a
// BufCall, enters first, or its own put may find it half way.
func (q *Queue) Enter(fn func()) {
	was := q.proc.busy
	q.proc.busy = 1
	fn()
	q.proc.busy = was
}

// Nak refuses an ioctl with an errno: the message goes back to the head as IocNak.
func (q *Queue) Nak(m Msg, errno syscall.Errno) {
	m.Type, m.Info = IocNak, uint32(errno)
	q.Reply(m)
}

// Reply sends a message back the way it came; qreply.
func (q *Queue) Reply(m Msg) { q.mate.PutNext(m) }

// CanPutNext reports whether the next queue with service has room for ordinary
// messages. When it has not, this queue's service is scheduled as soon as it has.
func (q *Queue) CanPutNext() bool { return q.CanPutNextFor(q, 0) }

// CanPutNextBand is CanPutNext for a priority band.
func (q *Queue) CanPutNextBand(number uint8) bool { return q.CanPutNextFor(q, number) }

// CanPutNextFor is CanPutNextBand on behalf of another queue of the module, whose
// service is then the one to be scheduled: a multiplexor asks one of its lower
// queues for one of its upper ones.
func (q *Queue) CanPutNextFor(caller *Queue, number uint8) bool {
	t := q.ahead
	if t == nil || !t.fullFor(number) {
		return true
	}
	q.hub.refuse(t, caller, number)
	return false
}

// fullFor is kept small for the common case: an empty queue is never full.
func (q *Queue) fullFor(number uint8) bool {
	return (q.count != 0 || number != 0) && q.holdsTooMuch(number)
}

// holdsTooMuch has a band that holds more than the queue's share be full from now on,
// until its low mark: memory that others have taken tells nobody when it comes back.
func (q *Queue) holdsTooMuch(number uint8) bool {
	if number == 0 {
		if q.count > q.share() {
			q.flags |= qFull
		}
		return q.flags&qFull != 0
	}
	b := q.findBand(number)
	if b == nil {
		return false
	}
	b.full = b.full || b.count > q.share()
	return b.full
}

// share is how many octets the queue may hold now.
func (q *Queue) share() int { return q.hub.Pool.Available(1) * BlockCost / QueueShare }

// Forward is what put does with a message when it has nothing to add: pass it on if
// nothing waits and the neighbour has room, else queue it. High-priority messages
// pass all others, and a flush empties the pair on its way.
func (q *Queue) Forward(m Msg) {
	if q.waiting.First == 0 && !m.Type.HighPriority() && q.CanPutNextFor(q, m.Band) {
		q.PutNext(m) // the common case
		return
	}
	q.ForwardTo(q, m)
}

// ForwardTo is Forward by way of another queue of the module: a multiplexor puts down one
// of its lower queues what has come to one of its upper ones.
func (q *Queue) ForwardTo(way *Queue, m Msg) {
	if m.Type == Flush {
		q.FlushPair(m)
	}
	if q.passes(&m) && (m.Type.HighPriority() || way.CanPutNextFor(q, m.Band)) {
		way.PutNext(m)
		return
	}
	q.PutQ(m)
}

// passes tells whether nothing is queued that a message would overtake.
func (q *Queue) passes(m *Msg) bool {
	return q.waiting.First == 0 || m.Type.HighPriority() && !q.highWaits()
}

// Drain is the service of a queue that only passes on: while the neighbour has room.
func (q *Queue) Drain() { q.DrainTo(func(*Msg) *Queue { return q }) }

// DrainTo is Drain by way of another queue of the module, which way finds for each
// message.
func (q *Queue) DrainTo(way func(*Msg) *Queue) {
	for q.waiting.First != 0 {
		m := &q.hub.nodes.At(q.waiting.First).Value
		w := way(m)
		if !m.Type.HighPriority() && !w.CanPutNextFor(q, m.Band) {
			return
		}
		taken, _ := q.GetQ()
		w.PutNext(taken)
	}
	q.flags |= qWantR
}

// highWaits tells whether a high-priority message is queued.
func (q *Queue) highWaits() bool {
	return q.waiting.First != 0 && q.hub.nodes.At(q.waiting.First).Value.Type.HighPriority()
}

// PutQ queues a message behind those of its precedence: high priority first, then
// by falling band. The first message of an idle queue schedules its service, the
// later ones do not. A borrowed block is copied. When there is no memory the
// message is freed and counted.
func (q *Queue) PutQ(m Msg) {
	if q.insert(&m, false) {
		q.schedule(&m)
	}
}

// PutBQ puts a message back at the head of those of its precedence: service took
// it and could not pass it on. It does not schedule service, or a service that
// puts back what it cannot send would run for ever. A high-priority message is
// never put back by service; it would be.
func (q *Queue) PutBQ(m Msg) {
	if q.insert(&m, true) && m.Type.HighPriority() {
		q.schedule(&m)
	}
}

// schedule enables the queue for a message just queued: by SVR4's rule, but a service
// that has run and taken nothing is not run again for the next message.
func (q *Queue) schedule(m *Msg) {
	switch {
	case m.Type.HighPriority():
		q.Enable()
	case q.flags&qNoEnable != 0:
	case m.Band > 0 || q.flags&qWantR != 0:
		q.flags &^= qWantR
		q.Enable()
	}
}

// GetQ takes the first message; false when there is none, and from then on the
// next to arrive schedules service. The fall to the low mark re-enables those who
// were refused.
func (q *Queue) GetQ() (Msg, bool) {
	n := q.waiting.First
	if n == 0 {
		q.flags |= qWantR
		return Msg{}, false
	}
	q.flags &^= qWantR
	return *q.remove(0, n), true
}

// NoEnable stops first messages from scheduling service; high-priority ones still do.
func (q *Queue) NoEnable() { q.flags |= qNoEnable }

// EnableOK lets first messages schedule service again.
func (q *Queue) EnableOK() { q.flags &^= qNoEnable }

// Enable schedules service, once, for this pass or the next; qenable.
func (q *Queue) Enable() {
	if q.service == nil || q.flags&(qEnabled|qClosed) != 0 {
		return
	}
	q.flags |= qEnabled
	q.hub.run.push(q)
}

// FlushQ frees all ordinary messages, or with all also the control ones; flushq.
func (q *Queue) FlushQ(all bool) { q.flushIf(func(m *Msg) bool { return all || m.Type.isData() }) }

// FlushBand frees the ordinary messages of one band; flushband.
func (q *Queue) FlushBand(number uint8) {
	q.flushIf(func(m *Msg) bool { return !m.Type.HighPriority() && m.Type.isData() && m.Band == number })
}

// FlushPair does what a Flush message says to the pair it passes. Forward and
// TurnFlush do it by themselves; a module's own put does it.
func (q *Queue) FlushPair(m Msg) {
	read, write := q, q.mate
	if !q.Reader() {
		read, write = write, read
	}
	if m.Info&FlushRead != 0 {
		read.flushFor(m)
	}
	if m.Info&FlushWrite != 0 {
		write.flushFor(m)
	}
}

func (q *Queue) flushFor(m Msg) {
	if m.Info&FlushBand != 0 {
		q.FlushBand(m.Band)
		return
	}
	q.FlushQ(false)
}

// TurnFlush is what the end of a stream does with a Flush message, by SVR4's rule: a
// driver empties its pair as the message says and sends it back up for the read
// side, a stream head sends it back down for the write side, and what has come round
// is freed. q is the queue that the message arrived at.
func (q *Queue) TurnFlush(m Msg) {
	q.FlushPair(m)
	mine, other := FlushWrite, FlushRead
	if q.Reader() {
		mine, other = FlushRead, FlushWrite
	}
	m.Info &^= mine
	if m.Info&other != 0 {
		q.Reply(m)
		return
	}
	q.hub.Free(m)
}

// isData tells what a flush takes by default: FLUSHDATA.
func (t Type) isData() bool { return t == Data || t == Proto || t == PCProto }

func (q *Queue) flushIf(match func(*Msg) bool) {
	before := nodeID(0)
	for n := q.waiting.First; n != 0; {
		node := q.hub.nodes.At(n)
		next := node.Next
		if !match(&node.Value) {
			before, n = n, next
			continue
		}
		q.hub.counters.Flushed++
		q.hub.Free(*q.remove(before, n))
		n = next
	}
}

// insert queues a message, at the head or the tail of its equals.
func (q *Queue) insert(m *Msg, head bool) bool {
	h := q.hub
	if !h.own(m) {
		h.counters.NoBlocks++
		return false
	}
	if !q.waiting.insert(&h.nodes, m, head) {
		h.counters.NoNodes++
		h.Free(*m)
		return false
	}
	q.msgs++
	q.account(m, +1)
	if debug {
		h.noteQueued(m)
	}
	return true
}

// remove takes node n, which stands behind before, and accounts for it.
func (q *Queue) remove(before, n nodeID) *Msg {
	m := q.waiting.remove(&q.hub.nodes, before, n)
	q.msgs--
	q.account(m, -1)
	if debug {
		q.hub.noteTaken(m)
	}
	return m
}

// account adds a message to the counts or takes it off, and keeps the full marks.
// High-priority messages are outside flow control.
func (q *Queue) account(m *Msg, sign int) {
	if m.Type.HighPriority() {
		return
	}
	cost := sign * m.cost()
	if m.Band == 0 {
		q.count += cost
		if q.full(q.flags&qFull != 0, q.count, q.hi, q.lo) {
			q.flags |= qFull
		} else if q.flags&qFull != 0 {
			q.flags &^= qFull
			q.hub.fell(q, 0)
		}
		return
	}
	b := q.bandFor(m.Band)
	b.count += cost
	was := b.full
	if b.full = q.full(was, b.count, b.hi, b.lo); was && !b.full {
		q.hub.fell(q, m.Band)
	}
}

// full is the hysteresis of flow control. A quarter of a small share stands in for the low
// mark; what is empty is never full.
func (q *Queue) full(was bool, count int, hi, lo int32) bool {
	if was {
		return count > min(int(lo), q.share()/4)
	}
	return count >= int(hi)
}

func (q *Queue) findBand(number uint8) *band {
	if q.bands == nil {
		return nil
	}
	for i := range *q.bands {
		if b := &(*q.bands)[i]; b.number == number {
			return b
		}
	}
	return nil
}

// bandFor finds a band's record or makes it, at most 255 to a queue.
func (q *Queue) bandFor(number uint8) *band {
	if b := q.findBand(number); b != nil {
		return b
	}
	if q.bands == nil {
		q.bands = new([]band)
	}
	*q.bands = append(*q.bands, band{number: number, hi: q.hi, lo: q.lo})
	return &(*q.bands)[len(*q.bands)-1]
}

// SetBandMarks sets a band's water marks, in octets.
func (q *Queue) SetBandMarks(number uint8, hi, lo int) {
	if number == 0 {
		q.SetMarks(hi, lo)
		return
	}
	b := q.bandFor(number)
	b.hi, b.lo = saneMarks(hi, lo)
}

// Full reports whether the queue is over its high mark or its share of the memory:
// whether CanPutNext would refuse whoever puts to it.
func (q *Queue) Full() bool { return q.fullFor(0) }
