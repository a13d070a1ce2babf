package dataplane

import "fmt"

// creditWindow is how many ordinary messages of one stream and direction may be on
// their way to another hub or wait there: the sender has so much credit, and gets it
// back as the messages go on from the far proxy.
const creditWindow = 64

// proxy stands, on its hub, for the neighbour that a stream has on another hub: what
// is put to it goes to the far proxy, which stands for this side there. Its queues
// are ordinary ones, so flow control works across hubs as within one.
type proxy struct {
	hub  *Hub
	peer *peer
	id   ProcID // our pair
	far  ProcID // the pair of the far proxy
	down bool   // ours stands for a lower neighbour: what is put to it goes down
	out  *Queue // what our neighbour puts to: messages leave by it
	in   *Queue // what arrives leaves by it, to our neighbour

	credit int  // messages that may still be sent
	owed   int  // credits to give back
	waits  bool // for room in a ring; the peer has it on its list
	gate   gate // what arrives waits for an older path to run empty
	// The gate of the path that takes over when our Barrier has come. Until then both
	// put to our neighbour, changes of topology find only the new one, and we have to
	// look ourselves whom to ask for room.
	heir *gate
}

// newProxy makes one side. down: it takes the place of a lower neighbour.
func (h *Hub) newProxy(peer int, down bool) (*proxy, error) {
	if peer >= len(h.peers) || h.peers[peer] == nil {
		return nil, fmt.Errorf("%w: hub %d has no hub %d beside it", ErrHub, h.index, peer)
	}
	x := &proxy{hub: h, peer: h.peers[peer], down: down, credit: creditWindow}
	m := Module{Name: "proxy", HiWat: creditWindow << 10, LoWat: creditWindow << 8}
	if down {
		m.WritePut, m.WriteService = x.put, x.service
		m.ReadPut, m.ReadService = x.arrivePut, x.arriveService
	} else {
		m.ReadPut, m.ReadService = x.put, x.service
		m.WritePut, m.WriteService = x.arrivePut, x.arriveService
	}
	id, err := h.Add(m)
	if err != nil {
		return nil, err
	}
	p, _ := h.pair(id)
	x.id, p.proxy = id, x
	x.out, x.in = p.rq, p.wq
	if down {
		x.out, x.in = p.wq, p.rq
	}
	x.gate.queue = x.in
	return x, nil
}

// put sends a message over, or queues it for want of credit or room.
func (x *proxy) put(q *Queue, m Msg) {
	if m.Type == Flush {
		x.flush(q, m)
	}
	if (q.first == 0 || m.Type.HighPriority() && !q.highWaits()) && x.maySend(m.Type) {
		x.send(&m)
		return
	}
	q.PutQ(m)
}

func (x *proxy) service(q *Queue) {
	if x.owed >= creditWindow/2 {
		x.giveBack()
	}
	for q.first != 0 && x.maySend(q.hub.nodes.at(q.first).msg.Type) {
		m, _ := q.GetQ()
		x.send(&m)
	}
	if q.first == 0 {
		q.flags |= qWantR
	}
}

// maySend tells whether a message of the type can go now. If not, the credit or the
// room that is missing schedules service when it comes.
func (x *proxy) maySend(t Type) bool {
	room := x.peer.data
	if t.HighPriority() {
		room = x.peer.urgent
	} else if x.credit == 0 {
		return false
	}
	if room.Free() == 0 {
		x.wait()
		return false
	}
	return true
}

// send puts a message in the ring it belongs to, which has room, addressed to the far
// proxy.
func (x *proxy) send(m *Msg) {
	if m.Block != 0 && !x.unshare(m) {
		return
	}
	if debug {
		x.hub.noteSent(m)
	}
	m.Src, m.Dst = x.id, x.far
	x.peer.mail = true
	if m.Type.HighPriority() {
		x.peer.urgent.Put(*m)
		return
	}
	x.credit--
	x.peer.data.Put(*m)
}

// wait has service scheduled when the ring has room.
func (x *proxy) wait() {
	if !x.waits {
		x.waits = true
		x.peer.waiting = append(x.peer.waiting, x)
	}
}

// unshare makes a message's blocks fit to cross: their counts are plain integers, so
// what is shared or borrowed is copied. false: there was no memory, and the message is
// freed and counted.
func (x *proxy) unshare(m *Msg) bool {
	if m.Block = x.hub.Pool.Unshare(m.Block, m.Type != Data); m.Block == 0 {
		x.hub.counters.NoBlocks++
		return false
	}
	return true
}

// arrive takes a message from another hub. One for a proxy that has gone is freed. It
// does not pass through the hub's own ring when the neighbour has put something aside
// there for the proxy: that goes the other way, and the ring may be full.
func (h *Hub) arrive(m *Msg) {
	if debug {
		h.noteArrived(m)
	}
	p, err := h.pair(m.Dst)
	known := err == nil && p.proxy != nil && p.proxy.far == m.Src
	switch {
	case m.Type == credit:
		if known {
			p.proxy.credit += int(m.Info)
			p.proxy.out.Enable()
		}
		return
	case !known:
		h.dropUnlinked(*m)
		return
	}
	x := p.proxy
	x.in.proc.busy = 1
	x.arrivePut(x.in, *m)
	x.in.proc.busy = 0
}

// credit is the type of the message that gives credit back: internal, and it never
// enters a queue.
const credit Type = 0xFF

// arrivePut passes on what has arrived, or queues it; the window bounds how much. What
// cannot be queued is lost, but not its credit.
func (x *proxy) arrivePut(q *Queue, m Msg) {
	if x.heir != nil {
		x.hub.resolve(q)
	}
	if m.Type.HighPriority() {
		if !x.gate.high && !q.highWaits() {
			x.passOn(q, m)
			return
		}
	} else if q.first == 0 && !x.gate.data && q.CanPutNextBand(m.Band) {
		x.passOn(q, m)
		return
	}
	if q.insert(&m, false) {
		q.schedule(&m)
	} else if !m.Type.HighPriority() {
		x.owe()
	}
}

func (x *proxy) arriveService(q *Queue) {
	if x.heir != nil {
		x.hub.resolve(q)
	}
	x.gate.drain(q, x.passOn)
}

// passOn hands a message to the neighbour and its credit back to the sender.
func (x *proxy) passOn(q *Queue, m Msg) {
	switch m.Type {
	case Barrier, PCBarrier:
		x.barrier(q, m)
	case Flush:
		x.flush(q, m)
		q.PutNext(m)
	default:
		q.PutNext(m)
	}
	if !m.Type.HighPriority() {
		x.owe()
	}
}

// flush empties the pair as a Flush message says. What it frees of what has arrived
// gives its credit back.
func (x *proxy) flush(q *Queue, m Msg) {
	before := x.in.ordinary()
	q.FlushPair(m)
	for range before - x.in.ordinary() {
		x.owe()
	}
}

// ordinary counts the queued messages that are not high-priority.
func (q *Queue) ordinary() (n int) {
	q.Each(func(m Msg) {
		if !m.Type.HighPriority() {
			n++
		}
	})
	return n
}

// barrier has come: all that was sent by this path has been passed on, and the path
// that takes over may go on. Half way along the old path it is passed on itself.
func (x *proxy) barrier(q *Queue, m Msg) {
	if x.heir == nil {
		q.PutNext(m)
		return
	}
	x.heir.open(m.Type)
}

// owe notes a credit and gives them back in batches of half a window.
func (x *proxy) owe() {
	if x.owed++; x.owed >= creditWindow/2 {
		x.giveBack()
	}
}

func (x *proxy) giveBack() {
	if x.peer.urgent.Free() == 0 {
		x.wait() // service of out calls again
		return
	}
	x.peer.urgent.Put(Msg{Type: credit, Src: x.id, Dst: x.far, Info: uint32(x.owed)})
	x.peer.mail = true
	x.owed = 0
}
