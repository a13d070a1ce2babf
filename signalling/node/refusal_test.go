package node

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/ie"
)

// diamond is two hosts and two ways between them: a – x – y – b, and a – x – z – b.
func diamond(w *world, edit func(user, network *Interface)) (a, b *station) {
	a, x, y, z, b := w.station("a"), w.station("x"), w.station("y"), w.station("z"), w.station("b")
	w.join(a, x, nil)
	w.join(x, y, edit)
	w.join(x, z, nil)
	w.join(b, y, nil)
	w.join(b, z, nil)
	a.route(b, 1)
	x.route(b, 2, 3)
	y.route(b, 2)
	z.route(b, 2)
	return a, b
}

// cbr asks for a constant rate each way.
func cbr(rate uint32) func(*Event) {
	return func(e *Event) {
		e.Contract = Contract{Service: control.ServiceCBR, ForwardPeak: rate, BackwardPeak: rate}
	}
}

// TestAdmission: an interface gives away no more than it has; the next call takes the
// other way, and the one after that is refused with the cause.
func TestAdmission(t *testing.T) {
	w := newWorld(t, 2)
	w.polite = true
	a, b := diamond(w, func(user, network *Interface) { user.Capacity = 1000 })
	z := w.nodes[3].n.ifaces[2]
	z.Capacity = 500
	l := b.listen()
	var calls []*sock
	for range 3 {
		calls = append(calls, a.call(b, cbr(400)))
		w.run(time.Second)
	}
	if !calls[0].up || !calls[1].up || !calls[2].up {
		w.fail("not all up")
	}
	x := w.nodes[1].n
	if x.ifaces[2].out != 800 || x.ifaces[3].out != 400 {
		w.fail("set aside: %d and %d cells/s", x.ifaces[2].out, x.ifaces[3].out)
	}
	refused := a.call(b, cbr(400))
	w.run(time.Second)
	if !refused.over || refused.cause != ie.CauseRateNotAvailable {
		w.fail("over %v, cause %d; want %d", refused.over, refused.cause, ie.CauseRateNotAvailable)
	}
	if c := x.Counters(); c.Rerouted == 0 && c.NoCapacity == 0 {
		w.fail("%+v", c)
	}
	for _, k := range calls {
		a.close(k)
	}
	b.close(l)
	w.run(time.Minute)
	w.empty()
}

// TestNoChannel: an interface with two VCIs carries two calls.
func TestNoChannel(t *testing.T) {
	w := newWorld(t, 3)
	w.polite = true
	a, b := w.station("a"), w.station("b")
	w.join(a, b, func(user, network *Interface) { network.LastVCI = FirstVCI + 1 })
	a.route(b, 1)
	l := b.listen()
	first, second, third := a.call(b, nil), a.call(b, nil), a.call(b, nil)
	w.run(time.Second)
	if !first.up || !second.up || !third.over || third.cause != ie.CauseNoVC {
		w.fail("%+v %+v %+v", first, second, third)
	}
	a.close(first)
	w.run(time.Second)
	again := a.call(b, nil)
	w.run(time.Second)
	if !again.up {
		w.fail("the VCI of a call that is over was not given again")
	}
	for _, k := range []*sock{second, again} {
		a.close(k)
	}
	b.close(l)
	w.run(time.Minute)
	w.empty()
}

// TestSilentHub: a hub that answers nothing holds no call up for ever.
func TestSilentHub(t *testing.T) {
	w := newWorld(t, 4)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	w.nodes[1].slow = true // the first switch's
	k := a.call(b, nil)
	w.run(HubTimeout - time.Second)
	if k.over {
		w.fail("given up early")
	}
	w.run(3 * time.Second)
	if !k.over || k.cause != ie.CauseNoResource {
		w.fail("over %v, cause %d", k.over, k.cause)
	}
	w.nodes[1].slow = false
	b.close(l)
	w.run(time.Minute)
	w.empty()
}

// TestNobodyThere: the refusals that need no second side.
func TestNobodyThere(t *testing.T) {
	w := newWorld(t, 6)
	w.polite = true
	a, b := chain(w)
	k := a.call(b, nil) // nobody listens
	w.run(time.Second)
	if !k.over || k.cause != ie.CauseUnallocatedNumber {
		w.fail("over %v, cause %d", k.over, k.cause)
	}
	far := w.station("far")
	k = a.call(far, nil) // no route
	w.run(time.Second)
	if !k.over || k.cause != ie.CauseUnallocatedNumber {
		w.fail("over %v, cause %d", k.over, k.cause)
	}
	w.run(time.Minute)
	w.empty()
}

// TestPortDown: what an interface that has failed carried is cleared, at once.
func TestPortDown(t *testing.T) {
	w := newWorld(t, 7)
	w.polite = true
	a, b := chain(w)
	l := b.listen()
	k := a.call(b, nil)
	w.run(time.Second)
	x := w.nodes[1]
	x.event(Event{Kind: Down, Port: 2})
	w.run(time.Second)
	if !k.over || k.cause != ie.CauseNetworkOut || len(x.vcs) != 0 {
		w.fail("over %v, cause %d, %d VCs", k.over, k.cause, len(x.vcs))
	}
	b.close(l)
	w.run(time.Minute)
	w.empty()
}
