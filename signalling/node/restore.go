package node

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// Held is a VC that the hub has kept from a node that has ended, with that one's note on it. Of
// a cross-connect's two VCs, or of a root's and its leaves, each is one.
type Held struct {
	Conn   control.ConnID // the application's that it is; 0: it is cross-connected
	VC     VC
	Root   VC     // of a leaf: the VC whose cells it gets; Port 0: it is none
	Other  VC     // of a cross-connect's first VC: the second one, or one of its leaves
	Leaf   uint32 // of a leaf
	Cookie []byte
}

// Restore takes over the calls of a node that has ended, by its notes. Interfaces and routes
// have been given before, and no event yet. For each call that it can rebuild it asks by Claim,
// answered by Reply, for what the hub holds; when a link is up again, Q.2931 asks the peer there
// about its calls, and clears what does not agree (5.6.9, 5.6.10). What it returns is how many
// calls there are; what it has not claimed the hub may let go.
func (n *Node) Restore(now time.Duration, held []Held) int {
	n.at(now)
	leaves := map[VC][]Held{}
	for _, h := range held {
		if h.Root.Port != 0 {
			leaves[h.Root] = append(leaves[h.Root], h)
		}
	}
	before := len(n.calls)
	for _, h := range held {
		if k, err := parseNote(h.Cookie); err == nil && k.kind == callNote && h.Root.Port == 0 {
			n.restore(h, &k, leaves[h.VC])
		}
	}
	n.drain()
	return len(n.calls) - before
}

// restore rebuilds a call. One of its legs may not come back: then the other is cleared.
func (n *Node) restore(h Held, k *note, leaves []Held) {
	c := &call{n: n, begun: n.now, calling: k.calling, called: k.called, contract: k.contract, phase: active}
	if k.multi {
		c.tree = &tree{parties: map[uint32]*party{}}
	}
	c.setup = setupOf(&Event{Called: k.called, Contract: k.contract, Elements: c.bearer()}, k.calling)
	whole := true
	if h.Conn != 0 && k.in.ref == 0 {
		c.in = n.restoreApp(c, h.Conn)
	}
	switch {
	case h.Conn != 0 && k.in.ref != 0: // the called application
		c.out = n.restoreApp(c, h.Conn)
		c.know(k.parties, nil)
	case !k.multi:
		c.out = c.restoreLeg(k.out, h.VC, h.Other, nil, false)
		whole = c.out != nil
	case h.Conn != 0: // the root's application
		whole = c.restoreBranch(k.out, 0, k.parties)
	default:
		whole = c.restoreBranches(h, leaves)
	}
	if c.in == nil {
		var parties []q2931.PartyInfo
		if c.tree != nil {
			for _, p := range c.tree.sorted() {
				parties = append(parties, q2931.PartyInfo{Party: uint16(p.root), State: q2931.PartyActive})
			}
		}
		c.in = c.restoreLeg(k.in, h.VC, h.Other, parties, true)
		whole = whole && c.in != nil
	}
	n.counters.Calls++
	c.id = n.counters.Calls
	n.calls[c.id] = c
	if !whole {
		c.forsake()
		c.clear(nil, ie.CauseTemporaryFailure)
		return
	}
	n.counters.Connected++
	if c.tree == nil {
		c.setup = nil
	}
	c.claim(h)
}

// forsake lets go of an application that the hub has for somebody else, or no longer.
func (c *call) forsake() {
	for _, l := range [...]*leg{c.in, c.out} {
		if l != nil && l.app != nil {
			l.gone = true
			delete(c.n.apps, l.app.conn)
		}
	}
}

// bearer is the bearer capability of the call, as its SETUP had it.
func (c *call) bearer() []ie.Element {
	if c.tree == nil {
		return nil
	}
	return []ie.Element{ie.New(&ie.BearerCapability{Class: ie.BearerX, Multipoint: 1})}
}

// claim asks for what the hub holds of a call.
func (c *call) claim(h Held) {
	n := c.n
	c.token = n.request(waiter{c: c})
	n.act(Action{Kind: Claim, Token: c.token, Conn: h.Conn, VC: h.VC, Other: h.Other, Cookie: h.Cookie})
	c.undo = Action{Kind: Delete, Token: c.token, Conn: h.Conn, VC: h.VC, Other: h.Other}
	switch {
	case c.tree == nil:
	case c.in.app == nil:
		for _, l := range c.tree.branches {
			l.twig.token = c.token
		}
	default: // what the application has heard of its leaves, the hub knows
		for _, p := range c.tree.sorted() {
			n.act(Action{Kind: Okay, Conn: h.Conn, OfLeaf: true, Leaf: p.root, Token: n.request(waiter{c: c, party: p})})
		}
	}
}

// confirmed is the hub's answer about a leaf that was taken over: the application may have let
// it go while nobody was there.
func (p *party) confirmed(status int32) {
	c := p.call
	switch {
	case status != -int32(syscall.ENOENT) || p.gone || c.phase != active:
	case len(c.tree.parties) == 1:
		c.clear(nil, ie.CauseNormal)
	default:
		p.drop(ie.CauseNormal)
	}
}

// restoreApp is an application's end of a call.
func (n *Node) restoreApp(c *call, conn control.ConnID) *leg {
	l := &leg{call: c}
	l.app = &app{n: n, conn: conn, leg: l, known: true}
	n.apps[conn] = l.app
	return l
}

// restoreLeg is an interface's end of a call; nil: there is no such interface, its call control
// will not have the call, or the note is about other VCs than those that the hub holds.
func (c *call) restoreLeg(k legNote, one, other VC, parties []q2931.PartyInfo, incoming bool) *leg {
	i := c.n.ifaces[k.vc.Port]
	if i == nil || k.vc != one && k.vc != other || !i.vcs.offers(k.vc.VPI, k.vc.VCI) || !i.vcs.claim(k.vc.VPI, k.vc.VCI) {
		return nil
	}
	l := &leg{iface: i, call: c, ref: k.ref, answered: true}
	l.hold(k.vc.VPI, k.vc.VCI)
	l.out, l.in = uint64(c.contract.ForwardRate), uint64(c.contract.BackwardRate)
	if incoming {
		l.out, l.in = l.in, l.out
	}
	i.out, i.in = i.out+l.out, i.in+l.in // it has been admitted before
	err := i.calls.Restore(q2931.Info{Call: k.ref, State: q2931.Active, Multi: c.tree != nil, Parties: parties,
		Connection: &ie.Connection{Associated: ie.Explicit, Exclusive: ie.ExclusiveVCI, VPCI: k.vc.VPI, VCI: k.vc.VCI}})
	if err != nil || i.legs[k.ref] != nil {
		l.free()
		return nil
	}
	i.legs[k.ref] = l
	c.n.wake(i)
	return l
}

// restoreBranches are those of a root's VC; what the note of one says nothing of is pruned.
func (c *call) restoreBranches(h Held, leaves []Held) bool {
	slices.SortFunc(leaves, func(a, b Held) int { return cmp.Compare(a.Leaf, b.Leaf) })
	for _, b := range leaves {
		c.tree.leaves = max(c.tree.leaves, b.Leaf)
		k, err := parseNote(b.Cookie)
		if err != nil || k.kind != branchNote || k.out.vc != b.VC || !c.restoreBranch(k.out, b.Leaf, k.parties) {
			c.n.act(Action{Kind: Prune, Leaf: b.Leaf, VC: h.VC, Other: b.VC})
		}
	}
	return len(c.tree.branches) > 0
}

// restoreBranch is a branch and its parties.
func (c *call) restoreBranch(k legNote, leaf uint32, parties []partyNote) bool {
	var infos []q2931.PartyInfo
	for _, p := range parties {
		infos = append(infos, q2931.PartyInfo{Party: p.ref, State: q2931.PartyActive})
	}
	if len(parties) == 0 {
		return false
	}
	l := c.restoreLeg(k, k.vc, k.vc, infos, false)
	if l == nil {
		return false
	}
	l.twig = &twig{parties: map[uint16]*party{}, leaf: leaf, joined: true}
	c.tree.branches = append(c.tree.branches, l)
	if c.out == nil {
		c.out = l
	}
	c.know(parties, l)
	return true
}

// know makes parties that take part.
func (c *call) know(parties []partyNote, l *leg) {
	for _, k := range parties {
		if c.tree == nil || c.tree.parties[k.root] != nil {
			continue
		}
		p := &party{call: c, root: k.root, branch: l, ref: k.ref, active: true}
		c.tree.parties[k.root] = p
		if l != nil {
			l.twig.parties[k.ref] = p
		}
	}
}

// noted has the hub keep what a branch of a tree has come to.
func (c *call) noted(l *leg) {
	switch {
	case c.phase != active || l.gone || l.vc.Port == 0:
	case c.in.app != nil:
		c.n.act(Action{Kind: Note, Conn: c.in.app.conn, VC: l.vc, Cookie: c.cookie()})
	case l.twig.joined && len(l.twig.parties) > 0:
		c.n.act(Action{Kind: Note, VC: l.vc, Cookie: l.branchCookie()})
	}
}
