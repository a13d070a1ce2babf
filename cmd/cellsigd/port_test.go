package main

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// outOfOrder wants a connection to end because of the network (cause 38).
func outOfOrder(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(controltest.Patience))
	n, err := c.Read(make([]byte, 100))
	if refused := (*client.Refused)(nil); !errors.As(err, &refused) || refused.Cause != 38 {
		t.Fatalf("%d octets, %v, want cause 38", n, err)
	}
}

// A port of the switch that fails clears what it carried, at the far side too, and nothing
// else; when it is back, calls go through it again.
func TestPortFails(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	const cable = "eth7"
	if err := l.Cable(cable); err != nil {
		t.Fatal(err)
	}
	a, x, b, c := newSite(t, l.A), newSite(t, l.B), newSite(t, far), newSite(t, l.A)
	a.port(1, "eth:"+lab.Dev+",label=100")
	x.port(1, "eth:"+lab.Dev+",label=100")
	x.port(2, "eth:"+lab.Uplink+",label=200")
	x.port(3, "eth:"+cable+",label=300")
	b.port(1, "eth:"+lab.Dev+",label=200")
	c.port(1, "eth:"+cable+",label=300")
	const host = "interfaces: [{port: 1, side: user}]\nroutes: {\"*\": [1]}"
	a.signalling(host)
	b.signalling(host)
	c.signalling(host)
	x.signalling("interfaces: [{port: 1, side: network}, {port: 2, side: network}, {port: 3, side: network}]\n" +
		"routes: {47.0005.80FFE1000000F20F2200.0020EA000EE1/152: [2]}")
	callee := b.leaf(addressB)
	callers := []*site{a, c}
	call := func(s *site) (ends [2]net.Conn) {
		caller := s.client()
		controltest.Until(t, "a call comes up", func() bool {
			ends[0], err = caller.Dial(within(t), "svc://"+addressB, nil)
			return err == nil
		})
		ends[1] = <-callee.calls
		exchange(t, ends[0], ends[1])
		return ends
	}
	one, other := call(callers[0]), call(callers[1])
	if err := l.B.SetUp(lab.Dev, false); err != nil {
		t.Fatal(err)
	}
	outOfOrder(t, one[1])
	outOfOrder(t, one[0]) // its own port carries no more either
	exchange(t, other[0], other[1])
	controltest.Until(t, "the switch has let go of the call", func() bool { return strings.Count(x.cellctl("call", "show"), "active") == 1 })
	if err := l.B.SetUp(lab.Dev, true); err != nil {
		t.Fatal(err)
	}
	again := call(a)
	exchange(t, again[0], again[1])
	exchange(t, other[0], other[1])
}

// Two signalling daemons of different versions on one hub, each with ports of its own, are two
// switches: the end of one is nothing to the other.
func TestTwoManagers(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	x := newSite(t, l.B)
	y := &site{t: t, host: l.B, dir: t.TempDir(), ctl: x.ctl, hub: x.hub} // at the same hub
	y.hubPath = x.path("hub")
	type path struct {
		switching *site
		ends      [2]net.Conn
		caller    *site
		callee    *leafHost
	}
	paths := []*path{{switching: x}, {switching: y}}
	for i, p := range paths {
		version := []string{"3.1", "4.0"}[i]
		p.caller = newSite(t, l.A)
		callee := newSite(t, far)
		label := []string{"100", "101"}[i]
		p.caller.port(1, "eth:"+lab.Dev+",label="+label)
		x.port(uint32(2*i+1), "eth:"+lab.Dev+",label="+label)
		x.port(uint32(2*i+2), "eth:"+lab.Uplink+",label="+label)
		callee.port(1, "eth:"+lab.Dev+",label="+label)
		host := "interfaces: [{port: 1, side: user, version: \"" + version + "\"}]\nroutes: {\"*\": [1]}"
		p.caller.signalling(host)
		callee.signalling(host)
		p.switching.signalling(strings.NewReplacer("A", string('1'+rune(2*i)), "B", string('2'+rune(2*i)), "V", "\""+version+"\"").Replace(
			"interfaces: [{port: A, side: network, version: V}, {port: B, side: network, version: V}]\nroutes: {47.0005/24: [B]}"))
		p.callee = callee.leaf(addressB)
	}
	call := func(p *path) (ends [2]net.Conn) {
		caller := p.caller.client()
		controltest.Until(t, "a call comes up", func() bool {
			ends[0], err = caller.Dial(within(t), "svc://"+addressB, nil)
			return err == nil
		})
		ends[1] = <-p.callee.calls
		return ends
	}
	for _, p := range paths {
		p.ends = call(p)
		exchange(t, p.ends[0], p.ends[1])
		if out := p.switching.cellctl("call", "show"); strings.Count(out, "active") != 1 {
			t.Error(out)
		}
	}
	if err := x.sig.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-x.sig.Done()
	exchange(t, paths[1].ends[0], paths[1].ends[1])
	more := call(paths[1])
	exchange(t, more[0], more[1])
	exchange(t, paths[1].ends[0], paths[1].ends[1])
}
