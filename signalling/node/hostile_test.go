package node

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// TestWideCause: causes have 7 bits (Q.2931, 4.5.15), and an application's message has room
// for 8. Whatever it says, its call ends at all the interfaces, and at once.
func TestWideCause(t *testing.T) {
	for _, kind := range []EventKind{Close, Reject} {
		w := newWorld(t, 11)
		w.polite = true
		a, b := chain(w)
		l := b.listen()
		k := a.call(b, nil)
		if kind == Reject {
			for w.step(time.Second) && len(b.socks) == 1 {
			}
			for _, in := range b.socks {
				if in.incoming {
					for w.step(time.Second) && b.n.apps[in.id] == nil {
					}
					in.closing = true
					b.event(Event{Kind: Reject, Conn: in.id, Cause: 200})
				}
			}
		} else {
			w.run(time.Second)
			k.closing = true
			a.event(Event{Kind: Close, Conn: k.id, Cause: 200})
		}
		w.run(time.Second)
		if kind == Reject && !k.over {
			t.Error("the calling application has not heard of the refusal")
		}
		for _, s := range w.nodes {
			for _, i := range s.n.order {
				if i.calls.Len() != 0 || len(i.legs) != 0 {
					t.Errorf("%v: %s port %d: %d calls, %d legs after a second", kind, s.name, i.Port, i.calls.Len(), len(i.legs))
				}
			}
		}
		b.close(l)
		w.run(time.Minute)
		w.empty()
	}
}

// TestAnswerTooLong: an application accepts with more elements than a message has room for.
func TestAnswerTooLong(t *testing.T) {
	w := newWorld(t, 12)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	k := a.call(b, nil)
	for w.step(time.Second) && len(b.socks) == 1 {
	}
	for _, in := range b.socks {
		if in.incoming {
			for w.step(time.Second) && b.n.apps[in.id] == nil {
			}
			b.event(Event{Kind: Accept, Conn: in.id, Elements: []ie.Element{{ID: 0x70, Content: make([]byte, 5000)}}})
		}
	}
	w.run(time.Second)
	if !k.over && !k.up {
		t.Error("neither up nor over after a second")
	}
	b.close(l)
	w.run(5 * time.Minute)
	w.empty()
}

// TestListenTwice: BIND or LISTEN after LISTEN leaves no address taken behind.
func TestListenTwice(t *testing.T) {
	for _, kind := range []EventKind{Bind, Listen} {
		w := newWorld(t, 13)
		w.polite = true
		_, b := chain(w)
		l := b.listen()
		b.event(Event{Kind: kind, Conn: l.id, Called: w.nodes[0].addr, Calling: w.nodes[0].addr})
		if n := b.n.Counters().Stray; n != 1 {
			t.Errorf("%v: %d counted", kind, n)
		}
		b.close(l)
		w.run(time.Minute)
		w.empty()
	}
}
