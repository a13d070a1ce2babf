package dataplane

// creditWindow is how many ordinary messages of one stream and direction may be on
// their way to another hub or wait there: the sender has so much credit, and gets it
// back as the messages go on from the far proxy.
const creditWindow = 64

// proxy stands, on its hub, for the neighbour that a stream has on another hub: what
// is put to it goes to its mate, which stands for this side there. Its queues
// are ordinary ones, so flow control works across hubs as within one.
type proxy struct {
	hub  *Hub
	peer *peer  // the rings to the mate's hub
	mate *proxy // the far side, touched while all stand still
	id   ProcID // our pair's
	far  ProcID // the mate's pair's
	down bool   // ours stands for a lower neighbour: what is put to it goes down
	out  *Queue // what our neighbour puts to: messages leave by it
	in   *Queue // what arrives leaves by it, to our neighbour

	credit int // messages that may still be sent
	owed   int // credits to give back

	waitsAt int // the place of out among those that wait for room, where it does

	_ [128]byte // its mate may lie behind it, and is another hub's
}

// pave makes the two proxies of a path: x on hub a, for what is above, and y on hub
// b, for what is below.
func pave(a, b *Hub) (x, y *proxy, err error) {
	if x, err = a.newProxy(false); err != nil {
		return nil, nil, err
	}
	if y, err = b.newProxy(true); err != nil {
		a.remove(x.pair())
		return nil, nil, err
	}
	x.mate, y.mate = y, x
	x.face()
	return x, y, nil
}

// newProxy makes one side. down: it takes the place of a lower neighbour.
func (h *Hub) newProxy(down bool) (*proxy, error) {
	x := &proxy{hub: h, down: down, credit: creditWindow}
	m := Module{Name: "proxy", HiWat: creditWindow << 10, LoWat: creditWindow << 8}
	if down {
		m.WritePut, m.WriteService = x.put, x.service
		m.ReadPut, m.ReadService = x.arrivePut, x.arriveService
	} else {
		m.ReadPut, m.ReadService = x.put, x.service
		m.WritePut, m.WriteService = x.arrivePut, x.arriveService
	}
	p, err := h.add(m, nil)
	if err != nil {
		return nil, err
	}
	p.proxy = x
	x.out, x.in = p.rq, p.wq
	if down {
		x.out, x.in = p.wq, p.rq
	}
	return x, nil
}

func (x *proxy) pair() *pair { return x.out.pair }

// face has both sides use the rings between the hubs that they stand on.
func (x *proxy) face() {
	for _, s := range [...]*proxy{x, x.mate} {
		s.peer = s.hub.peers[s.mate.hub.index]
		s.id, s.far = s.pair().id, s.mate.pair().id
	}
}

// leave ends the wait of both sides for room in rings that will not be used any more.
func (x *proxy) leave() {
	for _, s := range [...]*proxy{x, x.mate} {
		s.peer.forget(s.out)
		s.out.Enable()
	}
}

// beside is the proxy next to this one, of a path that goes on to another hub, or nil.
func (x *proxy) beside() *proxy {
	if x.in.next == nil {
		return nil
	}
	return x.in.next.pair.proxy
}

// cut removes both sides, and gives the proxy at which the path goes on.
func (x *proxy) cut() *proxy {
	x.leave()
	beside := x.mate.beside()
	for _, s := range [...]*proxy{x, x.mate} {
		s.hub.remove(s.pair())
	}
	return beside
}

// cutAll removes the whole path, over whichever hubs it goes.
func (x *proxy) cutAll() {
	for x != nil {
		x = x.cut()
	}
}

// put sends a message over, or queues it for want of credit or room.
func (x *proxy) put(q *Queue, m Msg) {
	if m.Type == Flush {
		x.flush(q, m)
	}
	if q.passes(&m) && x.maySend(m.Type) {
		x.send(&m)
		return
	}
	q.PutQ(m)
}

func (x *proxy) service(q *Queue) {
	if x.owed >= creditWindow/2 {
		x.giveBack()
	}
	for q.waiting.First != 0 && x.maySend(q.hub.nodes.At(q.waiting.First).Value.Type) {
		m, _ := q.GetQ()
		x.send(&m)
	}
	if q.waiting.First == 0 {
		q.flags |= qWantR
	}
}

// maySend tells whether a message of the type can go now. If not, the credit or the
// room that is missing schedules service when it comes.
func (x *proxy) maySend(t Type) bool {
	if !t.HighPriority() && x.credit == 0 {
		return false
	}
	return x.peer.room(t, x.out)
}

// send puts a message in the ring it belongs to, which has room, addressed to the far
// side. Its blocks' counts are plain integers, so what is shared or borrowed is copied;
// where there is no memory for that the message is freed and counted.
func (x *proxy) send(m *Msg) {
	m.Src, m.Dst = x.id, x.far
	if x.peer.send(x.hub, m) && !m.Type.HighPriority() {
		x.credit--
	}
}

// arrivePut passes on what has arrived, or queues it; the window bounds how much.
func (x *proxy) arrivePut(q *Queue, m Msg) {
	if q.passes(&m) && (m.Type.HighPriority() || q.CanPutNextBand(m.Band)) {
		x.passOn(q, m)
		return
	}
	if !x.keep(q, m) {
		x.owe()
	}
}

// keep queues what has arrived; false when an ordinary message is lost for want of
// room, but not its credit.
func (x *proxy) keep(q *Queue, m Msg) bool {
	if q.insert(&m, false) {
		q.schedule(&m)
		return true
	}
	return m.Type.HighPriority()
}

func (x *proxy) arriveService(q *Queue) {
	for q.waiting.First != 0 {
		m := &q.hub.nodes.At(q.waiting.First).Value
		if !m.Type.HighPriority() && !q.CanPutNextBand(m.Band) {
			return
		}
		taken, _ := q.GetQ()
		x.passOn(q, taken)
	}
	q.flags |= qWantR
}

// passOn hands a message to the neighbour and its credit back to the sender.
func (x *proxy) passOn(q *Queue, m Msg) {
	if m.Type == Flush {
		x.flush(q, m)
	}
	q.PutNext(m)
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
	for at := q.waiting.First; at != 0; at = q.hub.nodes.At(at).Next {
		if !q.hub.nodes.At(at).Value.Type.HighPriority() {
			n++
		}
	}
	return n
}

// owe notes a credit and gives them back in batches of half a window.
func (x *proxy) owe() {
	if x.owed++; x.owed >= creditWindow/2 {
		x.giveBack()
	}
}

func (x *proxy) giveBack() {
	if !x.peer.room(credit, x.out) {
		return // service of out calls again
	}
	x.peer.send(x.hub, &Msg{Type: credit, Src: x.id, Dst: x.far, Info: uint32(x.owed)})
	x.owed = 0
}

// credit is the type of the message that gives credit back: internal, and it never
// enters a queue.
const credit Type = 0xFF

// shorten makes the path direct, when it goes on beside one of its sides or has come back
// to its own hub. Of each stretch that lies on one hub then it gives two pairs that only
// pass on; they are to be popped when all paths are as they will be.
func (x *proxy) shorten() (joints []*pair) {
	if x.pair().proxy != x { // done already
		return nil
	}
	if x.mate.hub == x.hub {
		return x.joint()
	}
	for _, s := range [...]*proxy{x, x.mate} {
		if z := s.beside(); z != nil { // back to back, on a hub between
			return s.mate.takeOver(s, z)
		}
	}
	return nil
}

// takeOver has w, whose mate s stands beside z, reach z's mate: s and z go to w's own hub.
// Where that has no room for what they hold the path stays as it is.
func (w *proxy) takeOver(s, z *proxy) (joints []*pair) {
	if fit([]*pair{s.pair(), z.pair()}, w.hub) != nil {
		return nil
	}
	s.moveTo(w.hub)
	z.moveTo(w.hub)
	joints = w.joint()
	if z.mate.hub == z.hub {
		joints = append(joints, z.joint()...)
	}
	return joints
}

// moveTo takes one side of a path to another hub.
func (x *proxy) moveTo(b *Hub) {
	x.leave()
	p := x.pair()
	p.relocate(b)
	x.hub = b
	defer x.face()
	if id, err := b.numbers.take(b.index); err == nil { // nobody else knows it, and it is found faster
		b.numbersOf(p.id).give(p.id)
		delete(b.guests, p.id)
		p.id = id
		b.numbers.set(p)
	}
}

// joint makes pairs that only pass on of a path's two sides, on one hub.
func (x *proxy) joint() []*pair {
	low, high := x.pair(), x.mate.pair()
	if x.down { // x stands below its neighbour: the other side is the lower one
		low, high = high, low
	}
	for _, p := range [...]*pair{low, high} {
		p.proxy, p.module = nil, code{Name: "joint", Arrive: func(*Queue) {}, extra: &noExtra}
		for _, q := range [...]*Queue{p.rq, p.wq} {
			q.setCode(nil, (*Queue).Drain)
			q.Enable()
		}
	}
	_ = join(low, high)
	return []*pair{low, high}
}

// forget takes a proxy's queue off the list of those that wait for room; the last gets its place.
func (p *peer) forget(q *Queue) {
	if q.flags&qForRoom == 0 {
		return
	}
	q.flags &^= qForRoom
	at, last := q.pair.proxy.waitsAt, len(p.waiting)-1
	moved := p.waiting[last]
	if x := moved.pair.proxy; x != nil {
		x.waitsAt = at
	}
	p.waiting[at], p.waiting[last] = moved, nil
	p.waiting = p.waiting[:last]
}
