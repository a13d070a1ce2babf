package pcb

import (
	"syscall"
	"time"
)

// StatusCloseDue is the status above 0 with which a manager's CLOSED or FAIL is
// answered: the user's CLOSE is still to come.
const StatusCloseDue = 1

// PCB is the block of one connection. Its fields are the hub's to read; the machine
// alone changes State, VC, PVC and Manager.
type PCB struct {
	State   State
	VC      bool   // the classifier's maps hold its VC
	PVC     bool   // has no manager, and outlives all of them
	Port    uint16 // port of the hub
	User    uint32 // process number of the application
	Manager uint32 // process number of the manager; 0 none
	Cause   uint8  // of Q.2931, when Cleared; the hub's to set

	orphan    bool // its manager has gone, or has released it: nobody is to be told
	userGone  bool // its user's process has ended: nobody is to be told
	firstGone bool // the leaf that came with the connection has gone: it may be added again
	lists
}

// Result is what an event has led to.
type Result struct {
	// Actions are to be carried out in this order, up to the first None.
	Actions [maxActions]Action
	// Errno is not 0 if the event is refused: nothing has changed.
	Errno syscall.Errno
	// Status answers the message: 0, StatusCloseDue, or the negated errno.
	Status int32
}

// Step is the machine: one event happens to the block. grace tells whether connections
// are held when their manager goes. What a Table has to know of it, its own methods do.
func (p *PCB) Step(e Event, grace bool) Result {
	e, errno := p.classify(e, grace)
	if errno != 0 {
		return Result{Errno: errno, Status: -int32(errno)}
	}
	if p.PVC && e == ManagerGone {
		return Result{}
	}
	c := &transitions[p.State][e]
	if c.errno != 0 {
		return Result{Errno: c.errno, Status: -int32(c.errno)}
	}
	held := p.State == Held
	p.State = c.next
	switch {
	case e == Attach:
		p.PVC = true
	case e == ManagerGone || e == lapse || e == Released:
		p.orphan = true
	case e == Okay && held:
		p.orphan = false
	}
	r := p.act(c)
	if (e == Closed || e == Fail) && p.State == Cleared {
		r.Status = StatusCloseDue
	}
	return r
}

// act gives the actions of a cell, without those for parties that are not there.
func (p *PCB) act(c *cell) (r Result) {
	n := 0
	for _, a := range c.do {
		switch a {
		case None:
			continue
		case BindVC:
			p.VC = true
		case UnbindVC:
			if !p.VC {
				continue
			}
			p.VC = false
		case UserReleased, UserUnattached, UserClosed:
			if p.userGone {
				continue
			}
		}
		r.Actions[n] = a
		n++
	}
	return r
}

// classify tells apart the events that depend on more than the state, and refuses what
// no state allows.
func (p *PCB) classify(e Event, grace bool) (Event, syscall.Errno) {
	alone := p.orphan || p.PVC
	switch {
	case e >= okayEarly:
		return e, syscall.EINVAL
	case p.State == Dead: // the table says ESTALE to everything
	case p.PVC && e >= Okay && e <= DelVC:
		return e, syscall.EPERM // a PVC is no manager's
	case p.PVC && (e == AddParty || e == DropParty):
		return e, syscall.EOPNOTSUPP
	case p.orphan && p.wantsManager(e):
		return e, syscall.EUNATCH
	case e == AddVC && p.VC:
		return e, syscall.EEXIST
	case e == DelVC && !p.VC && (p.State == Connecting || p.State == Accepting):
		return e, syscall.ENOENT
	case e == Reject && p.State == Cleared:
		e = Close // the call has ended before it was rejected
	}
	switch {
	case e == Close && alone:
		return closeAlone, 0
	case e == Okay && !p.VC:
		return okayEarly, 0
	case e == ManagerGone && grace && !p.PVC:
		return lapse, 0
	}
	return e, 0
}

// wantsManager tells whether the event is a user's request that a manager has to see to.
func (p *PCB) wantsManager(e Event) bool {
	switch e {
	case Bind, Listen, Connect, Accept, Defer, Modify, AddParty, DropParty:
		return true
	}
	return false
}

// lists are the places of a block in its table's lists: by slot, 0 none.
type lists struct {
	backlog  int                  // of a listener: calls that may wait
	waiting  int                  // of a listener: calls that wait
	first    uint32               // of a listener: a call that waits
	listener uint32               // of a call that waits
	next     uint32               // the next call of the same listener, or held connection
	previous uint32               //
	until    time.Duration        // of a held connection
	leaves   map[uint32]LeafState // of a root; those that there are
}
