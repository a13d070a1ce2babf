package node

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
	"github.com/cellhub/cellhub/signalling/q2931"
)

// toMany makes a SETUP one to many.
func toMany(e *Event) {
	e.Elements = append(e.Elements, ie.New(&ie.BearerCapability{Class: ie.BearerX, Multipoint: 1}))
}

// root calls one to many; its leaf 0 is at to.
func (s *station) root(to *station) *sock {
	return s.call(to, func(e *Event) {
		toMany(e)
		s.socks[e.Conn].leaves = map[uint32]bool{}
	})
}

// add asks for a leaf of a root, drop lets it go.
func (s *station) add(k *sock, leaf uint32, to *station) {
	k.leaves[leaf] = false
	s.event(Event{Kind: AddParty, Conn: k.id, Leaf: leaf, Called: to.addr})
}

func (s *station) drop(k *sock, leaf uint32) {
	s.event(Event{Kind: DropParty, Conn: k.id, Leaf: leaf})
}

// tellLeaf is a SOCK message about a leaf, for its root.
func (s *station) tellLeaf(k *sock, a Action) {
	takesPart, asked := k.leaves[a.Leaf]
	if k.over {
		s.w.fail("%s: %v of leaf %d of connection %d, which is over", s.name, a.Kind, a.Leaf, a.Conn)
	}
	switch {
	case a.Token != 0 && !asked:
		s.reply(a.Token, -int32(syscall.ENOENT), 0)
	case a.Token != 0:
		k.leaves[a.Leaf] = true
		s.reply(a.Token, 0, 0)
	case a.Kind == Okay:
		if !asked || takesPart {
			s.w.fail("%s: Okay of leaf %d of connection %d: asked for %v, takes part %v", s.name, a.Leaf, a.Conn, asked, takesPart)
		}
		k.leaves[a.Leaf] = true
	default:
		if !asked {
			s.w.fail("%s: %v of leaf %d of connection %d, which is not there", s.name, a.Kind, a.Leaf, a.Conn)
		}
		delete(k.leaves, a.Leaf)
	}
}

// star is a host behind one switch, which another joins to two more hosts; one of a's own
// neighbours is on its switch too.
func star(w *world) (a *station, leaves []*station) {
	a, x, y := w.station("a"), w.station("x"), w.station("y")
	b, c, d := w.station("b"), w.station("c"), w.station("d")
	w.join(a, x, nil)
	w.join(x, y, nil)
	w.join(b, y, nil)
	w.join(c, y, nil)
	w.join(d, x, nil)
	for i, h := range []*station{a, b, c, d} {
		for _, o := range []*station{a, b, c, d} {
			if o != h {
				h.route(o, 1)
			}
		}
		x.route(h, []uint16{1, 2, 2, 3}[i])
		y.route(h, []uint16{1, 2, 3, 1}[i])
	}
	return a, []*station{b, c, d}
}

// TestTree: a root adds leaves on several ports of several switches, and drops them; the hub of
// each switch copies as long as there is somebody to copy to (Q.2971, 9.2 and 9.3).
func TestTree(t *testing.T) {
	for seed := range uint64(10) { // versions of the links differ
		w := newWorld(t, seed+1)
		w.polite = true
		a, hosts := star(w)
		for _, h := range hosts {
			h.listen()
		}
		x, y := w.nodes[1], w.nodes[2]
		k := a.root(hosts[0])
		w.run(2 * time.Second)
		a.add(k, 1, hosts[1])
		a.add(k, 2, hosts[2])
		w.run(2 * time.Second)
		w.settled()
		if len(k.leaves) != 3 || len(x.vcs) != 3 || len(y.vcs) != 3 {
			w.fail("%d leaves; x carries %d VCs, y %d, want 3 each", len(k.leaves), len(x.vcs), len(y.vcs))
		}
		a.drop(k, 0) // the first branch of y, and leaf 0 of its hub
		w.run(2 * time.Second)
		w.settled()
		if len(k.leaves) != 2 || len(x.vcs) != 3 || len(y.vcs) != 2 {
			w.fail("one dropped: %d leaves; x carries %d VCs, y %d", len(k.leaves), len(x.vcs), len(y.vcs))
		}
		hosts[1].closeAll() // the leaf goes by itself, and with it the branch to y
		w.run(2 * time.Second)
		w.settled()
		if len(k.leaves) != 1 || len(x.vcs) != 2 || len(y.vcs) != 0 {
			w.fail("one gone: %d leaves; x carries %d VCs, y %d", len(k.leaves), len(x.vcs), len(y.vcs))
		}
		a.add(k, 3, hosts[0])
		a.add(k, 4, hosts[1]) // nobody listens there any more
		w.run(2 * time.Second)
		w.settled()
		if len(k.leaves) != 2 || k.over {
			w.fail("one added: %v, over %v", k.leaves, k.over)
		}
		a.drop(k, 2)
		a.drop(k, 3) // the last: the call ends
		w.run(2 * time.Second)
		if !k.over {
			w.fail("the call is there without a leaf: %v", k.leaves)
		}
		for _, h := range hosts {
			h.closeAll()
		}
		w.run(60 * time.Second)
		w.empty()
	}
}

// closeAll lets go of all connections of a host, listeners too.
func (s *station) closeAll() {
	for _, id := range slices.Sorted(maps.Keys(s.socks)) {
		if k := s.socks[id]; k != nil {
			s.close(k)
		}
	}
}

// TestJoinRefused: whoever asks to join a call by himself is refused at once (UNI 4.0, 6).
func TestJoinRefused(t *testing.T) {
	w := newWorld(t, 1)
	a, x := w.station("a"), w.station("x")
	w.join(a, x, func(user, network *Interface) {
		user.Call.Version, network.Call.Version = q2931.UNI40, q2931.UNI40
	})
	w.run(time.Second)
	var heard []string
	a.n.Trace = func(_ uint16, sent bool, message []byte) {
		if m, err := q2931.Decode(message); err == nil && !sent {
			heard = append(heard, m.String())
		}
	}
	err := a.n.ifaces[1].step(&q2931.Event{Kind: q2931.LeafRequest, Elements: []ie.Element{
		ie.New(&ie.CallingNumber{Number: number(a.addr)}), ie.New(&ie.CalledNumber{Number: number(x.addr)}), ie.New(&ie.LeafCallIdentifier{Identifier: 7})}})
	if err != nil {
		t.Fatal(err)
	}
	a.n.drain()
	a.drain()
	w.run(time.Second)
	if len(heard) != 1 || !strings.Contains(heard[0], "LEAF SETUP FAILURE") || !strings.Contains(heard[0], "cause 63") {
		t.Errorf("heard %q", heard)
	}
}
