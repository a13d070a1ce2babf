package dataplane

import (
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Limits of lines.
const (
	MaxLines = 1 << 10 // of a hub
	lineRing = 256     // entries of each ring
)

// Line is an outside party's two rings with a hub, and its number there: what it sends
// goes to the process that it is addressed to, wherever in the fabric that stands, and
// what is addressed to its number comes here. One goroutine uses it. A party that does
// not take what is there for it gets no more, and is not listened to either.
type Line struct {
	hub  *Hub
	side *line
	out  *ring.Producer[parcel]
	in   *ring.Consumer[parcel]
}

// parcel is an entry: a message, and the octets that its block holds on the hub.
type parcel struct {
	msg  Msg
	data []byte
	call func() // to run on the hub, and no message
}

// line is the hub's side.
type line struct {
	pair *pair
	in   *ring.Consumer[parcel]
	out  *ring.Producer[parcel]
	full atomic.Bool // the hub sleeps, and waits for room
	mail bool        // something was published in this pass
	bell chan struct{}
}

// NewLine makes a line. Any goroutine but the hub's may call it.
func (h *Hub) NewLine() (l *Line, err error) {
	if !h.Call(func() { l, err = h.newLine(make(chan struct{}, 1)) }) {
		return nil, fmt.Errorf("%w: closed", ErrHub)
	}
	return l, err
}

func (h *Hub) newLine(bell chan struct{}) (*Line, error) {
	if len(h.lines) == MaxLines {
		return nil, fmt.Errorf("%w: more than %d lines", ErrHub, MaxLines)
	}
	l, side := &Line{hub: h}, &line{bell: bell}
	l.side = side
	var err error
	if l.out, side.in, err = ring.New[parcel](lineRing); err != nil {
		return nil, err
	}
	if side.out, l.in, err = ring.New[parcel](lineRing); err != nil {
		return nil, err
	}
	side.pair, err = h.addInternal(Module{Name: "line", WritePut: side.put, WriteService: side.service})
	if err == nil {
		h.lines = append(h.lines, side)
	}
	return l, err
}

// ID is the number by which the line is addressed.
func (l *Line) ID() ProcID { return l.side.pair.id }

// Send hands a message over to be delivered to m.Dst, with data as its block's; its
// sender is the line. data must stay as it is. false: the ring is full.
func (l *Line) Send(m Msg, data []byte) bool { return l.send(parcel{msg: m, data: data}) }

func (l *Line) send(p parcel) bool {
	if !l.out.Put(p) {
		return false
	}
	l.out.Publish()
	l.hub.sleeper.wake()
	return true
}

// Receive takes a message, and the data of its blocks; false when there is none.
func (l *Line) Receive() (Msg, []byte, bool) {
	p, ok := l.in.Get()
	if ok {
		l.in.Release()
		if l.side.full.Load() && l.side.full.Swap(false) {
			l.hub.sleeper.wake()
		}
	}
	return p.msg, p.data, ok
}

// Ready is written to when there may be something to receive.
func (l *Line) Ready() <-chan struct{} { return l.side.bell }

// put sends a message out, or keeps it until there is room.
func (l *line) put(q *Queue, m Msg) {
	if q.passes(&m) && l.out.Free() > 0 {
		l.send(q.hub, m)
		return
	}
	q.PutQ(m)
}

func (l *line) service(q *Queue) {
	for l.out.Free() > 0 {
		m, ok := q.GetQ()
		if !ok {
			return
		}
		l.send(q.hub, m)
	}
}

func (l *line) send(h *Hub, m Msg) {
	p := parcel{msg: m}
	for b := m.Block; b != 0; b = h.Pool.Next(b) {
		p.data = append(p.data, h.Pool.Bytes(b)...)
	}
	h.Free(m)
	p.msg.Block = 0
	l.out.Put(p)
	l.mail = true
}

func (l *line) publish() {
	if l.mail {
		l.mail = false
		l.out.Publish()
		select {
		case l.bell <- struct{}{}:
		default: // it is to look already
		}
	}
}

// drainLines takes what has come from outside. Who does not take its answers is not
// listened to, and nobody is while what is addressed to another hub has no room.
func (h *Hub) drainLines() (work int) {
	for _, l := range h.lines {
		if l.in.Empty() && l.pair.wq.Empty() {
			continue
		}
		n := 0
		for end := l.in.Len(); l.listens() && n < end && !h.postFull(); n++ {
			p, _ := l.in.Get()
			l.in.Release()
			if p.call != nil {
				p.call()
			} else {
				h.accept(l, p)
			}
			h.unwound()
		}
		work += n
	}
	return work
}

// listens tells whether the party takes what is sent to it. What waits goes on when it
// does again.
func (l *line) listens() bool {
	q := l.pair.wq
	if !q.Empty() && l.out.Free() > 0 {
		q.Enable()
	}
	return q.Empty()
}

// linesWait is the look at the lines before sleeping. The flag is set before the look at
// the ring, and the party reads it after it has made room.
func (h *Hub) linesWait() bool {
	for _, l := range h.lines {
		if l.pair.wq.Empty() {
			if !l.in.Empty() && !h.postFull() {
				return true
			}
			continue
		}
		l.full.Store(true)
		if h.step(); l.out.Free() > 0 {
			return true
		}
	}
	return false
}

// accept gives a message from outside its block and delivers it.
func (h *Hub) accept(l *line, p parcel) {
	m := p.msg
	m.Src, m.Block, m.Len = l.pair.id, 0, uint32(len(p.data))
	if len(p.data) > 0 {
		m.Block = h.Pool.AllocControl(len(p.data))
		switch {
		case m.Block != 0:
			copy(h.Pool.Extend(m.Block, len(p.data)), p.data)
		case m.Type == IocAck: // better than no answer
			m.Len = 0
		default:
			h.counters.NoBlocks++
			if m.Type == Ctl {
				h.answer(m, nil, syscall.ENOBUFS)
			}
			return
		}
	}
	h.dispatch(m)
}

// Call runs fn on the hub, between two messages, and returns when it has run: the
// way to the hub's state for whoever built it. It may be called from any goroutine but the
// hub's own. While nobody runs the hub, fn runs on the caller's. false: the hub is closed.
func (h *Hub) Call(fn func()) bool {
	h.calling.Lock()
	defer h.calling.Unlock()
	if h.turn.TryLock() {
		defer h.turn.Unlock()
		return h.callHere(fn)
	}
	done := make(chan struct{})
	h.calls.send(parcel{call: func() { fn(); close(done) }})
	select {
	case <-done:
		return true
	case <-h.ended:
	}
	h.turn.Lock()
	defer h.turn.Unlock()
	return h.callHere(nil)
}

// callHere runs what Run has left, and fn, on the caller's goroutine.
func (h *Hub) callHere(fn func()) bool {
	if h.closed {
		return false
	}
	if h.calls != nil {
		for p, ok := h.calls.side.in.Get(); ok; p, ok = h.calls.side.in.Get() {
			h.calls.side.in.Release()
			p.call()
		}
	}
	if fn != nil {
		fn()
	}
	return true
}
