package node

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

var seeds = flag.Int("seeds", 100, "how many seeds the simulation runs")

// reached are the connections at the far ends of a VC: one, or a root's leaves. A nil is an end
// at which there is none.
func (s *station) reached(vc VC, hops int) (ends []*sock) {
	l := s.peers[vc.Port]
	k := 0
	if l.ends[0] == s && l.ports[0] == vc.Port {
		k = 1
	}
	s, vc.Port = l.ends[k], l.ports[k]
	g, ok := s.vcs[vc]
	switch {
	case !ok || hops == 0:
		return []*sock{nil}
	case g.conn != 0:
		return []*sock{s.socks[g.conn]}
	case g.leaves == nil:
		return s.reached(g.other, hops-1)
	}
	for _, leaf := range g.leaves {
		ends = append(ends, s.reached(leaf, hops-1)...)
	}
	return ends
}

// settled checks what must be true when nothing is under way: each connection that is up
// reaches another one that is up, a root all of its leaves, and each VC of a link is known at
// both of its ends.
func (w *world) settled() {
	for _, s := range w.nodes {
		for _, k := range s.socks {
			if k.listener || !k.up || k.over || k.closing {
				continue
			}
			ends := s.reached(k.vc, 10)
			want := 1
			if k.leaves != nil {
				want = 0
				for leaf, takesPart := range k.leaves {
					if !takesPart {
						w.fail("%s: nobody has answered about leaf %d of connection %d", s.name, leaf, k.id)
					}
					want++
				}
			}
			if len(ends) != want {
				w.fail("%s: the VC of connection %d, %v, reaches %d ends, not %d", s.name, k.id, k.vc, len(ends), want)
			}
			for _, other := range ends {
				if other == nil || !other.up {
					w.fail("%s: the VC of connection %d, %v, ends in %v", s.name, k.id, k.vc, other)
				}
			}
		}
	}
}

// empty checks that nothing is left when all applications have gone.
func (w *world) empty() {
	for _, s := range w.nodes {
		n := s.n
		if len(n.calls) != 0 || len(n.apps) != 0 || len(s.vcs) != 0 || len(n.waiting) != 0 || len(n.listeners) != 0 {
			w.fail("%s: left: %d calls, %d connections, %d VCs, %d questions, %d listeners",
				s.name, len(n.calls), len(n.apps), len(s.vcs), len(n.waiting), len(n.listeners))
		}
		if c := n.Counters(); c.Refused != 0 {
			w.fail("%s: %d requests refused by a machine", s.name, c.Refused)
		}
		for _, i := range n.order {
			if len(i.legs) != 0 || len(i.vcs.used) != 0 || i.out != 0 || i.in != 0 || i.calls.Len() != 0 {
				w.fail("%s port %d: left: %d legs, %d VCs, %d/%d cells/s, %d calls",
					s.name, i.Port, len(i.legs), len(i.vcs.used), i.out, i.in, i.calls.Len())
			}
		}
	}
}

// chain is host – switch – switch – host.
func chain(w *world) (a, b *station) {
	a, x, y, b := w.station("a"), w.station("x"), w.station("y"), w.station("b")
	w.join(a, x, nil)
	w.join(x, y, nil)
	w.join(b, y, nil)
	a.route(b, 1)
	b.route(a, 1)
	x.route(a, 1)
	x.route(b, 2)
	y.route(a, 1)
	y.route(b, 2)
	return a, b
}

func TestCall(t *testing.T) {
	w := newWorld(t, 1)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	k := a.call(b, nil)
	w.run(2 * time.Second)
	w.settled()
	if !k.up {
		w.fail("the call did not come up")
	}
	for _, s := range w.nodes {
		want := 1
		if s.name == "x" || s.name == "y" {
			want = 2
		}
		if len(s.vcs) != want {
			w.fail("%s carries %d VCs, want %d", s.name, len(s.vcs), want)
		}
	}
	a.close(k)
	b.close(l)
	w.run(60 * time.Second)
	w.empty()
}

// live has a host call another, or many, and close in the end.
func (w *world) live(from *station, hosts []*station) {
	others := slices.DeleteFunc(slices.Clone(hosts), func(h *station) bool { return h == from })
	w.r.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	later := func(most time.Duration, run func()) { w.after(time.Duration(w.r.Int64N(int64(most))), run) }
	var k *sock
	there := func() bool { return from.socks[k.id] == k && !k.over && !k.closing }
	if w.r.IntN(2) == 0 {
		k = from.call(others[0], nil)
	} else {
		k = from.root(others[0])
		for leaf := range uint32(1 + w.r.IntN(4)) { // the fourth is one too many for its host
			later(40*time.Second, func() {
				if there() && k.up {
					from.add(k, leaf+1, others[(leaf+1)%3])
				}
			})
			if w.r.IntN(2) == 0 {
				later(60*time.Second, func() {
					if there() && k.leaves[leaf] {
						from.drop(k, leaf)
					}
				})
			}
		}
	}
	if w.r.IntN(3) > 0 { // or it stays to the end
		later(60*time.Second, func() {
			if there() {
				from.close(k)
			}
		})
	}
}

// TestSimulation is calls between hosts, to one and to many, and their switches over bad links:
// every call ends in the same state at both its ends, and nothing is left of it.
func TestSimulation(t *testing.T) {
	if *proof.Seed != 0 {
		simulate(t, *proof.Seed)
		return
	}
	for seed := uint64(1); seed <= uint64(*seeds); seed++ {
		simulate(t, seed)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d seeds", *seeds)
}

func simulate(t *testing.T, seed uint64) {
	w := newWorld(t, seed)
	a, hosts := star(w)
	hosts = append([]*station{a}, hosts...)
	for _, l := range w.wires {
		l.loss, l.tricks = 0.3*w.r.Float64(), w.r.IntN(2) == 0
	}
	var listeners []*sock
	for _, h := range hosts {
		listeners = append(listeners, h.listen())
	}
	for range 5 + w.r.IntN(30) {
		w.after(w.some(20*time.Second), func() {
			from := hosts[w.r.IntN(len(hosts))]
			w.live(from, hosts)
		})
	}
	if w.r.IntN(2) == 0 {
		l := w.wires[w.r.IntN(len(w.wires))]
		w.after(w.some(20*time.Second), func() { l.cut = w.now + w.some(15*time.Second) })
	}
	if w.r.IntN(2) == 0 { // nodes are killed, and others take over
		for range 1 + w.r.IntN(4) {
			s := w.nodes[w.r.IntN(len(w.nodes))]
			w.after(time.Duration(w.r.Int64N(int64(70*time.Second))), s.restart)
		}
	}
	w.run(60 * time.Second)
	for _, l := range w.wires {
		l.loss, l.tricks = 0, false
	}
	w.run(60 * time.Second)
	w.settled()
	for k, s := range hosts {
		if l := listeners[k]; s.socks[l.id] == l {
			s.close(l)
		}
	}
	for _, s := range hosts {
		for _, k := range s.socks {
			s.close(k)
		}
	}
	w.run(120 * time.Second)
	w.empty()
}
