//go:build hubdebug

package dataplane

import "fmt"

// With the build tag hubdebug the executive keeps a ledger of who holds which block, and
// panics, naming the module, when a put does not do exactly one of forward, queue and
// free with its message, or when anybody passes on, queues or frees a block that is not
// its own any more:
//
//	go test -tags hubdebug ./dataplane/...
//
// It follows blocks, so a message without one is not checked. A driver that polls a
// device may keep what it is put until it flushes. What runs outside put and service
// (calls, timers, polls) may use any block that nobody else's queue or ring has.
const debug = true

// ledger has an entry for each block of the arena. As with headers only the hub that
// has the block touches it.
type ledger []entry

type entry struct {
	state  blockState
	holder *process // of a held block; nil: outside put and service
	use    uint64   // counts the times it was allocated
}

type blockState uint8

const (
	blockFree   blockState = iota
	blockHeld              // by the holder
	blockLinked            // held, as a part of another message
	blockQueued            // in a queue, or in the hub's own ring
	blockSent              // on its way to another hub
)

func (s blockState) String() string {
	return [...]string{"is free", "has been given away", "is part of another message", "is queued", "is on its way to another hub"}[s]
}

// notebook is a hub's notes of the puts and services under way.
type notebook struct {
	frame *frame   // the innermost; nil for none
	stack []*frame // all that were ever needed, to be used again
	depth int
}

// frame is a put or service on the stack.
type frame struct {
	queue *Queue
	verb  string
	taken []heldBlock // messages it has to do something with
	below *frame
}

type heldBlock struct {
	id  BlockID
	use uint64
}

func (a *Arena) openLedger() { a.ledger = make(ledger, len(a.head)) }

func (q *Queue) describe(verb string) string {
	side := "write"
	if q.Reader() {
		side = "read"
	}
	name := "?"
	if q.flags&qClosed == 0 && q.pair() != nil {
		name = q.pair().module.Name
	}
	return fmt.Sprintf("dataplane: module %q (process %#x), %s %s", name, uint32(q.id), side, verb)
}

// blame panics about what the put or service under way has done to a block.
func (p *Pool) blame(did string, b BlockID, state blockState) {
	who := "dataplane: somebody outside put and service"
	if f := p.notes.frame; f != nil {
		who = f.queue.describe(f.verb)
	}
	panic(fmt.Sprintf("%s: %s block %d, which %s", who, did, b, state))
}

// owned checks that whoever runs now may do something with a block.
func (p *Pool) owned(b BlockID, did string) *entry {
	e := &p.ledger[b]
	if e.state != blockHeld && e.state != blockLinked {
		p.blame(did, b, e.state)
	}
	if f := p.notes.frame; f != nil && e.holder != nil && e.holder != f.queue.proc {
		p.blame(did, b, blockHeld)
	}
	return e
}

// pass moves a message's blocks into a state.
func (p *Pool) pass(m *Msg, did string, state blockState, holder *process) {
	for b := m.Block; b != 0; b = p.head[b].next {
		e := p.owned(b, did)
		e.state, e.holder = state, holder
	}
}

func (p *Pool) runner() *process {
	if p.notes.frame == nil {
		return nil
	}
	return p.notes.frame.queue.proc
}

// receive gives a message's blocks, which were in the state from, to whoever runs now.
func (p *Pool) receive(m *Msg, from blockState) {
	for b := m.Block; b != 0; b = p.head[b].next {
		e := &p.ledger[b]
		if e.state != from {
			p.blame("takes", b, e.state)
		}
		e.state, e.holder = blockHeld, p.runner()
	}
}

func (p *Pool) enter(q *Queue, verb string) *frame {
	n := &p.notes
	if n.depth == len(n.stack) {
		n.stack = append(n.stack, &frame{})
	}
	f := n.stack[n.depth]
	n.depth++
	*f = frame{queue: q, verb: verb, taken: f.taken[:0], below: n.frame}
	n.frame = f
	return f
}

// leave ends a put or service, and looks what became of its messages.
func (h *Hub) leave(f *frame) {
	for _, t := range f.taken {
		e := &h.ledger[t.id]
		if e.state != blockHeld || e.holder != f.queue.proc || e.use != t.use {
			continue
		}
		if f.queue.flags&qClosed == 0 && h.polls(f.queue.pair()) {
			continue
		}
		panic(fmt.Sprintf("%s: neither forwarded, queued nor freed its message, block %d", f.queue.describe(f.verb), t.id))
	}
	h.notes.frame = f.below
	h.notes.depth--
}

func (h *Hub) debugPut(q *Queue, m Msg) {
	h.pass(&m, "forwards", blockHeld, q.proc)
	f := h.enter(q, "put")
	if m.Block != 0 {
		f.taken = append(f.taken, heldBlock{m.Block, h.ledger[m.Block].use})
	}
	q.put(q, m)
	h.leave(f)
}

func (h *Hub) debugService(q *Queue) {
	f := h.enter(q, "service")
	q.service(q)
	h.leave(f)
}

func (h *Hub) noteQueued(m *Msg) { h.pass(m, "queues", blockQueued, nil) }

func (h *Hub) noteTaken(m *Msg) {
	h.receive(m, blockQueued)
	if f := h.notes.frame; f != nil && f.verb == "service" && m.Block != 0 {
		f.taken = append(f.taken, heldBlock{m.Block, h.ledger[m.Block].use})
	}
}

func (h *Hub) noteSent(m *Msg)    { h.pass(m, "sends", blockSent, nil) }
func (h *Hub) noteArrived(m *Msg) { h.receive(m, blockSent) }

func (p *Pool) noteAllocated(b BlockID) {
	e := &p.ledger[b]
	e.state, e.holder = blockHeld, p.runner()
	e.use++
}

func (p *Pool) noteFreed(b BlockID) { p.owned(b, "frees").state = blockFree }

func (p *Pool) noteLinked(b BlockID) {
	for ; b != 0; b = p.head[b].next {
		p.owned(b, "links").state = blockLinked
	}
}
