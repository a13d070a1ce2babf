package node

import (
	"maps"
	"slices"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// tree is what a point-to-multipoint call has beside its two legs (Q.2971): parties, by the
// references of its root, and the branches that lead to them. Each interface has at most one
// branch: cells are copied where ways part.
type tree struct {
	parties  map[uint32]*party
	branches []*leg // in the order in which they began; call.out is the first
	leaves   uint32 // numbers of leaves that the hub has been given
}

// party is a leaf as its root has it.
type party struct {
	call    *call
	root    uint32 // endpoint reference at the root's interface, or the application's number
	setup   []ie.Element
	called  address.Address
	targets []target // not tried yet
	branch  *leg     // nil: none is asked
	ref     uint16   // endpoint reference there
	active  bool     // the root knows that it takes part
	gone    bool
}

// twig is what a leg is as a branch of a tree.
type twig struct {
	parties map[uint16]*party // by endpoint reference
	leaf    uint32            // the hub's number
	token   uint32            // of the request for it that is under way or done; 0 none
	joined  bool              // the hub carries it
}

// isMultipoint says whether a SETUP is for many (Q.2971, 8.2.1).
func isMultipoint(setup []ie.Element) bool {
	b := ie.Find[ie.BearerCapability](setup)
	return b != nil && b.Multipoint != 0
}

// plant makes a call one to many; its first party is that of its SETUP.
func (c *call) plant(root uint32) {
	c.tree = &tree{parties: map[uint32]*party{}}
	c.tree.parties[root] = &party{call: c, root: root, called: c.called}
}

// sprout makes the leg that a SETUP has gone out by a branch, with its one party.
func (c *call) sprout(l *leg, p *party) {
	p.branch, p.ref = l, firstRef(l)
	l.twig = &twig{parties: map[uint16]*party{p.ref: p}}
	c.tree.branches = append(c.tree.branches, l)
}

// firstRef is the endpoint reference that a leg's SETUP has.
func firstRef(l *leg) uint16 {
	if info, ok := l.iface.calls.Info(l.ref); ok && len(info.Parties) > 0 {
		return info.Parties[0].Party
	}
	return 0
}

// rooted: the first party takes part, by the first branch, which is the hub's leaf 0. An
// application at either end has the VC itself.
func (c *call) rooted() {
	for _, p := range c.tree.parties {
		p.active = true
	}
	if c.in.app == nil && c.out.app == nil {
		c.out.twig.joined, c.out.twig.token = true, c.token
	}
	if c.out.app == nil {
		c.noted(c.out)
	}
}

// first is the party of the SETUP, while there is no other.
func (t *tree) first() *party {
	for _, p := range t.parties {
		return p
	}
	return nil
}

// sorted are the parties in the order of their references.
func (t *tree) sorted() []*party {
	var all []*party
	for _, ref := range slices.Sorted(maps.Keys(t.parties)) {
		all = append(all, t.parties[ref])
	}
	return all
}

// addParty is the root's wish for another leaf.
func (n *Node) addParty(c *call, root uint32, elements []ie.Element, called address.Address) {
	p := &party{call: c, root: root, setup: without(elements, ie.EndpointReferenceID), called: called}
	switch {
	case c.phase != active || c.tree == nil || c.tree.parties[root] != nil:
		n.refuseParty(p, ie.CauseMessageIncompatible)
		return
	case c.out != nil && c.out.app != nil: // the hub gives a VC to one socket alone
		n.refuseParty(p, ie.CauseNoResource)
		return
	}
	n.counters.Parties++
	c.tree.parties[root] = p
	from := uint16(0)
	if c.in.iface != nil {
		from = c.in.iface.Port
	}
	for _, t := range n.targets(called, from) {
		if t.listener == 0 && (c.in.app == nil || c.branch(t.port) != nil) { // a root's own VC is on one interface
			p.targets = append(p.targets, t)
		}
	}
	cause := ie.CauseUnallocatedNumber
	if len(p.targets) == 0 {
		n.counters.NoRoute++
		cause = ie.CauseNoRoute
	}
	p.next(cause)
}

// branch is the call's branch at a port.
func (c *call) branch(port uint16) *leg {
	for _, l := range c.tree.branches {
		if l.iface.Port == port {
			return l
		}
	}
	return nil
}

// next offers the party to the next target, or refuses it when there is none left.
func (p *party) next(cause uint8) {
	for len(p.targets) > 0 {
		t := p.targets[0]
		p.targets = p.targets[1:]
		if cause = p.offer(t.port); cause == 0 {
			return
		}
	}
	p.refuse(cause)
}

// offer asks for the party at a port: by ADD PARTY where the call has gone already, by SETUP
// where it has not. What it returns is a cause, or 0.
func (p *party) offer(port uint16) uint8 {
	c, n := p.call, p.call.n
	l := c.branch(port)
	if l == nil {
		return n.askBranch(c, p, n.ifaces[port])
	}
	if info, ok := l.iface.calls.Info(l.ref); !ok || info.State != q2931.Active {
		return ie.CauseTemporaryFailure // it is about to be added, or to go
	}
	e := q2931.Event{Kind: q2931.AddPartyRequest, Call: l.ref, Elements: partyElements(p.setup)}
	if l.iface.step(&e) != nil {
		return ie.CauseTemporaryFailure
	}
	p.branch, p.ref = l, e.Party
	l.twig.parties[e.Party] = p
	return 0
}

// ofParties are the elements that an ADD PARTY may have (Q.2971, 8.1.1).
var ofParties = []ie.ID{ie.AALParametersID, ie.HighLayerID, ie.LowLayerID, ie.CalledNumberID, ie.CalledSubaddressID, ie.CallingNumberID,
	ie.CallingSubaddressID, ie.SendingCompleteID, ie.TransitNetworkID, ie.NotificationID, ie.TransitDelayID, ie.GenericIdentifierID,
	ie.UserUserID, ie.LeafSequenceID}

func partyElements(elements []ie.Element) []ie.Element {
	return slices.DeleteFunc(slices.Clone(elements), func(e ie.Element) bool { return !slices.Contains(ofParties, e.ID) })
}

// askBranch sends SETUP for a party by an interface that the call does not leave by yet.
func (n *Node) askBranch(c *call, p *party, i *iface) uint8 {
	setup := c.setup
	for _, e := range p.setup { // what is the party's own takes the place of the first one's
		setup = without(setup, e.ID)
	}
	if ie.Index(p.setup, ie.CalledSubaddressID) < 0 {
		setup = without(setup, ie.CalledSubaddressID)
	}
	l, cause := n.setUp(c, i, append(slices.Clone(setup), p.setup...))
	if cause == 0 {
		c.sprout(l, p)
	}
	return cause
}

// refuse ends a party that never took part.
func (p *party) refuse(cause uint8) {
	p.gone = true
	c := p.call
	delete(c.tree.parties, p.root)
	c.n.refuseParty(p, cause)
	if c.in.app != nil && len(c.tree.parties) == 0 { // at an interface Q.2931 sees to it
		c.clear(nil, cause)
	}
}

// refuseParty tells the root so.
func (n *Node) refuseParty(p *party, cause uint8) {
	in := p.call.in
	if in.app != nil {
		in.app.sendLeaf(Failed, p.root, cause)
		return
	}
	in.partyStep(q2931.AddPartyRefusal, uint16(p.root), cause)
}

// partyStep is a request of the leg's about one of its parties; refused: the party or the
// call has just gone.
func (l *leg) partyStep(kind q2931.Kind, ref uint16, cause uint8) bool {
	e := q2931.Event{Kind: kind, Call: l.ref, Party: ref, Multi: true}
	if cause != 0 {
		c := &ie.Cause{Location: l.iface.calls.Config().Location, Value: cause}
		e.Cause, e.Elements = c, []ie.Element{ie.New(c)}
	}
	return l.iface.step(&e) == nil
}

// sendLeaf is a SOCK message about a leaf.
func (a *app) sendLeaf(kind ActionKind, leaf uint32, cause uint8) {
	if !a.told {
		a.n.act(Action{Kind: kind, Conn: a.conn, OfLeaf: true, Leaf: leaf, Cause: cause})
	}
}

// takesPart: the party is there, and the hub carries its branch: its root hears so.
func (p *party) takesPart() {
	p.active, p.targets, p.setup = true, nil, nil
	p.call.noted(p.branch)
	in := p.call.in
	if in.app != nil {
		in.app.sendLeaf(Okay, p.root, 0)
		return
	}
	if !in.partyStep(q2931.AddPartyResponse, uint16(p.root), 0) {
		p.drop(ie.CauseTemporaryFailure)
	}
}
