package main

import (
	"context"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// The machine: AIS and loss of continuity take the carrier, RDI does not; a loopback cell that is lost takes it, one
// that comes back gives it; each change is told once.
func TestContinuity(t *testing.T) {
	for _, test := range []struct {
		name   string
		by     proof
		steps  []vcHealth
		down   []bool
		events int
	}{
		{"nothing is asked for", proofNone, []vcHealth{{defects: aal.OAMStateLOC}, {lost: 1}}, []bool{false, false}, 0},
		{"check", proofCheck, []vcHealth{{}, {defects: aal.OAMStateRDI}, {defects: aal.OAMStateLOC}, {defects: aal.OAMStateAIS}, {}}, []bool{false, false, true, true, false}, 2},
		{"loopback", proofLoopback, []vcHealth{{}, {returned: 1}, {returned: 1, lost: 1}, {returned: 1, lost: 1}, {returned: 2, lost: 1}}, []bool{false, false, true, true, false}, 2},
	} {
		c := continuity{by: test.by}
		now, events, asked := time.Now(), 0, 0
		for i, n := range test.steps {
			now = now.Add(loopbackEach / 2)
			ask, told := c.look(now, n, "atm0")
			events += len(told)
			if ask {
				asked++
			}
			if c.down != test.down[i] {
				t.Errorf("%s, step %d: down %v", test.name, i, c.down)
			}
		}
		if events != test.events || asked > 0 != (test.by == proofLoopback) || asked > 3 {
			t.Errorf("%s: told %d times, asked %d times", test.name, events, asked)
		}
	}
}

// A TAP has its carrier while the VC proves that it carries, and not when the far end has gone, in cells and beside
// SDUs; it comes back with the far end.
func TestContinuityOfTunnel(t *testing.T) {
	for _, by := range []string{"check", "loopback"} {
		for _, mode := range []string{"n1", "aal5sdu"} {
			t.Run(by+" "+mode, func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := lab.ForTest(t, lab.Config{MTU: 1600})
				peers := startTunnel(t, ctx, l, carriers[0], mode, "--tap", tunnelDev, "--continuity", by)
				expectTraffic(t, ctx, l)
				running := func(want bool) func() bool {
					return func() bool {
						state, err := l.A.Link(tunnelDev)
						return err == nil && state.Running == want
					}
				}
				peers[1].stop(t)
				until(t, "the TAP without carrier", running(false))
				peers[0].stderr.wait(t, 0, "the VC does not carry")
				far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--continuity", by, "--port", carriers[0].spec(l, 1, mode))
				far.address(t, ctx, 1)
				peers[0].stderr.wait(t, 0, "the VC carries again")
				until(t, "the TAP with its carrier", running(true))
				until(t, "a ping", func() bool {
					r, err := lab.Ping(context.WithoutCancel(ctx), l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: time.Second})
					return err == nil && r.Lost() == 0
				})
			})
		}
	}
}
