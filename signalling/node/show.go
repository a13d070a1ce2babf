package node

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/q2931"
	"github.com/cellhub/cellhub/signalling/sscf"
)

// Call is what is known of a call.
type Call struct {
	ID              uint64 // counts up from 1
	State           string // calling, programming, active or clearing
	Calling, Called address.Address
	In, Out         End
	Contract        Contract
	Age             time.Duration
	// Leaves is how many parties a call to many has, Parties the first of them.
	Leaves  int     `json:",omitempty"`
	Parties []Party `json:",omitempty"`
}

// MaxShown is how many parties of a call are shown.
const MaxShown = 100

// Party is what is known of a party of a call to many.
type Party struct {
	Leaf   uint32 // the root's number of it
	State  string // adding or active
	Called address.Address
	Out    End // of the branch that it is on; others may be too
}

// End is one end of a call: a call of an interface, or an application's connection. All
// zero: not there yet, or not any more.
type End struct {
	VC    VC         // of an interface; VCI 0: not known yet
	Ref   q2931.Call // the call reference there
	State string     // the state of Q.2931 there
	Conn  control.ConnID
}

// Status is what is known of an interface.
type Status struct {
	Port      uint16
	Side      q2931.Side
	Version   q2931.Version
	Link      sscf.State
	Calls     int
	Out, In   uint64 // cells a second set aside, from here and to here
	Capacity  uint32
	Addresses []address.Address
}

var phaseNames = [...]string{calling: "calling", programming: "programming", active: "active", clearing: "clearing"}

// Calls are up to most calls from the one with this number on, by their numbers; the
// number to go on with, or 0: there are no more.
func (n *Node) Calls(from uint64, most int) (calls []Call, next uint64) {
	var ids []uint64
	for id := range n.calls {
		if id >= from {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for k, id := range ids {
		if k == most {
			return calls, id
		}
		c := n.calls[id]
		k := Call{ID: id, State: phaseNames[c.phase], Calling: c.calling, Called: c.called,
			In: c.in.end(), Out: c.out.end(), Contract: c.contract, Age: n.now - c.begun}
		if c.tree != nil {
			k.Leaves, k.Parties = len(c.tree.parties), c.tree.show()
		}
		calls = append(calls, k)
	}
	return calls, 0
}

func (t *tree) show() (all []Party) {
	for _, p := range t.sorted() {
		if len(all) == MaxShown {
			break
		}
		k := Party{Leaf: p.root, State: "adding", Called: p.called, Out: p.branch.end()}
		if p.active {
			k.State = "active"
		}
		all = append(all, k)
	}
	return all
}

func (l *leg) end() (e End) {
	switch {
	case l == nil || l.gone:
	case l.app != nil:
		e.Conn = l.app.conn
	case l.iface != nil:
		e.VC, e.Ref = l.vc, l.ref
		e.VC.Port = l.iface.Port
		if info, ok := l.iface.calls.Info(l.ref); ok {
			e.State = info.State.String()
		}
	}
	return e
}

// Interfaces are the interfaces, in the order in which they were added.
func (n *Node) Interfaces() (all []Status) {
	for _, i := range n.order {
		c := i.calls.Config()
		all = append(all, Status{Port: i.Port, Side: c.Side, Version: c.Version, Link: i.saal.State(), Calls: i.calls.Len(),
			Out: i.out, In: i.in, Capacity: i.Capacity, Addresses: slices.Clone(i.addresses)})
	}
	return all
}
