//go:build hubdebug

package block

import "fmt"

// Debug is true in a debug build: the arena keeps a ledger of who holds which block, and
// panics, naming the module, when anybody passes on, queues or frees a block that is not
// its own any more.
const Debug = true

// ledger has an entry for each block of the arena. As with headers only the hub that
// has the block touches it.
type ledger []entry

type entry struct {
	state  State
	holder any    // of a held block; nil: outside put and service
	use    uint64 // counts the times it was allocated
}

func (a *Arena) openLedger() { a.ledger = make(ledger, len(a.head)) }

// Act says who runs from now on; nil: nobody, or what runs outside put and service and may
// use any block that nobody else's queue or ring has.
func (p *Pool) Act(a Actor) { p.acting = a }

func (p *Pool) holder() any {
	if p.acting == nil {
		return nil
	}
	return p.acting.Holder()
}

// blame panics about what whoever runs has done to a block.
func (p *Pool) blame(did string, b ID, s State) {
	who := "dataplane: somebody outside put and service"
	if p.acting != nil {
		who = p.acting.String()
	}
	panic(fmt.Sprintf("%s: %s block %d, which %s", who, did, b, s))
}

// owned checks that whoever runs now may do something with a block.
func (p *Pool) owned(b ID, did string) *entry {
	e := &p.ledger[b]
	if e.state != Held && e.state != Linked {
		p.blame(did, b, e.state)
	}
	if p.acting != nil && e.holder != nil && e.holder != p.acting.Holder() {
		p.blame(did, b, Held)
	}
	return e
}

// Pass moves a message's blocks from whoever runs into a state.
func (p *Pool) Pass(b ID, did string, s State, holder any) {
	for ; b != 0; b = p.head[b].next {
		e := p.owned(b, did)
		e.state, e.holder = s, holder
	}
}

// Receive gives a message's blocks, which were in a state, to whoever runs.
func (p *Pool) Receive(b ID, from State) {
	for ; b != 0; b = p.head[b].next {
		e := &p.ledger[b]
		if e.state != from {
			p.blame("takes", b, e.state)
		}
		e.state, e.holder = Held, p.holder()
	}
}

// Use counts the times that a block was allocated.
func (p *Pool) Use(b ID) uint64 { return p.ledger[b].use }

// Holds tells whether a block is still held by a holder, since it was allocated for the
// use.
func (p *Pool) Holds(holder any, b ID, use uint64) bool {
	e := &p.ledger[b]
	return e.state == Held && e.holder == holder && e.use == use
}

func (p *Pool) noteAllocated(b ID) {
	e := &p.ledger[b]
	e.state, e.holder = Held, p.holder()
	e.use++
}

func (p *Pool) noteFreed(b ID) { p.owned(b, "frees").state = Free }

func (p *Pool) noteLinked(b ID) {
	for ; b != 0; b = p.head[b].next {
		p.owned(b, "links").state = Linked
	}
}

// A parked block is nobody's: whoever finds it so may free it.
func (p *Pool) noteParked(b ID)   { p.owned(b, "parks").state = Parked }
func (p *Pool) noteUnparked(b ID) { p.ledger[b].state, p.ledger[b].holder = Held, p.holder() }
