package main

import (
	"context"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// outage takes one thing away from a running tunnel, and gives it back.
type outage struct {
	name  string
	dev   string // what the messages name
	said  string // of its loss
	lose  func(l *lab.Lab) error
	mend  func(l *lab.Lab) error // nil: atmtap does
	fresh bool                   // the tunnel's device comes back without addresses
}

var outages = []outage{
	{
		name: "carrier down", dev: lab.Dev, said: "down",
		lose: func(l *lab.Lab) error { return l.A.SetUp(lab.Dev, false) },
		mend: func(l *lab.Lab) error { return l.A.SetUp(lab.Dev, true) },
	}, {
		name: "carrier of the far end down", dev: lab.Dev, said: "carrier",
		lose: func(l *lab.Lab) error { return l.B.SetUp(lab.Dev, false) },
		mend: func(l *lab.Lab) error { return l.B.SetUp(lab.Dev, true) },
	}, {
		name: "carrier deleted", dev: lab.Dev, said: "deleted",
		lose: func(l *lab.Lab) error { return l.A.Delete(lab.Dev) },
		mend: (*lab.Lab).Join,
	}, {
		name: "device down", dev: tunnelDev, said: "down",
		lose: func(l *lab.Lab) error { return l.A.SetUp(tunnelDev, false) },
		mend: func(l *lab.Lab) error { return l.A.SetUp(tunnelDev, true) },
	}, {
		name: "device deleted", dev: tunnelDev, said: "deleted", fresh: true,
		lose: func(l *lab.Lab) error { return l.A.Delete(tunnelDev) },
	},
}

// TestOutage sets interfaces down and deletes them under a running tunnel: atmtap
// says which, goes on when it returns, and says that too.
func TestOutage(t *testing.T) {
	for _, o := range outages {
		for _, c := range carriers {
			for _, mode := range []string{"n1", "aal5sdu"} {
				for _, kind := range []string{"--tap", "--tun"} {
					t.Run(o.name+"/"+c.name+"/"+mode+"/"+kind[2:], func(t *testing.T) {
						t.Parallel()
						testOutage(t, o, c, mode, kind)
					})
				}
			}
		}
	}
}

func testOutage(t *testing.T, o outage, c carrier, mode, kind string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	args := func(side int) []string {
		return []string{kind, tunnelDev, "--vc", "0/100", "--port", c.spec(l, side, mode)}
	}
	near, said := startWatched(t, ctx, l.A, args(0)...)
	far := startPeer(t, ctx, l.B, args(1)...)
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	expectTraffic(t, ctx, l)
	for range 2 { // what works once may leave something behind
		from, farFrom := len(said.String()), len(far.stderr.String())
		if err := o.lose(l); err != nil {
			t.Fatal(err)
		}
		from = said.wait(t, from, o.dev, o.said)
		if o.dev == lab.Dev { // a cable has two ends, and the other is to notice too
			farFrom = far.stderr.wait(t, farFrom, o.dev)
		}
		// What the host sends meanwhile is lost, and no more than that.
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 2, Wait: 20 * time.Millisecond})
		if o.mend != nil {
			if err := o.mend(l); err != nil {
				t.Fatal(err)
			}
			said.wait(t, from, o.dev, "back")
		}
		if o.dev == lab.Dev {
			far.stderr.wait(t, farFrom, o.dev, "back")
		}
		if o.fresh {
			near.address(t, ctx, 0)
		}
		expectTraffic(t, ctx, l)
	}
	near.stop(t)
	far.stop(t)
}
