package dataplane

import (
	"fmt"
	"sync/atomic"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// Sizes of the rings between two hubs, in entries.
const (
	dataRing   = 4096
	urgentRing = 1024 // high-priority messages and credits
)

// peer is a hub's side of its rings with one other hub.
type peer struct {
	hub      *Hub // the other one
	data     *ring.Producer[Msg]
	urgent   *ring.Producer[Msg]
	dataIn   *ring.Consumer[Msg]
	urgentIn *ring.Consumer[Msg]
	mail     bool     // something was published to the other hub in this pass
	waiting  []*Queue // who met a full ring
	turn     int      // who of them is the first
	post     *pair    // what is addressed to a process there, and not put along a stream
	// Flags shared with the other side, one writer of true and one of false each.
	full   *atomic.Bool // we sleep, and wait for room in a ring to it
	theirs *atomic.Bool // it sleeps, and waits for room in a ring to us
}

// connect makes the rings between two hubs.
func connect(a, b *Hub) error {
	pa, pb := &peer{hub: b}, &peer{hub: a}
	a.peers[b.index], b.peers[a.index] = pa, pb
	pa.full, pb.full = new(atomic.Bool), new(atomic.Bool)
	pa.theirs, pb.theirs = pb.full, pa.full
	var errs [4]error
	pa.data, pb.dataIn, errs[0] = ring.New[Msg](dataRing)
	pb.data, pa.dataIn, errs[1] = ring.New[Msg](dataRing)
	pa.urgent, pb.urgentIn, errs[2] = ring.New[Msg](urgentRing)
	pb.urgent, pa.urgentIn, errs[3] = ring.New[Msg](urgentRing)
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrHub, err)
		}
	}
	return nil
}

// ring is the way out for a type of message.
func (p *peer) ring(t Type) *ring.Producer[Msg] {
	if t.HighPriority() {
		return p.urgent
	}
	return p.data
}

// room tells whether a message of the type can be sent. If not, q's service is scheduled
// when there is room.
func (p *peer) room(t Type, q *Queue) bool {
	if p.ring(t).Free() > 0 {
		return true
	}
	if q.flags&qForRoom == 0 {
		q.flags |= qForRoom
		p.waiting = append(p.waiting, q)
		if x := q.pair.proxy; x != nil { // else it is the post's, which stays
			x.waitsAt = len(p.waiting) - 1
		}
	}
	return false
}

// send puts a message in the ring it belongs to, which has room. The counts of blocks are
// plain integers, so what is shared or borrowed is copied first. false: there was no
// memory for that, and the message is freed and counted.
func (p *peer) send(h *Hub, m *Msg) bool {
	if m.Block != 0 {
		if m.Block = h.Pool.Unshare(m.Block, m.Type != Data); m.Block == 0 {
			h.counters.NoBlocks++
			return false
		}
	}
	if debug {
		h.noteSent(m)
	}
	p.ring(m.Type).Put(*m)
	p.mail = true
	return true
}

// drainPeers empties the rings from the other hubs: always all that is there, so that
// no hub ever waits for this one. What streams have no room for waits in their
// proxies, within their credit.
func (h *Hub) drainPeers() (work int) {
	for _, p := range h.peers {
		if p == nil {
			continue
		}
		work += h.drainRing(p.urgentIn) + h.drainRing(p.dataIn)
		if p.theirs.Load() && p.theirs.Swap(false) {
			p.hub.sleeper.wake()
		}
		p.retry()
	}
	return work
}

func (h *Hub) drainRing(in *ring.Consumer[Msg]) (work int) {
	for n := in.Len(); work < n; work++ {
		m, _ := in.Get()
		if debug {
			h.noteArrived(&m)
		}
		h.dispatch(m)
		h.unwound()
	}
	if work > 0 {
		in.Release()
	}
	return work
}

// dispatch takes a message that has come from outside the hub's streams to whom it is
// addressed to. What has come along a path does not pass through the hub's own ring when
// the neighbour has put something aside there for the proxy: that goes the other way, and
// the ring may be full.
func (h *Hub) dispatch(m Msg) {
	switch p := h.find(m.Dst); {
	case p == nil:
		h.forward(m)
	case p.proxy == nil || p.proxy.far != m.Src:
		h.address(p, m)
	case m.Type == credit:
		p.proxy.credit += int(m.Info)
		p.proxy.out.Enable()
	default:
		x := p.proxy
		x.in.proc.busy = 1
		x.arrivePut(x.in, m)
		x.in.proc.busy = 0
	}
}

// landRing is drainRing while the hubs stand still: what has come along a path waits in
// it.
func (h *Hub) landRing(in *ring.Consumer[Msg]) (work int) {
	for m, ok := in.Get(); ok; m, ok = in.Get() {
		if debug {
			h.noteArrived(&m)
		}
		h.land(m)
		in.Release()
		work++
	}
	return work
}

func (h *Hub) land(m Msg) {
	p := h.find(m.Dst)
	if p == nil || p.proxy == nil || p.proxy.far != m.Src || m.Type == credit {
		h.dispatch(m)
		return
	}
	if x := p.proxy; !x.keep(x.in, m) {
		x.mate.credit++
	}
}

// forward sends a message on to the hub that its process stands on: the hub that made it
// knows.
func (h *Hub) forward(m Msg) {
	to := m.Dst.Hub()
	if to == h.index {
		if p := h.numbers.find(m.Dst); p != nil {
			to = p.rq.hub.index
		}
	}
	if to == h.index || to >= len(h.peers) || m.Type == credit {
		if m.Type != credit {
			h.dropUnlinked(m)
		}
		return
	}
	h.peers[to].post.wq.deliver(m)
}

// postModule sends what is addressed to processes on another hub.
func (p *peer) postModule() Module {
	return Module{
		Name: "post",
		WritePut: func(q *Queue, m Msg) {
			if q.passes(&m) && p.room(m.Type, q) {
				p.send(q.hub, &m)
				return
			}
			q.PutQ(m)
		},
		WriteService: func(q *Queue) {
			for q.waiting.First != 0 && p.room(q.hub.nodes.At(q.waiting.First).Value.Type, q) {
				m, _ := q.GetQ()
				p.send(q.hub, &m)
			}
			if q.waiting.First == 0 {
				q.flags |= qWantR
			}
		},
	}
}

// postFull tells whether so much waits to be sent to a process on another hub that nothing
// more from outside is taken.
func (h *Hub) postFull() bool {
	for _, p := range h.peers {
		if p != nil && p.post.wq.Full() {
			return true
		}
	}
	return false
}

// publish ends a pass towards the other hubs and the outside: one store a ring, one ring
// of the bell at most for each who reads it.
func (h *Hub) publish() {
	homes := h.Pool.SendHome()
	for i, p := range h.peers {
		if p == nil {
			continue
		}
		wake := p.mail || homes>>i&1 != 0
		if p.mail {
			p.data.Publish()
			p.urgent.Publish()
			p.mail = false
		}
		if wake {
			p.hub.sleeper.wake()
		}
	}
	for _, l := range h.lines {
		l.publish()
	}
}

// retry schedules those who met a full ring, once there is room again.
func (p *peer) retry() {
	if len(p.waiting) == 0 || !p.roomy() {
		return
	}
	p.turn++ // another is the first each time: it finds the room
	for i := range p.waiting {
		q := p.waiting[(i+p.turn)%len(p.waiting)]
		q.flags &^= qForRoom
		q.Enable()
	}
	clear(p.waiting)
	p.waiting = p.waiting[:0]
}

func (p *peer) roomy() bool { return p.data.Free() > 0 && p.urgent.Free() > 0 }

// mailWaits is the look at the rings before sleeping. Who waits for room says so before the
// look, and the other side reads that after it has made room: one of the two sees the
// other.
func (h *Hub) mailWaits() bool {
	for _, p := range h.peers {
		if p == nil {
			continue
		}
		if p.full.Store(len(p.waiting) > 0); len(p.waiting) > 0 {
			h.step()
			if p.roomy() {
				return true
			}
		}
		if !p.dataIn.Empty() || !p.urgentIn.Empty() {
			return true
		}
	}
	return false
}
