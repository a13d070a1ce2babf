package node

import (
	"flag"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

var seeds = flag.Int("seeds", 100, "how many seeds the simulation runs")

// trail follows a connection's VC from node to node to the connection at its end.
func (s *station) trail(vc VC) (*station, *sock) {
	for range 100 {
		l := s.peers[vc.Port]
		k := 0
		if l.ends[0] == s && l.ports[0] == vc.Port {
			k = 1
		}
		s, vc.Port = l.ends[k], l.ports[k]
		g, ok := s.vcs[vc]
		switch {
		case !ok:
			return s, nil
		case g.conn != 0:
			return s, s.socks[g.conn]
		}
		vc = g.other
	}
	return nil, nil
}

// settled checks what must be true when nothing is under way: each connection that is up
// reaches another one that is up, and each VC of a link is known at both of its ends.
func (w *world) settled() {
	for _, s := range w.nodes {
		for _, k := range s.socks {
			switch {
			case k.listener || !k.up || k.over || k.closing:
			default:
				end, other := s.trail(k.vc)
				if other == nil || !other.up {
					w.fail("%s: the VC of connection %d, %v, ends at %s", s.name, k.id, k.vc, end.name)
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

// TestSimulation is calls between hosts and their switches over bad links: every call
// ends in the same state at both its ends, and nothing is left of it.
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
	a, b := chain(w)
	for _, l := range w.wires {
		l.loss, l.tricks = 0.3*w.r.Float64(), w.r.IntN(2) == 0
	}
	var listeners []*sock
	listeners = append(listeners, a.listen(), b.listen())
	hosts := []*station{a, b}
	for range 5 + w.r.IntN(30) {
		w.after(w.some(20*time.Second), func() {
			i := w.r.IntN(2)
			from, to := hosts[i], hosts[1-i]
			k := from.call(to, nil)
			w.after(w.some(30*time.Second), func() {
				if from.socks[k.id] == k {
					from.close(k)
				}
			})
		})
	}
	if w.r.IntN(2) == 0 {
		l := w.wires[w.r.IntN(len(w.wires))]
		w.after(w.some(20*time.Second), func() { l.cut = w.now + w.some(15*time.Second) })
	}
	w.run(60 * time.Second)
	for _, l := range w.wires {
		l.loss, l.tricks = 0, false
	}
	w.run(60 * time.Second)
	w.settled()
	for k, s := range hosts {
		s.close(listeners[k])
	}
	for _, s := range hosts {
		for _, k := range s.socks {
			s.close(k)
		}
	}
	w.run(120 * time.Second)
	w.empty()
}
