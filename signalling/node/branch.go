package node

import (
	"maps"
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// partySignal is what Q.2931 says of a party of a call.
func (n *Node) partySignal(l *leg, e *q2931.Event) {
	c := l.call
	switch {
	case e.Kind == q2931.AddPartyIndication && (c == nil || c.in != l):
		l.partyStep(q2931.AddPartyRefusal, e.Party, ie.CauseTemporaryFailure)
	case c == nil || c.tree == nil:
		if e.Kind == q2931.DropPartyIndication {
			l.partyStep(q2931.DropPartyResponse, e.Party, 0)
		}
	case c.in == l:
		n.rootSignal(c, e)
	default:
		c.branchSignal(l, e)
	}
}

// rootSignal is what the root's interface says.
func (n *Node) rootSignal(c *call, e *q2931.Event) {
	p := c.tree.parties[uint32(e.Party)]
	switch e.Kind {
	case q2931.AddPartyIndication:
		n.addParty(c, uint32(e.Party), e.Elements, CalledAddress(e.Elements))
	case q2931.DropPartyIndication:
		cause := causeOr(value(e.Cause), ie.CauseNormal)
		if p != nil && len(c.tree.parties) == 1 { // Q.2971, 9.3: with the last party goes the call
			c.clear(nil, cause)
			return
		}
		if p != nil {
			p.drop(cause)
		}
		c.in.partyStep(q2931.DropPartyResponse, e.Party, 0)
	case q2931.DropPartyConfirm:
		if p != nil { // the link has failed, or a status did not match
			p.drop(ie.CauseTemporaryFailure)
		}
	}
}

// branchSignal is what a branch's interface says.
func (c *call) branchSignal(l *leg, e *q2931.Event) {
	var p *party
	if l.twig != nil {
		p = l.twig.parties[e.Party]
	}
	switch e.Kind {
	case q2931.PartyAlertingIndication:
		if p != nil && c.in.iface != nil && c.in.iface.calls.Config().Version == q2931.UNI40 {
			c.in.partyStep(q2931.PartyAlertingRequest, uint16(p.root), 0)
		}
	case q2931.AddPartyConfirm:
		if p != nil {
			p.takesPart()
		}
	case q2931.DropPartyIndication:
		if p != nil {
			delete(l.twig.parties, e.Party)
			p.lost(causeOr(value(e.Cause), ie.CauseNormal))
		}
		c.noted(l)
		if len(l.twig.parties) == 0 && !l.gone { // Q.2971, 9.3.3: the branch goes with it
			c.cut(l)
		}
		l.partyStep(q2931.DropPartyResponse, e.Party, 0) // refused: the whole call is on its way out
	case q2931.DropPartyConfirm:
		if p == nil {
			return
		}
		delete(l.twig.parties, e.Party)
		p.lost(value(e.Cause))
		c.noted(l)
		if len(l.twig.parties) == 0 { // its last: the machine clears the call there
			c.cut(l)
		}
	}
}

// branchAccepted: CONNECT of a branch that is not the call's first. Now the hub has to copy to it.
func (c *call) branchAccepted(l *leg) {
	if l.twig.token != 0 || c.phase != active {
		return
	}
	c.tree.leaves++
	l.twig.leaf = c.tree.leaves
	l.twig.token = c.n.request(waiter{c: c, branch: l})
	c.n.act(Action{Kind: Join, Token: l.twig.token, Leaf: l.twig.leaf, VC: c.in.vc, Other: l.vc, Contract: c.contract})
}

// branchWorks is the hub's answer.
func (c *call) branchWorks(l *leg, status int32) {
	switch {
	case l.gone || l.call != c || c.phase != active:
	case status < 0:
		if status != late {
			l.twig.token = 0
		}
		c.n.counters.HubRefused++
		c.prune(l, ie.CauseNoResource)
	default:
		l.twig.joined = true
		l.complete()
		for _, p := range l.sortedParties() {
			p.takesPart()
		}
	}
}

// sortedParties are those of a branch by their references.
func (l *leg) sortedParties() (all []*party) {
	for _, ref := range slices.Sorted(maps.Keys(l.twig.parties)) {
		all = append(all, l.twig.parties[ref])
	}
	return all
}

// lost: a branch has lost the party, or never got it.
func (p *party) lost(cause uint8) {
	if p.gone {
		return
	}
	p.branch = nil
	c := p.call
	switch {
	case c.phase == clearing:
	case !p.active && retriable(cause) && len(p.targets) > 0:
		c.n.counters.Rerouted++
		p.next(cause)
	case !p.active:
		p.refuse(cause)
	default:
		p.leave(cause)
	}
}

// leave tells the root that a party has gone; the last one ends the call.
func (p *party) leave(cause uint8) {
	p.gone = true
	c := p.call
	delete(c.tree.parties, p.root)
	switch {
	case len(c.tree.parties) == 0:
		c.clear(nil, causeOr(cause, ie.CauseNormal))
	case c.in.app != nil:
		c.in.app.sendLeaf(Closed, p.root, cause)
	default:
		c.in.partyStep(q2931.DropPartyRequest, uint16(p.root), causeOr(cause, ie.CauseNormal))
	}
}

// drop is the root's doing: the party's branch is told, and goes when it leads to nobody else.
func (p *party) drop(cause uint8) {
	if p.gone {
		return
	}
	p.gone = true
	delete(p.call.tree.parties, p.root)
	l := p.branch
	if l == nil {
		return
	}
	p.branch = nil
	delete(l.twig.parties, p.ref)
	if len(l.twig.parties) == 0 {
		p.call.prune(l, cause)
		return
	}
	l.partyStep(q2931.DropPartyRequest, p.ref, cause)
	p.call.noted(l)
}

// prune ends a branch, and with it whoever is on it.
func (c *call) prune(l *leg, cause uint8) {
	parties := l.sortedParties()
	l.twig.parties = nil
	c.cut(l)
	l.release(cause)
	for _, p := range parties {
		p.lost(cause)
	}
}

// cut takes a branch off the tree: the hub copies to it no longer, before its VC is anybody
// else's. What is left of its leg is its own business.
func (c *call) cut(l *leg) {
	at := slices.Index(c.tree.branches, l)
	if at < 0 || c.phase == clearing { // the whole tree is being taken away
		return
	}
	c.tree.branches = slices.Delete(c.tree.branches, at, at+1)
	if l.twig.token != 0 {
		c.n.act(Action{Kind: Prune, Leaf: l.twig.leaf, VC: c.in.vc, Other: l.vc, Token: l.twig.token})
		l.twig.token = 0
	}
	if c.out == l {
		c.out = nil
	}
	l.call = nil
}

// isBranch says whether a leg is one of several of an active call, or may be: the root's own
// VC, an application's, has no branches.
func (c *call) isBranch(l *leg) bool {
	return c.tree != nil && l != c.in && l.twig != nil && c.phase == active && c.in.app == nil
}

// branchGone: a branch has been released, by its peer or by its machine.
func (c *call) branchGone(l *leg, cause uint8) {
	parties := l.sortedParties()
	l.twig.parties = nil
	c.cut(l)
	for _, p := range parties {
		p.lost(cause)
	}
}
