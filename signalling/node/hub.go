package node

import (
	"syscall"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// HubTimeout is how long the hub may take for an answer: what is not answered by then
// counts as refused, so that a hub which hangs holds up no call for ever.
const HubTimeout = 5 * time.Second

// late is the status of a question that was not answered in time.
const late = -int32(syscall.ETIMEDOUT)

// question is what the hub has been asked, in the order of time.
type question struct {
	token uint32
	until time.Duration
}

// request makes a token for what the hub will answer.
func (n *Node) request(w waiter) uint32 {
	for {
		n.token++
		if _, taken := n.waiting[n.token]; n.token != 0 && !taken {
			break
		}
	}
	n.waiting[n.token] = w
	n.questions = append(n.questions, question{n.token, n.now + HubTimeout})
	return n.token
}

// unanswered gives up on what the hub has not answered by now.
func (n *Node) unanswered() {
	for n.forget(); len(n.questions) > 0 && n.questions[0].until <= n.now; n.forget() {
		n.counters.HubLate++
		n.replied(&Event{Kind: Reply, Token: n.questions[0].token, Status: late})
	}
}

// forget drops the questions in front that have been answered.
func (n *Node) forget() {
	k := 0
	for k < len(n.questions) {
		if _, asked := n.waiting[n.questions[k].token]; asked {
			break
		}
		k++
	}
	n.questions = n.questions[k:]
}

// waiter is whom an answer of the hub is for: a call, or a branch or a party of it.
type waiter struct {
	c      *call
	branch *leg
	party  *party
}

// program asks the hub to carry a call whose legs both have what they need.
func (n *Node) program(c *call) uint32 {
	token := n.request(waiter{c: c})
	a := Action{Token: token, Contract: c.contract, Cookie: c.cookie()}
	switch {
	case c.in.app != nil:
		a.Kind, a.Conn, a.VC = Add, c.in.app.conn, c.out.vc
	case c.out.app != nil:
		a.Kind, a.Conn, a.VC = Add, c.out.app.conn, c.in.vc
	default:
		a.Kind, a.VC, a.Other, a.OneWay = Cross, c.in.vc, c.out.vc, c.tree != nil
	}
	n.act(a)
	c.undo = Action{Kind: Delete, Token: token, Conn: a.Conn, VC: a.VC, Other: a.Other}
	return token
}

// deprogram takes away what program asked for, answered or not.
func (n *Node) deprogram(c *call) {
	n.act(c.undo)
	c.token = 0
}

// replied is the hub's answer to Incoming, Add or Cross.
func (n *Node) replied(e *Event) {
	w, asked := n.waiting[e.Token]
	if !asked {
		n.counters.Stray++
		if e.Conn != 0 && n.apps[e.Conn] == nil { // offered too late: nobody will take it
			a := &app{n: n, conn: e.Conn}
			n.apps[e.Conn] = a
			a.end(ie.CauseTimerExpired)
		}
		return
	}
	delete(n.waiting, e.Token)
	c := w.c
	if w.party != nil {
		w.party.confirmed(e.Status)
		return
	}
	if w.branch != nil {
		c.branchWorks(w.branch, e.Status)
		return
	}
	if c.out != nil && c.out.iface == nil && c.out.app == nil && !c.out.gone {
		n.offered(c, e)
		return
	}
	c.works(e.Status)
}

// switched is an interface that has lost its port, or got it back. Calls that are not
// established are cleared by Q.2931 itself when the link is released.
func (n *Node) switched(e *Event) {
	i := n.ifaces[e.Port]
	switch {
	case i == nil:
		n.counters.Stray++
	case e.Kind == Up:
		n.up(i)
	default:
		if i.mgmt != nil {
			i.mgmt.Stop(n.now)
			n.wake(i)
		}
		for _, l := range i.sorted() {
			n.lost(l, ie.CauseNetworkOut)
		}
	}
}

// lost ends the call of a leg whose interface has failed it.
func (n *Node) lost(l *leg, cause uint8) {
	switch {
	case l.gone:
	case l.call != nil && l.call.isBranch(l):
		l.call.prune(l, cause)
	case l.call != nil:
		l.call.clear(nil, cause)
	default:
		l.release(cause)
	}
}
