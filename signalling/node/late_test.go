package node

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// TestHubAnswersAgain: a second answer, one after the timeout, and one to nothing are
// counted, and change nothing.
func TestHubAnswersAgain(t *testing.T) {
	w := newWorld(t, 14)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	k := a.call(b, nil)
	w.run(time.Second)
	for _, s := range w.nodes {
		for token := uint32(0); token < 4; token++ {
			s.event(Event{Kind: Reply, Token: token, Status: -5})
		}
	}
	w.run(time.Second)
	if w.settled(); !k.up || k.over {
		w.fail("up %v, over %v", k.up, k.over)
	}
	x := w.nodes[1]
	x.slow = true
	late := a.call(b, nil)
	w.run(HubTimeout + time.Second)
	if !late.over {
		w.fail("not over")
	}
	x.event(Event{Kind: Reply, Token: x.n.token})
	x.slow = false
	a.close(k)
	b.close(l)
	w.run(time.Minute)
	w.empty()
}

// TestLateOffer: the hub has made the connection of an offered call too late: its
// application hears that it is over, and nothing is left of it.
func TestLateOffer(t *testing.T) {
	w := newWorld(t, 15)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	b.slow = true
	k := a.call(b, nil)
	w.run(HubTimeout + time.Second)
	if !k.over {
		w.fail("not over")
	}
	b.slow = false
	in := &sock{id: control.ConnID(99), incoming: true}
	b.socks[99] = in
	b.event(Event{Kind: Reply, Token: b.n.token, Conn: 99})
	w.run(time.Second)
	if !in.over {
		w.fail("the application of the late offer has not heard")
	}
	b.close(l)
	w.run(time.Minute)
	w.empty()
}

// TestFlappingPort: a port that goes down and up in every phase of calls leaves nothing.
func TestFlappingPort(t *testing.T) {
	for step := range 60 {
		w := newWorld(t, uint64(16+step))
		w.polite = true
		a, b := chain(w)
		l := b.listen()
		x := w.nodes[1+step%2]
		w.run(time.Second)
		for range 3 {
			a.call(b, nil)
		}
		for range step {
			w.step(time.Minute)
		}
		for range 3 {
			for port := uint16(1); port <= 2; port++ {
				x.event(Event{Kind: Down, Port: port})
				x.event(Event{Kind: Down, Port: port})
				x.event(Event{Kind: Up, Port: port})
			}
		}
		w.run(10 * time.Second)
		for _, s := range w.nodes {
			for _, k := range s.socks {
				if !k.listener {
					s.close(k)
				}
			}
		}
		b.close(l)
		w.run(5 * time.Minute)
		w.empty()
	}
}
