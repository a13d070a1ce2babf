package node

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
)

// phase is what a call has come to.
type phase uint8

const (
	calling     phase = iota // the outgoing leg has been asked
	programming              // it has accepted; the hub is asked for the VC
	active                   // the VC works, and both legs know
	clearing                 // one leg or the node has given up; the legs end one by one
)

// call is two legs, and what one has said that the other has to hear.
type call struct {
	n        *Node
	id       uint64
	begun    time.Duration
	calling  address.Address
	in, out  *leg
	phase    phase
	setup    []ie.Element // of the SETUP or CONNECT
	answer   []ie.Element // of the CONNECT or ACCEPT
	called   address.Address
	contract Contract
	targets  []target // not tried yet
	cause    uint8    // why the last one refused
	token    uint32   // of the request to the hub that is under way or done; 0 none
	undo     Action   // what takes it back
	tree     *tree    // of a call to many
}

// begin routes a call that has come.
func (n *Node) begin(in *leg, setup []ie.Element, called address.Address, from uint16, root uint32) {
	c := &call{n: n, in: in, setup: setup, called: called, contract: ContractOf(setup), cause: ie.CauseUnallocatedNumber}
	c.calling, c.begun = callingAddress(setup), n.now
	in.call = c
	n.counters.Calls++
	c.id = n.counters.Calls
	n.calls[c.id] = c
	if isMultipoint(setup) {
		c.plant(root)
	}
	c.targets = n.targets(called, from)
	if len(c.targets) == 0 {
		n.counters.NoRoute++
	}
	c.next()
}

// next offers the call to the next target, or ends it when there is none left.
func (c *call) next() {
	for len(c.targets) > 0 {
		t := c.targets[0]
		c.targets = c.targets[1:]
		cause := c.n.offer(c, t)
		if cause == 0 {
			return
		}
		c.cause = cause
	}
	c.clear(nil, c.cause)
}

// refused is the outgoing leg's refusal: it is gone, or on its way. For some causes
// another route may do better (the crankback of an IISP's alternative routes).
func (c *call) refused(cause uint8) {
	c.out = nil
	if c.tree != nil {
		c.tree.branches = nil
	}
	c.cause = cause
	if c.phase == calling && retriable(cause) && len(c.targets) > 0 {
		c.n.counters.Rerouted++
		c.next()
		return
	}
	c.targets = nil
	c.clear(nil, cause)
}

var rerouted = []uint8{
	ie.CauseNoRouteNetwork, ie.CauseNoRoute, ie.CauseVCUnacceptable, ie.CauseVCNotAvailable,
	ie.CauseVCAssignmentFailure, ie.CauseRateNotAvailable, ie.CauseNetworkOut, ie.CauseTemporaryFailure,
	ie.CauseNoVC, ie.CauseNoResource, ie.CauseQoSNotAvailable, ie.CauseRateNotAvailable30,
}

func retriable(cause uint8) bool { return slices.Contains(rerouted, cause) }

// proceeding and alerting tell the incoming leg how far the outgoing one is.
func (c *call) alerting(elements []ie.Element) {
	if c.phase == calling {
		c.in.alerting(elements)
	}
}

// accepted is the outgoing leg's answer: now the hub has to carry the call.
func (c *call) accepted(answer []ie.Element) {
	if c.phase != calling {
		return
	}
	c.phase, c.answer = programming, answer
	c.token = c.n.program(c)
}

// works is the hub's answer.
func (c *call) works(status int32) {
	switch {
	case c.phase == active && status < 0: // what was to be taken over is there no more
		c.token = 0
		c.forsake()
		c.clear(nil, ie.CauseTemporaryFailure)
	case c.phase != programming:
	case status < 0:
		if status != late { // or the hub may do it yet: then it has to be asked away
			c.token = 0
		}
		c.n.counters.HubRefused++
		c.clear(nil, ie.CauseNoResource)
	default:
		c.phase = active
		if !c.in.connected(c.answer) { // the answer is one that no message can carry
			c.clear(nil, ie.CauseTemporaryFailure)
			return
		}
		c.n.counters.Connected++
		c.out.complete()
		c.answer, c.targets = nil, nil
		if c.tree == nil {
			c.setup = nil
		} else {
			c.rooted()
		}
	}
}

// clear ends the call. by is the leg that wants it, nil if it is the node.
func (c *call) clear(by *leg, cause uint8) {
	if c.phase == clearing {
		c.ended()
		return
	}
	c.phase, c.targets = clearing, nil
	if c.token != 0 { // before anybody is told that the VC is free
		c.n.deprogram(c)
	}
	for _, l := range c.legs() {
		if l != by && !l.gone {
			l.release(cause)
		}
	}
	c.ended()
}

// legs are the call's ends: two, or the root and all branches.
func (c *call) legs() (all []*leg) {
	if c.in != nil {
		all = append(all, c.in)
	}
	if c.out != nil {
		all = append(all, c.out)
	}
	if c.tree != nil {
		for _, l := range c.tree.branches {
			if l != c.out {
				all = append(all, l)
			}
		}
	}
	return all
}

// ended lets go of a call whose legs are gone.
func (c *call) ended() {
	if c.phase != clearing || c.n == nil {
		return
	}
	if !slices.ContainsFunc(c.legs(), func(l *leg) bool { return !l.gone }) {
		delete(c.n.calls, c.id)
		c.n = nil
	}
}
