package pcb

import (
	"strconv"
	"syscall"
)

// MaxLeaves is the most leaves of one root: endpoint references of Q.2971 have 15 bits.
const MaxLeaves = 1 << 15

// LeafState is what a leaf of a point-to-multipoint root has come to.
type LeafState uint8

// The states of a leaf.
const (
	LeafNone     LeafState = iota // no such leaf
	LeafAdding                    // the manager is asked
	LeafActive                    // takes part
	LeafDropping                  // the user has dropped it, the manager has not released it
	numLeafStates
)

var leafStateNames = [numLeafStates]string{"none", "adding", "active", "dropping"}

// String gives the state's name in small letters.
func (s LeafState) String() string {
	if s < numLeafStates {
		return leafStateNames[s]
	}
	return "leaf state " + strconv.Itoa(int(s))
}

// LeafEvent is a message that names a leaf.
type LeafEvent uint8

// The events: the user's ADDPARTY and DROPPARTY, and the manager's messages with TLV LEAF.
const (
	LeafAdd LeafEvent = iota
	LeafDrop
	LeafOkay
	LeafFail
	LeafClosed
	LeafReleased
	numLeafEvents
)

// leafCell is what happens on an event to a leaf.
type leafCell struct {
	next    LeafState
	do      Action // None, Forward or UserReleased
	errno   syscall.Errno
	decided bool
}

func leafTo(next LeafState, do Action) leafCell { return leafCell{next: next, do: do, decided: true} }
func leafNo(errno syscall.Errno) leafCell       { return leafCell{errno: errno, decided: true} }

// leafTransitions is the leaf's machine. A leaf is gone with the manager's first word that
// says so; what crosses DROPPARTY is not refused.
var leafTransitions = [numLeafStates][numLeafEvents]leafCell{
	LeafNone: {
		LeafAdd: leafTo(LeafAdding, Forward), LeafDrop: leafNo(syscall.ENOENT), LeafOkay: leafNo(syscall.ENOENT),
		LeafFail: leafTo(LeafNone, None), LeafClosed: leafTo(LeafNone, None), LeafReleased: leafTo(LeafNone, None),
	},
	LeafAdding: {
		LeafAdd: leafNo(already), LeafDrop: leafTo(LeafDropping, Forward), LeafOkay: leafTo(LeafActive, Forward),
		LeafFail: leafTo(LeafNone, Forward), LeafClosed: leafTo(LeafNone, Forward), LeafReleased: leafTo(LeafNone, Forward),
	},
	LeafActive: {
		LeafAdd: leafNo(isConn), LeafDrop: leafTo(LeafDropping, Forward), LeafOkay: leafNo(isConn),
		LeafFail: leafTo(LeafNone, Forward), LeafClosed: leafTo(LeafNone, Forward), LeafReleased: leafTo(LeafNone, Forward),
	},
	LeafDropping: { // DROPPARTY beats OKAY
		LeafAdd: leafNo(already), LeafDrop: leafNo(already), LeafOkay: leafTo(LeafDropping, None),
		LeafFail: leafTo(LeafNone, UserReleased), LeafClosed: leafTo(LeafNone, UserReleased), LeafReleased: leafTo(LeafNone, UserReleased),
	},
}

// FirstLeaf is the leaf that came with the connection itself.
const FirstLeaf = 0

// Leaf is the state of a leaf of the root.
func (p *PCB) Leaf(id uint32) LeafState {
	if s := p.leaves[id]; s != LeafNone || id != FirstLeaf || p.firstGone || p.State != Connected && p.State != Held {
		return s
	}
	return LeafActive
}

// Leaves is how many leaves the root has beside the first, those being added and dropped
// included.
func (p *PCB) Leaves() int { return len(p.leaves) }

// EachLeaf gives the leaves that the user has asked something about, in no order.
func (p *PCB) EachLeaf(do func(id uint32, s LeafState)) {
	for id, s := range p.leaves {
		do(id, s)
	}
}

// StepLeaf lets an event happen to a leaf of a connection. The action is None, Forward or
// UserReleased, each of them with TLV LEAF. EINVAL: the id has more than 15 bits. What the
// root refuses to ADDPARTY and DROPPARTY is refused here too; to the manager, whose
// messages may have crossed the root's end, ENOTCONN. The other errors refuse the event in
// the leaf's state. After an error nothing has changed.
func (p *PCB) StepLeaf(id uint32, e LeafEvent) (Action, error) {
	if id >= MaxLeaves || e >= numLeafEvents {
		return None, syscall.EINVAL
	}
	var root Result
	switch {
	case e == LeafAdd:
		root = p.Step(AddParty, false)
	case e == LeafDrop:
		root = p.Step(DropParty, false)
	case p.PVC || p.State != Connected && p.State != Held:
		return None, syscall.ENOTCONN
	}
	if root.Errno != 0 {
		return None, root.Errno
	}
	c := &leafTransitions[p.Leaf(id)][e]
	switch {
	case c.errno != 0:
		return None, c.errno
	case c.next == LeafNone:
		delete(p.leaves, id)
		p.firstGone = p.firstGone || id == FirstLeaf
	case p.leaves == nil:
		p.leaves = map[uint32]LeafState{id: c.next}
	default:
		p.leaves[id] = c.next
	}
	return c.do, nil
}
