package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/nic/link"
)

// messages is what an atmtap writes to stderr.
type messages struct{ controltest.Log }

// wait waits until a line after the first `after` octets holds all the words, and
// gives the octets read so far.
func (m *messages) wait(t *testing.T, after int, words ...string) int {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		all := m.String()
		if hasLine(all[after:], words...) {
			return len(all)
		}
		if time.Now().After(deadline) {
			t.Fatalf("no line with %q in %q", words, all[after:])
		}
	}
}

// hasLine tells whether a line holds all the words.
func hasLine(text string, words ...string) bool {
	for line := range strings.Lines(text) {
		missing := false
		for _, word := range words {
			missing = missing || !strings.Contains(line, word)
		}
		if !missing {
			return true
		}
	}
	return false
}

// startWatched is startPeer, with its messages apart.
func startWatched(t *testing.T, ctx context.Context, h *lab.Host, args ...string) (*peer, *messages) {
	t.Helper()
	p := startPeer(t, ctx, h, args...)
	return p, &p.stderr
}

// expectTraffic waits until pings pass, and then wants both ways to lose nothing.
func expectTraffic(t *testing.T, ctx context.Context, l *lab.Lab) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 200 * time.Millisecond})
		if err == nil && r.Lost() == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no traffic: %v, %v", r, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for _, to := range []struct {
		from, to *lab.Host
		side     int
	}{{l.A, l.B, 1}, {l.B, l.A, 0}} {
		r, err := lab.Ping(ctx, to.from, inner4[to.side].Addr(), lab.PingConfig{Count: 5, Size: 1000})
		if err != nil || r.Lost() != 0 || r.Damaged != 0 {
			t.Errorf("ping from %s: %v, %v", to.from.Name, r, err)
		}
		if _, err := lab.TCPTransfer(ctx, to.from, to.to, inner4[to.side].Addr(), lab.TCPConfig{Octets: 256 << 10}); err != nil {
			t.Errorf("TCP from %s: %v", to.from.Name, err)
		}
	}
}

// TestRestart kills one end and starts it again: traffic goes on, and the other end,
// which nobody touches, has lost nothing of its own.
func TestRestart(t *testing.T) {
	for _, c := range carriers {
		for _, mode := range []string{"n1", "n1cw", "aal5sdu"} {
			for _, kind := range []string{"--tap", "--tun"} {
				t.Run(c.name+"/"+mode+"/"+kind[2:], func(t *testing.T) {
					t.Parallel()
					testRestart(t, c, mode, kind)
				})
			}
		}
	}
}

func testRestart(t *testing.T, c carrier, mode, kind string) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	peers := startTunnel(t, ctx, l, c, mode, kind, tunnelDev)
	expectTraffic(t, ctx, l)
	before := hardwareAddrs(t, l)
	if err := peers[1].cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-peers[1].cmd.Done()
	if _, err := l.B.Link(tunnelDev); !errors.Is(err, link.ErrNotFound) {
		t.Errorf("after SIGKILL %s is still there: %v", tunnelDev, err)
	}
	// To nobody; this gives UDP its "port unreachable".
	if r, err := lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 3, Wait: 50 * time.Millisecond}); err != nil || r.Received != 0 {
		t.Errorf("ping with the far end killed: %v, %v", r, err)
	}
	again := startPeer(t, ctx, l.B, "--vc", "0/100", "--port", c.spec(l, 1, mode), kind, tunnelDev)
	again.address(t, ctx, 1)
	if after := hardwareAddrs(t, l); after != before || kind == "--tap" && after[0] == after[1] {
		t.Errorf("the ends' addresses were %v and are %v: neighbour tables would keep the old one", before, after)
	}
	expectTraffic(t, ctx, l)
	select {
	case <-peers[0].cmd.Done():
		t.Fatal("the other end ended")
	default:
	}
	second, first := again.stop(t), peers[0].stop(t)
	if first.Drops != 0 || second.Drops != 0 {
		t.Errorf("drops %v and %v", first.drops(), second.drops())
	}
	if first.Seconds <= second.Seconds || first.VC != "0/100" || first.Device != tunnelDev {
		t.Errorf("summaries of %v s and %v s, device %s, VC %s", first.Seconds, second.Seconds, first.Device, first.VC)
	}
	if first.Counters["tap"]["rx_frames"] <= second.Counters["tap"]["tx_frames"] {
		t.Errorf("the first end sent %v, the second received %v", first.Counters["tap"], second.Counters["tap"])
	}
}

// hardwareAddrs are the MAC addresses of the tunnel's two devices.
func hardwareAddrs(t *testing.T, l *lab.Lab) (addrs [2]string) {
	t.Helper()
	for i, h := range []*lab.Host{l.A, l.B} {
		state, err := h.Link(tunnelDev)
		if err != nil {
			t.Fatal(err)
		}
		addrs[i] = state.HardwareAddr.String()
	}
	return addrs
}
