package node

import (
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// up asks for the signalling link, and starts ILMI.
func (n *Node) up(i *iface) {
	if i.mgmt != nil {
		i.mgmt.Start(n.now)
	}
	if err := i.step(&q2931.Event{Kind: q2931.LinkRequest}); err != nil {
		n.counters.Refused++
	}
}

// signal is what Q.2931 at an interface has to say to call control.
func (n *Node) signal(i *iface, e *q2931.Event) {
	switch e.Kind {
	case q2931.SetupIndication:
		n.arrived(i, e)
		return
	case q2931.RestartIndication: // its calls have been cleared one by one
		_ = i.step(&q2931.Event{Kind: q2931.RestartResponse, Call: e.Call, Elements: e.Elements})
		return
	}
	if e.Kind == q2931.LeafIndication { // only roots add leaves here: whoever wants to join hears so at once (UNI 4.0, 6)
		c := &ie.Cause{Location: i.calls.Config().Location, Value: ie.CauseServiceNotAvailable}
		_ = i.step(&q2931.Event{Kind: q2931.LeafFailureRequest, Leaf: e.Leaf, Cause: c, Elements: []ie.Element{ie.New(c)}}) // refused: its link is full
		return
	}
	l := i.legs[e.Call]
	if l == nil {
		return
	}
	if e.Kind >= q2931.AddPartyIndication && e.Kind <= q2931.DropPartyConfirm {
		n.partySignal(l, e)
		return
	}
	c := l.call
	switch e.Kind {
	case q2931.ProceedingIndication:
		l.learn()
	case q2931.AlertingIndication:
		l.learn()
		if c != nil && c.out == l {
			c.alerting(passed(e.Elements))
		}
	case q2931.SetupConfirm:
		n.accepted(l, passed(e.Elements))
	case q2931.SetupCompleteIndication:
		if c.phase == active && c.out.app != nil && !c.out.app.known {
			c.out.app.send(Okay, 0, nil)
		}
	case q2931.ReleaseIndication:
		n.releasing(l, value(e.Cause))
	case q2931.ReleaseConfirm:
		n.released(l, value(e.Cause))
	}
}

// accepted is CONNECT.
func (n *Node) accepted(l *leg, answer []ie.Element) {
	c := l.call
	known := l.learn()
	switch {
	case c == nil: // it is being released
	case c.out == l && !known:
		c.clear(nil, ie.CauseVCUnacceptable)
	case c.out == l && c.phase <= programming:
		c.accepted(answer)
	case !known:
		c.prune(l, ie.CauseVCUnacceptable)
	default:
		c.branchAccepted(l)
	}
}

// arrived is a SETUP.
func (n *Node) arrived(i *iface, e *q2931.Event) {
	l := &leg{iface: i, ref: e.Call}
	i.legs[e.Call] = l
	contract := ContractOf(e.Elements)
	cause := l.settle(ie.Find[ie.Connection](e.Elements))
	if cause == 0 && !l.reserve(contract.BackwardRate, contract.ForwardRate) {
		cause = ie.CauseRateNotAvailable
		n.counters.NoCapacity++
	}
	if cause != 0 {
		l.release(cause)
		return
	}
	n.begin(l, e.Elements, CalledAddress(e.Elements), i.Port, uint32(e.Party))
}

// settle decides the VC of an incoming call: the network side gives it, and the user
// side takes what it is given (5.1.2, 5.2.3). What it returns is a cause, or 0.
func (l *leg) settle(asked *ie.Connection) uint8 {
	i := l.iface
	switch {
	case !i.network():
		if asked == nil || asked.Exclusive != ie.ExclusiveVCI || !i.vcs.offers(asked.VPCI, asked.VCI) {
			return ie.CauseVCUnacceptable
		}
		if !i.vcs.claim(asked.VPCI, asked.VCI) {
			return ie.CauseVCNotAvailable
		}
		l.hold(asked.VPCI, asked.VCI)
	case asked != nil && asked.Exclusive == ie.ExclusiveVCI: // UNI 4.0: the user may ask
		if !i.vcs.offers(asked.VPCI, asked.VCI) || !i.vcs.claim(asked.VPCI, asked.VCI) {
			return ie.CauseVCNotAvailable
		}
		l.hold(asked.VPCI, asked.VCI)
	default:
		return l.take()
	}
	return 0
}

// take gives the leg a VC of the network side's choice.
func (l *leg) take() uint8 {
	vpi, vci, ok := l.iface.vcs.take()
	if !ok {
		l.iface.n.counters.NoChannel++
		return ie.CauseNoVC
	}
	l.hold(vpi, vci)
	return 0
}

func (l *leg) hold(vpi, vci uint16) {
	l.vc, l.given = VC{l.iface.Port, vpi, vci}, true
}

// learn takes the VC that the network has given to an outgoing call.
func (l *leg) learn() bool {
	if l.vc.Port != 0 {
		return true
	}
	info, ok := l.iface.calls.Info(l.ref)
	if !ok || info.Connection == nil {
		return false
	}
	c := info.Connection
	if !l.iface.vcs.offers(c.VPCI, c.VCI) || !l.iface.vcs.claim(c.VPCI, c.VCI) {
		return false
	}
	l.hold(c.VPCI, c.VCI)
	return true
}

func (l *leg) reserve(out, in uint32) bool {
	i := l.iface
	if !i.admits(out, in) {
		return false
	}
	l.out, l.in = uint64(out), uint64(in)
	i.out, i.in = i.out+l.out, i.in+l.in
	return true
}

// ask sends SETUP to an interface. What it returns is a cause, or 0.
func (n *Node) ask(c *call, i *iface) uint8 {
	l, cause := n.setUp(c, i, c.setup)
	if cause != 0 {
		return cause
	}
	c.out = l
	if c.tree != nil {
		c.sprout(l, c.tree.first())
	}
	c.in.proceeding()
	return 0
}

// setUp makes a leg of a SETUP. Without one it returns a cause.
func (n *Node) setUp(c *call, i *iface, setup []ie.Element) (*leg, uint8) {
	l := &leg{iface: i, call: c}
	elements := without(setup, ie.ConnectionID, ie.EndpointReferenceID)
	if !l.reserve(c.contract.ForwardRate, c.contract.BackwardRate) {
		n.counters.NoCapacity++
		return nil, ie.CauseRateNotAvailable
	}
	if i.network() {
		if cause := l.take(); cause != 0 {
			l.free()
			return nil, cause
		}
		elements = append(elements, l.identify())
	}
	e := q2931.Event{Kind: q2931.SetupRequest, Elements: elements}
	if err := i.step(&e); err != nil {
		l.free()
		return nil, ie.CauseTemporaryFailure
	}
	l.ref = e.Call
	i.legs[e.Call] = l
	return l, 0
}

// releasing: the peer clears. The VC is given up before it hears so.
func (n *Node) releasing(l *leg, cause uint8) {
	c := l.call
	answer := func() { // refused: both sides have cleared at once, and it has ended meanwhile
		_ = l.iface.step(&q2931.Event{Kind: q2931.ReleaseResponse, Call: l.ref})
	}
	switch {
	case c == nil:
		answer()
	case c.phase == calling && c.out == l:
		answer()
		l.call = nil // what is left of it is its own business
		c.refused(cause)
	case c.phase != clearing && c.isBranch(l):
		c.branchGone(l, cause)
		answer()
	default:
		c.clear(l, cause)
		answer()
	}
}

// released: the call is gone from the interface.
func (n *Node) released(l *leg, cause uint8) {
	c := l.call
	l.free()
	switch {
	case c == nil:
	case c.phase == calling && c.out == l:
		c.refused(cause)
	case c.phase != clearing && c.isBranch(l):
		c.branchGone(l, cause)
	default:
		c.clear(l, cause)
	}
}

// Clear ends a call; false when there is none of this number. It is an operator's doing
// (cause 31), and the actions it leads to are those of any other clearing.
func (n *Node) Clear(now time.Duration, id uint64) bool {
	n.at(now)
	c := n.calls[id]
	if c != nil {
		c.clear(nil, ie.CauseUnspecified)
		n.drain()
	}
	return c != nil
}

// passed are the elements that go from one leg to the other: all but the names of things
// that are an interface's own.
func passed(elements []ie.Element) []ie.Element {
	return without(elements, ie.ConnectionID, ie.EndpointReferenceID, ie.CauseID)
}

func value(c *ie.Cause) uint8 {
	if c == nil {
		return ie.CauseNormal
	}
	return c.Value
}
