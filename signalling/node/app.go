package node

import (
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
)

// app is an application's connection: a listener, or the leg of a call.
type app struct {
	n      *Node
	conn   control.ConnID
	leg    *leg            // of a call, nil of a listener
	local  address.Address // bound or listened to
	listen bool
	known  bool // it has heard Okay
	told   bool // it has heard Failed or Closed
}

// send is a SOCK message for the application.
func (a *app) send(kind ActionKind, cause uint8, elements []ie.Element) {
	a.known = a.known || kind == Okay
	a.n.act(Action{Kind: kind, Conn: a.conn, Cause: cause, Elements: elements})
}

// end tells the application that its call is over. Its CLOSE is still to come.
func (a *app) end(cause uint8) {
	switch {
	case a.told:
	case a.known:
		a.send(Closed, cause, nil)
	default:
		a.send(Failed, cause, nil)
	}
	a.told = true
}

// Step takes what has happened, other than a PDU. What is about something that is not
// there is counted.
func (n *Node) Step(now time.Duration, e *Event) {
	n.at(now)
	switch e.Kind {
	case Reply:
		n.replied(e)
	case Up, Down:
		n.switched(e)
	case Bind, Listen, Connect:
		n.opened(e)
	case AddParty, DropParty:
		n.partyAsked(e)
	default:
		if a := n.apps[e.Conn]; a != nil {
			n.answered(a, e)
		} else {
			n.counters.Stray++
		}
	}
	n.drain()
}

// opened is the first message of a connection, or the second of a bound one.
func (n *Node) opened(e *Event) {
	a := n.apps[e.Conn]
	if a == nil {
		a = &app{n: n, conn: e.Conn}
		n.apps[e.Conn] = a
	}
	if a.listen || a.leg != nil { // it is something already
		n.counters.Stray++
		return
	}
	switch e.Kind {
	case Bind:
		a.local = e.Calling
		a.n.act(Action{Kind: Okay, Conn: a.conn})
	case Listen:
		n.listen(a, e.Called)
	case Connect:
		n.connect(a, e)
	}
}

func (n *Node) listen(a *app, local address.Address) {
	if _, taken := n.listeners[local]; taken || len(n.listeners) == MaxListeners {
		a.end(ie.CauseNoResource)
		return
	}
	n.listeners[local] = a.conn
	a.local, a.listen = local, true
	n.act(Action{Kind: Okay, Conn: a.conn})
}

// connect is a call of an application.
func (n *Node) connect(a *app, e *Event) {
	a.leg = &leg{app: a}
	calling := e.Calling
	if calling.IsZero() {
		calling = a.local
	}
	n.begin(a.leg, setupOf(e, calling), e.Called, 0, 0)
}

// partyAsked is what the application at the root of a call to many says about a leaf.
func (n *Node) partyAsked(e *Event) {
	a := n.apps[e.Conn]
	if a == nil || a.leg == nil || a.leg.call == nil || a.leg.call.in != a.leg {
		n.counters.Stray++
		return
	}
	c := a.leg.call
	if e.Kind == AddParty {
		calling := e.Calling
		if calling.IsZero() {
			calling = c.calling
		}
		n.addParty(c, e.Leaf, partyElements(setupOf(e, calling)), e.Called)
		return
	}
	cause := causeOr(e.Cause, ie.CauseNormal)
	var p *party
	if c.tree != nil {
		p = c.tree.parties[e.Leaf]
	}
	a.sendLeaf(Released, e.Leaf, cause)
	switch {
	case c.tree == nil || p != nil && len(c.tree.parties) == 1: // Q.2971, 9.3: with the last party goes the call
		c.clear(nil, cause)
	case p == nil: // it has gone meanwhile
	default:
		p.drop(cause)
	}
}

// answered is what the application says about its connection.
func (n *Node) answered(a *app, e *Event) {
	switch {
	case e.Kind == Close:
		n.closed(a, e.Cause)
	case a.leg == nil || a.leg.call == nil || a.leg.call.out != a.leg || a.leg.call.phase != calling:
		if e.Kind == Reject {
			n.closed(a, e.Cause) // its refusal has crossed the call's end
		} else if a.leg == nil {
			n.counters.Stray++
		}
	case e.Kind == Alert:
		a.leg.call.in.proceeding()
		a.leg.call.alerting(e.Elements)
	case e.Kind == Accept:
		a.leg.call.accepted(e.Elements)
	case e.Kind == Reject:
		n.gone(a)
		a.leg.call.refused(causeOr(e.Cause, ie.CauseRejected))
	}
}

// causeOr is an application's cause, or the ordinary one when it gave none, or none of the
// 7 bits that there are (Q.2931, 4.5.15): Q.2931 would refuse to clear for it.
func causeOr(given, ordinary uint8) uint8 {
	if given == 0 || given > 0x7f {
		return ordinary
	}
	return given
}

// closed: the application has let go of whatever it is.
func (n *Node) closed(a *app, cause uint8) {
	cause = causeOr(cause, ie.CauseNormal)
	l := a.leg
	if l == nil || l.call == nil {
		n.gone(a)
		return
	}
	c := l.call
	if c.phase == clearing {
		n.gone(a)
		c.ended()
		return
	}
	l.gone = true // its RELEASED comes behind the Delete
	c.clear(l, cause)
	n.gone(a)
	c.ended()
}

// gone ends a connection: RELEASED is the last that is said of it.
func (n *Node) gone(a *app) {
	if a.listen {
		delete(n.listeners, a.local)
	}
	if a.leg != nil {
		a.leg.gone = true
	}
	delete(n.apps, a.conn)
	n.act(Action{Kind: Released, Conn: a.conn})
}

// offer gives a call to a target. What it returns is a cause, or 0.
func (n *Node) offer(c *call, t target) uint8 {
	if t.listener == 0 {
		return n.ask(c, n.ifaces[t.port])
	}
	c.out = &leg{call: c}
	n.act(Action{Kind: Incoming, Conn: t.listener, Token: n.request(waiter{c: c}), Called: c.called,
		Calling: callingAddress(c.setup), Contract: c.contract, Elements: passed(c.setup)})
	return 0
}

// offered is the hub's answer to Incoming.
func (n *Node) offered(c *call, e *Event) {
	l := c.out
	if e.Status < 0 {
		l.gone = true
		if c.phase == clearing {
			c.ended()
			return
		}
		c.refused(ie.CauseBusy)
		return
	}
	a := &app{n: n, conn: e.Conn, leg: l}
	n.apps[e.Conn] = a
	l.app = a
	if c.phase == clearing { // the caller has given up meanwhile
		a.end(c.cause)
	}
}
