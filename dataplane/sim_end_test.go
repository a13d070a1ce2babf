package dataplane

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/block"
)

// source makes the messages of an end: a flow of each class.
type source struct{ flows [classes]uint32 }

func (w *world) newSource() (s source) {
	for class := range s.flows {
		s.flows[class] = uint32(len(w.flows))
		w.flows = append(w.flows, flow{class: class})
	}
	return s
}

// number is the identity of the next message of a class; it is used up by sent.
func (w *world) number(s *source, class int) uint64 {
	f := s.flows[class]
	return uint64(f)<<32 | uint64(w.flows[f].next)
}

func (w *world) sent(s *source, class int) {
	w.flows[s.flows[class]].next++
	w.made++
}

// pattern is octet i of a message's data: its identity, and then what follows from it.
func pattern(conn uint64, i int) byte {
	if i < 8 {
		return byte(conn >> (56 - 8*i))
	}
	return byte(conn*131) + byte(i*7)
}

func fill(p []byte, conn uint64, from int) {
	for i := range p {
		p[i] = pattern(conn, from+i)
	}
}

// identity is a message's, or what its data says of one that a head has sent.
func (w *world) identity(h *Hub, m Msg) uint64 {
	if m.Conn != 0 {
		return m.Conn - 1
	}
	var id uint64
	n := 0
	for b := m.Block; b != 0 && n < 8; b = h.Pool.Next(b) {
		for _, o := range h.Pool.Bytes(b) {
			if n++; n > 8 {
				break
			}
			id = id<<8 | uint64(o)
		}
	}
	if n < 8 || id>>32 >= uint64(len(w.flows)) {
		w.fail("a message without identity arrived: %+v", m)
		return 0
	}
	return id
}

// receiver checks what arrives at one place: each flow in order, each message once,
// with the data that it was sent with.
type receiver struct{ last []uint64 }

func (w *world) receive(r *receiver, h *Hub, m Msg) {
	w.taken++
	defer h.Free(m)
	id := w.identity(h, m)
	f := int(id >> 32)
	if w.fault != nil || f >= len(w.flows) {
		w.fail("a message of no flow arrived: %+v", m)
		return
	}
	class := classData
	if m.Type == PCProto {
		class = classHigh
	} else if m.Band != 0 {
		class = classBand
	}
	if class != w.flows[f].class {
		w.fail("a message of class %d arrived as class %d: %+v", w.flows[f].class, class, m)
	}
	for len(r.last) <= f {
		r.last = append(r.last, 0)
	}
	if at := (id&0xFFFFFFFF)<<16 + uint64(m.Info) + 1; at <= r.last[f] && !w.flows[f].loose {
		w.fail("flow %d: message %d, from octet %d, arrived after %d", f, uint32(id), m.Info, (r.last[f]-1)>>16)
	} else {
		r.last[f] = at
	}
	at := int(m.Info)
	for b := m.Block; b != 0; b = h.Pool.Next(b) {
		for _, o := range h.Pool.Bytes(b) {
			if o != pattern(id, at) {
				w.fail("flow %d: message %d has other data at octet %d", f, uint32(id), at)
				return
			}
			at++
		}
	}
	if at-int(m.Info) != int(m.Len) {
		w.fail("flow %d: message %d has %d octets and says %d", f, uint32(id), at-int(m.Info), m.Len)
	}
}

// simEnd is a driver at either end of a stream: an in-memory device that sends bursts,
// and takes so many messages a pass, unless it stalls.
type simEnd struct {
	w       *world
	hub     *Hub
	id      ProcID
	top     bool
	in, out *Queue
	src     source
	recv    receiver
	rate    int
	room    int // messages that the device still takes in this pass
	most    int
	stalled bool
	loop    bool       // what comes down goes up again
	tx      []block.ID // kept until Flush
	loan    block.ID
	slot    []byte
	driver  ioctlDriver
	conn    uint64 // of the ioctl under way
}

func (w *world) openEnd(top bool) ProcID {
	h := w.hubs[w.rng.IntN(len(w.hubs))]
	e := &simEnd{w: w, hub: h, top: top, src: w.newSource(), rate: w.rng.IntN(5), most: 1 + w.rng.IntN(6), slot: make([]byte, 64)}
	e.room, e.driver.piece = e.most, 50+w.rng.IntN(300)
	e.loop = !top && w.chance(25)
	m := Module{Name: "device", HiWat: 200 + w.rng.IntN(3000), Open: func(q *Queue) error {
		e.in, e.out = q, q.Mate()
		if !top {
			e.in, e.out = e.out, e.in
		}
		return nil
	}, Close: func(*Queue) { e.close() }, Leave: func() error { e.putAside(); return nil }, Arrive: func(q *Queue) {
		e.hub = q.Hub()
		e.loan = e.hub.Pool.Loan()
	}}
	m.LoWat, m.Poller = w.rng.IntN(m.HiWat), e
	again := func(*Queue) {} // the next poll asks again
	if top {
		m.ReadPut, m.ReadService, m.WriteService = e.put, e.service, again
	} else {
		m.WritePut, m.WriteService, m.ReadService = e.put, e.service, again
	}
	var err error
	e.id, err = h.Add(m)
	w.must(err)
	e.loan = h.Pool.Loan()
	w.ends = append(w.ends, e)
	return e.id
}

// putAside frees what belongs to its hub alone.
func (e *simEnd) putAside() {
	for _, b := range e.tx {
		e.hub.Pool.Free(b)
	}
	e.tx = nil
	if e.loan != 0 {
		e.hub.Pool.Reclaim(e.loan)
		e.loan = 0
	}
}

func (e *simEnd) close() {
	e.putAside()
	e.w.ends = slices.DeleteFunc(e.w.ends, func(o *simEnd) bool { return o == e })
}

func (e *simEnd) stall(yes bool) {
	if e.stalled = yes; !yes {
		e.in.Enable()
	}
}

// Poll is the device's receive side.
func (e *simEnd) Poll() (n int) {
	if e.w.quiet || !e.w.mayMake() {
		return 0
	}
	for range e.w.rng.IntN(e.rate + 1) {
		class := e.w.rng.IntN(classes)
		if class != classHigh && !e.out.CanPutNextBand(bandOf(class)) {
			e.w.cover.hit("source refused")
			continue
		}
		if m, ok := e.make(class); ok {
			n++
			e.out.PutNext(m)
			clear(e.slot) // what was borrowed is gone
		}
	}
	return n
}

// mayMake keeps calm worlds from filling up with high-priority messages, which no flow
// control stops, to where something must be lost.
func (w *world) mayMake() bool {
	for _, h := range w.hubs {
		if w.calm && h.Pool.Available(1) < 1000 {
			return false
		}
	}
	return true
}

func bandOf(class int) uint8 {
	if class == classBand {
		return simBand
	}
	return 0
}

// make takes a message from the device: in a block or two, borrowed, over foreign
// memory, or without data; false when there is no block.
func (e *simEnd) make(class int) (Msg, bool) {
	w, h := e.w, e.hub
	id := w.number(&e.src, class)
	m := Msg{Type: Data, Conn: id + 1, Band: bandOf(class)}
	if class == classHigh {
		m.Type = PCProto
	} else if w.chance(30) {
		m.Type = Proto
	}
	n := 8 + w.rng.IntN(60)
	if w.chance(10) {
		n += w.rng.IntN(block.SmallBytes - block.Headroom - n)
	}
	switch form := w.rng.IntN(10); {
	case form == 0:
		n = 0
	case form == 1:
		w.cover.hit("external block")
		mem := make([]byte, n)
		fill(mem, id, 0)
		if m.Block = h.Pool.External(mem, func() { w.externals-- }); m.Block != 0 {
			w.externals++
		}
	case form < 4 && n <= len(e.slot) && e.loan != 0:
		w.cover.hit("borrowed block")
		fill(e.slot[:n], id, 0)
		h.Pool.Lend(e.loan, e.slot[:n])
		m.Block = e.loan
	default:
		if m.Block = h.Pool.Alloc(1); m.Block != 0 {
			fill(h.Pool.Extend(m.Block, n), id, 0)
		}
	}
	if n > 0 && m.Block == 0 {
		w.cover.hit("blocks exhausted")
		return m, false
	}
	m.Len = uint32(n)
	w.sent(&e.src, class)
	return m, true
}

// Send is the device's transmit side: what was kept is sent, and there is room again.
func (e *simEnd) Send() {
	for _, b := range e.tx {
		e.hub.Pool.Free(b)
	}
	e.tx = e.tx[:0]
	e.room = e.most
	if !e.stalled && !e.in.Empty() {
		e.in.Enable()
	}
}

func (e *simEnd) put(q *Queue, m Msg) {
	e.w.arrives(q, &m)
	defer e.w.inside(q)()
	switch m.Type {
	case Flush:
		e.w.turn(q, m)
	case Ioctl, IocData:
		e.control(q, m)
	case Data, Proto, PCProto:
		if e.stalled || e.room == 0 || !q.Empty() || e.loop && !e.mayLoop(m) {
			q.PutQ(m)
			return
		}
		e.take(m)
	default:
		e.w.taken++
		e.hub.Free(m)
	}
}

func (e *simEnd) service(q *Queue) {
	defer e.w.inside(q)()
	for !e.stalled && e.room > 0 {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		if e.loop && !e.mayLoop(m) {
			q.PutBQ(m)
			return
		}
		e.take(m)
	}
}

// mayLoop tells whether there is room above for what came down.
func (e *simEnd) mayLoop(m Msg) bool {
	return m.Type.HighPriority() || e.out.CanPutNextFor(e.in, m.Band)
}

// take sends a message; its block is kept until the device has it.
func (e *simEnd) take(m Msg) {
	e.room--
	e.in.AskSend()
	if e.loop {
		e.w.cover.hit("loop")
		e.out.PutNext(m)
		return
	}
	if m.Block != 0 && !borrowed(e.hub.Pool, m.Block) && e.hub.Pool.Next(m.Block) == 0 {
		if d := e.hub.Pool.Dup(m.Block); d != 0 {
			e.tx = append(e.tx, d)
		}
	}
	e.w.receive(&e.recv, e.hub, m)
}

// control answers an ioctl; without blocks it does not, and the head gives up.
func (e *simEnd) control(q *Queue, m Msg) {
	e.w.taken++
	e.driver.deaf = free(e.hub) < 3
	if m.Type == Ioctl {
		e.conn = m.Conn
	} else if m.Conn != e.conn {
		e.hub.Free(m) // of an ioctl that was given up
		return
	}
	if !e.driver.deaf || m.Type == IocData && m.Info != 0 {
		e.w.made++
	}
	e.driver.put(q, m)
}

// turn does what an end does with a flush, and keeps the books.
func (w *world) turn(q *Queue, m Msg) {
	other := FlushRead
	if q.Reader() {
		other = FlushWrite
	}
	if m.Info&other == 0 {
		w.taken++
	} else {
		w.cover.hit("flush turned")
	}
	q.TurnFlush(m)
}

// flush, hangup and error start at an end.
func (e *simEnd) send(m Msg) {
	e.w.made++
	e.out.PutNext(m)
}

// simHead is an application at a stream head.
type simHead struct {
	w       *world
	hub     *Hub
	id      ProcID
	head    SimHead
	over    bool   // a hangup or an error has come
	dying   bool   // an error has
	ioctls  uint64 // that were begun
	src     source
	recv    receiver
	lazy    int // percent of steps in which it does not read
	arg     []byte
	pending bool // an ioctl is under way
}

func (w *world) openHead() ProcID {
	s := &simHead{w: w, hub: w.hubs[w.rng.IntN(len(w.hubs))], src: w.newSource(), lazy: w.rng.IntN(80)}
	var err error
	s.head = NewSimHead()
	s.id, err = s.hub.Add(s.head.Module())
	w.must(err)
	rq, _, err := s.hub.Queues(s.id)
	w.must(err)
	rq.SetMarks(200+w.rng.IntN(2000), 100)
	put := rq.put
	rq.put = func(q *Queue, m Msg) { s.arrives(q, &m); put(q, m) }
	w.heads = append(w.heads, s)
	return s.id
}

// arrives keeps the books for what the head takes by itself.
func (s *simHead) arrives(q *Queue, m *Msg) {
	s.w.arrives(q, m)
	switch m.Type {
	case Data, Proto, PCProto:
		if s.dying {
			s.w.taken++ // nobody reads it, and the head counts it
		}
	case Flush:
		if m.Info&FlushWrite == 0 {
			s.w.taken++
		} else {
			s.w.cover.hit("flush turned")
		}
	case CopyIn, CopyOut:
		s.w.taken++
		if !s.pending || m.Conn != uint64(s.id)<<32+s.ioctls {
			s.w.unknown++
		} else if s.pending && m.Conn == uint64(s.id)<<32+s.ioctls {
			s.w.cover.hit(map[Type]string{CopyIn: "copyin", CopyOut: "copyout"}[m.Type])
			s.w.made++
		}
	case Hangup, Error:
		s.w.taken++
		s.over = true
		s.dying = s.dying || m.Type == Error
	default:
		s.w.taken++
		if m.Type != IocAck && m.Type != IocNak || !s.pending || m.Conn != uint64(s.id)<<32+s.ioctls {
			s.w.unknown++ // the hub counts it too
		}
	}
}

// act is what the application does in a step.
func (s *simHead) act() {
	if !s.w.chance(s.lazy) {
		s.read(1 + s.w.rng.IntN(8))
	}
	for range s.w.rng.IntN(4) {
		if !s.w.mayMake() {
			break
		}
		s.write(s.w.rng.IntN(classes))
	}
	if s.w.chance(8) && !s.pending {
		s.control()
	}
}

// read takes up to n messages.
func (s *simHead) read(n int) (got int) {
	for ; got < n; got++ {
		m, err := s.head.GetMsg()
		if err != nil {
			if !errors.Is(err, SimWouldBlock) && !s.over {
				s.w.fail("read: %v", err)
			}
			return got
		}
		s.w.receive(&s.recv, s.w.hubOf(s.id), m)
	}
	return got
}

// write sends a message of a class.
func (s *simHead) write(class int) {
	id := s.w.number(&s.src, class)
	p := make([]byte, 8+s.w.rng.IntN(100))
	fill(p, id, 0)
	var err error
	switch {
	case class == classHigh:
		err = s.head.PutMsg(p, nil, 0, true)
	case s.w.chance(30):
		err = s.head.PutMsg(p[:len(p)/2], p[len(p)/2:], bandOf(class), false)
	case class == classBand:
		err = s.head.PutMsg(nil, p, simBand, false)
	default:
		_, err = s.head.Write(p)
	}
	switch {
	case err == nil:
		s.w.sent(&s.src, class)
	case errors.Is(err, SimWouldBlock):
		s.w.cover.hit("head would block")
	case !s.over:
		s.w.fail("write: %v", err)
	}
}

// control starts an ioctl and checks its end.
func (s *simHead) control() {
	arg := make([]byte, s.w.rng.IntN(4000))
	for i := range arg {
		arg[i] = byte(s.w.rng.Uint32())
	}
	s.arg = arg
	err := s.head.Ioctl(ioctlReverse, arg, func(result []byte, status error) {
		s.pending = false
		switch {
		case status == nil:
			slices.Reverse(result)
			if !bytes.Equal(result, arg) {
				s.w.fail("an ioctl of %d octets has another result, of %d", len(arg), len(result))
			}
			s.w.cover.hit("ioctl ack")
		case errors.Is(status, SimTimeout):
			s.w.cover.hit("ioctl timeout")
		case errors.Is(status, syscall.EINVAL), errors.Is(status, syscall.EAGAIN), errors.Is(status, syscall.EFAULT):
			s.w.cover.hit("ioctl nak")
		case errors.Is(status, io.EOF), s.over:
			s.w.cover.hit("ioctl cut off")
		default:
			s.w.fail("an ioctl ended with %v", status)
		}
	})
	if err == nil {
		s.pending = true
		s.ioctls++
		s.w.made++
	} else if !errors.Is(err, SimWouldBlock) && !s.over {
		s.w.fail("ioctl: %v", err)
	}
}

// flush empties the stream from the head.
func (s *simHead) flush(bits uint32) {
	if s.head.Flush(bits) == nil {
		s.w.made++
	}
}

// arrives looks at a message before its put: nobody may put an ordinary message to a
// full queue, having asked for room.
func (w *world) arrives(q *Queue, m *Msg) {
	h := q.hub
	if q.service == nil || m.Type != Data && m.Type != Proto || !q.marked(m.Band) {
		return
	}
	w.cover.hit("full queue met")
	if w.changing > 0 || h.deferred.head != h.deferred.tail || h.deferred.head != w.aside[h.index] {
		return // passed on regardless, or asked for before others came
	}
	w.fail("%s on hub %d was put a message of band %d while full: %s", q.pair.module.Name, h.index, m.Band, w.describe())
}

// free is how many blocks of a hub nobody has.
func free(h *Hub) int {
	out, _ := h.Pool.InUse()
	return h.Pool.Blocks() - out
}

func (w *world) describe() string {
	var s bytes.Buffer
	for i, h := range w.hubs {
		fmt.Fprintf(&s, "\nhub %d: %+v, %d blocks, %d deferred", i, h.counters, h.Pool.Available(1), h.deferred.tail-h.deferred.head)
		for _, p := range h.standing() {
			fmt.Fprintf(&s, "\n  %#x %s", uint32(p.id), p.module.Name)
			for _, q := range [...]*Queue{p.rq, p.wq} {
				next := uint32(0)
				if q.next != nil {
					next = uint32(q.next.pair.id)
				}
				fmt.Fprintf(&s, " [next %#x, %d messages, %d of %d to %d, flags %#x, waits %d]", next, q.msgs, q.count, q.lo, q.hi, q.flags, q.waits)
			}
			if x := p.proxy; x != nil {
				fmt.Fprintf(&s, " far %#x credit %d owed %d", uint32(x.mate.pair().id), x.credit, x.owed)
			}
		}
	}
	return s.String()
}
