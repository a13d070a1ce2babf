//go:build hubdebug

package dataplane

import (
	"fmt"

	"github.com/cellhub/cellhub/dataplane/block"
)

// With the build tag hubdebug the executive panics, naming the module, when a put does not
// do exactly one of forward, queue and free with its message, or when anybody passes on,
// queues or frees a block that is not its own any more; the ledger of package block says
// whose each is:
//
//	go test -tags hubdebug ./dataplane/...
//
// It follows blocks, so a message without one is not checked. A driver that polls a
// device may keep what it is put until it flushes. What runs outside put and service
// (calls, timers, polls) may use any block that nobody else's queue or ring has.
const debug = true

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
	id  block.ID
	use uint64
}

// Holder is the process that runs.
func (f *frame) Holder() any { return f.queue.proc }

func (f *frame) String() string {
	q, side, name := f.queue, "write", "?"
	if q.Reader() {
		side = "read"
	}
	if q.flags&qClosed == 0 {
		name = q.pair.module.Name
	}
	return fmt.Sprintf("dataplane: module %q (process %#x), %s %s", name, uint32(q.ID()), side, f.verb)
}

func (h *Hub) enter(q *Queue, verb string) *frame {
	n := &h.notes
	if n.depth == len(n.stack) {
		n.stack = append(n.stack, &frame{})
	}
	f := n.stack[n.depth]
	n.depth++
	*f = frame{queue: q, verb: verb, taken: f.taken[:0], below: n.frame}
	n.frame = f
	h.Pool.Act(f)
	return f
}

// leave ends a put or service, and looks what became of its messages.
func (h *Hub) leave(f *frame) {
	for _, t := range f.taken {
		if !h.Pool.Holds(f.queue.proc, t.id, t.use) {
			continue
		}
		if f.queue.flags&qClosed == 0 && f.queue.pair.driver != nil {
			continue
		}
		panic(fmt.Sprintf("%s: neither forwarded, queued nor freed its message, block %d", f, t.id))
	}
	h.notes.frame = f.below
	h.notes.depth--
	if f.below == nil {
		h.Pool.Act(nil)
	} else {
		h.Pool.Act(f.below)
	}
}

func (h *Hub) debugPut(q *Queue, m Msg) {
	h.Pool.Pass(m.Block, "forwards", block.Held, q.proc)
	f := h.enter(q, "put")
	f.took(h, &m)
	q.put(q, m)
	h.leave(f)
}

func (h *Hub) debugService(q *Queue) {
	f := h.enter(q, "service")
	q.service(q)
	h.leave(f)
}

func (f *frame) took(h *Hub, m *Msg) {
	if m.Block != 0 {
		f.taken = append(f.taken, heldBlock{m.Block, h.Pool.Use(m.Block)})
	}
}

func (h *Hub) noteQueued(m *Msg) { h.Pool.Pass(m.Block, "queues", block.Queued, nil) }

func (h *Hub) noteTaken(m *Msg) {
	h.Pool.Receive(m.Block, block.Queued)
	if f := h.notes.frame; f != nil && f.verb == "service" {
		f.took(h, m)
	}
}

func (h *Hub) noteSent(m *Msg)    { h.Pool.Pass(m.Block, "sends", block.Sent, nil) }
func (h *Hub) noteArrived(m *Msg) { h.Pool.Receive(m.Block, block.Sent) }
