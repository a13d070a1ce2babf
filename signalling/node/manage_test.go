package node

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ilmi"
)

// managed gives a link ILMI: the switch has a prefix, the host an ESI.
func managed(prefix address.NetPrefix, esi address.ESI) func(user, network *Interface) {
	return func(user, network *Interface) {
		user.Management = &Management{Config: ilmi.DefaultConfig(ilmi.UserSide), Identifiers: []ilmi.Identifier{{ESI: esi}}}
		network.Management = &Management{Config: ilmi.DefaultConfig(ilmi.NetworkSide), Prefixes: []ilmi.Prefix{ilmi.NetPrefix(prefix)}}
	}
}

// TestRegisteredAddress: hosts get their addresses from the switch, and calls find them
// there without a route; when a host has gone, calls to it are refused.
func TestRegisteredAddress(t *testing.T) {
	w := newWorld(t, 5)
	w.polite = true
	a, x, b := w.station("a"), w.station("x"), w.station("b")
	prefix := address.NetPrefix{address.AFIICD, 0, 5, 0x80}
	w.join(a, x, managed(prefix, address.ESI{2, 0, 0, 0, 0, 1}))
	wire := w.join(b, x, managed(prefix, address.ESI{2, 0, 0, 0, 0, 2}))
	a.route(b, 1)
	w.run(30 * time.Second)
	for _, s := range []*station{a, b} {
		have := s.n.Addresses(1)
		if len(have) != 1 {
			w.fail("%s has addresses %v", s.name, have)
		}
		s.addr = have[0]
	}
	a.n.SetRoute(address.Prefix{}, 1)
	l := b.listen()
	k := a.call(b, nil)
	w.run(2 * time.Second)
	if w.settled(); !k.up {
		w.fail("the call did not come up")
	}
	a.close(k)
	wire.cut = w.now + time.Hour
	w.run(2 * time.Minute)
	if have := x.n.Addresses(2); len(have) != 0 {
		w.fail("the switch still has %v", have)
	}
	k = a.call(b, nil)
	w.run(2 * time.Second)
	if !k.over {
		w.fail("a call to a host that has gone is not refused")
	}
	b.close(l)
	w.run(time.Minute)
	w.empty()
}
