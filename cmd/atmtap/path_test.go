package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// narrow is the MTU of a link that only a router sees.
const narrow = 1400

// TestPathMTU has a router on the way whose next link is narrower than the carrier. Cell
// modes pack fewer cells. In AAL5 SDU mode the user is told, the loss counted, and the
// sender told by ICMP, which its kernel understands: TCP goes on.
func TestPathMTU(t *testing.T) {
	for _, family := range []string{"IPv4", "IPv6"} {
		for _, mode := range []string{"n1", "aal5sdu"} {
			for _, kind := range []string{"--tap", "--tun"} {
				t.Run(family+"/"+mode+"/"+kind[2:], func(t *testing.T) {
					t.Parallel()
					testPathMTU(t, family == "IPv6", mode, kind)
				})
			}
		}
	}
}

func testPathMTU(t *testing.T, v6 bool, mode, kind string) {
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	c, err := l.Beyond(narrow)
	if err != nil {
		t.Fatal(err)
	}
	ends := [2]netip.Addr{l.A.Addr4.Addr(), c.Addr4.Addr()}
	if v6 {
		ends = [2]netip.Addr{l.A.Addr6.Addr(), c.Addr6.Addr()}
	}
	port := func(side int) string {
		return fmt.Sprintf("udp:%s,remote=%s,mode=%s", netip.AddrPortFrom(ends[side], 6635), netip.AddrPortFrom(ends[1-side], 6635), mode)
	}
	near := startPeer(t, ctx, l.A, kind, tunnelDev, "--vc", "0/100", "--port", port(0))
	farMTU := "1500"
	if mode == "aal5sdu" {
		farMTU = "1300"
	}
	far := startPeer(t, ctx, c, kind, tunnelDev, "--vc", "0/100", "--mtu", farMTU, "--port", port(1))
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	pings(t, ctx, l.A, inner4[1].Addr(), 100)
	until(t, "a router's word", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Size: 1450, Wait: 50e6})
		return hasLine(near.stderr.String(), "the path to the peer holds 1400 octets now")
	})
	if mode == "aal5sdu" {
		near.stderr.wait(t, 0, "packets that fit go on", "their senders told")
	}
	for _, to := range []netip.Addr{inner4[1].Addr(), inner6[1].Addr()} {
		if mode == "n1" {
			pings(t, ctx, l.A, to, 1450)
		} else {
			until(t, "the inner kernel's knowledge of the path", func() bool {
				_, _ = lab.Ping(ctx, l.A, to, lab.PingConfig{Count: 1, Size: 1450, Wait: 20e6})
				known := 0
				_ = l.A.Do(func() error {
					path, err := link.PathTo(netip.Addr{}, to)
					known = path.MTU
					return err
				})
				return known >= 1280 && known < narrow
			})
		}
		if _, err := lab.TCPTransfer(ctx, l.A, c, to, lab.TCPConfig{Octets: 256 << 10}); err != nil {
			t.Errorf("TCP to %s: %v", to, err)
		}
	}
	n := near.stop(t).Counters
	if n["port"]["path_drop_too_long"] == 0 || mode == "aal5sdu" && (n["toobig"]["tx_drop_too_big"] == 0 || n["toobig"]["senders_told"] == 0) {
		t.Errorf("counted %v, %v", n["port"], n["toobig"])
	}
	far.stop(t)
}

// TestCarrierMTURaised raises the MTU below a UDP tunnel, whatever tells its interface: an
// address of it, any address, or one on lo. Longer frames pass then, and are received.
func TestCarrierMTURaised(t *testing.T) {
	for _, local := range []string{"192.0.2", "0.0.0.0", "lo"} {
		t.Run(local, func(t *testing.T) {
			t.Parallel()
			ctx := testContext(t)
			l := lab.ForTest(t, lab.Config{})
			var peers [2]*peer
			for side, h := range []*lab.Host{l.A, l.B} {
				at, to := []string{"192.0.2.1", "192.0.2.2"}[side], []string{"192.0.2.2", "192.0.2.1"}[side]
				switch local {
				case "0.0.0.0":
					at = local
				case "lo":
					at, to = []string{"203.0.113.1", "203.0.113.2"}[side], []string{"203.0.113.2", "203.0.113.1"}[side]
					if err := h.AddAddr("lo", netip.MustParsePrefix(at+"/32")); err != nil {
						t.Fatal(err)
					}
					via := []netip.Addr{l.B.Addr4.Addr(), l.A.Addr4.Addr()}[side]
					if err := h.AddRoute(netip.MustParsePrefix(to+"/32"), via); err != nil {
						t.Fatal(err)
					}
				}
				peers[side] = startPeer(t, ctx, h, "--tap", tunnelDev, "--vc", "0/100", "--mtu", "9180", "--port", "udp:"+at+":6635,remote="+to+":6635")
			}
			for side, p := range peers {
				p.address(t, ctx, side)
			}
			expectTraffic(t, ctx, l)
			for _, h := range []*lab.Host{l.A, l.B} {
				if err := h.Do(func() error { return link.SetMTU(lab.Dev, 9600) }); err != nil {
					t.Fatal(err)
				}
			}
			for _, p := range peers {
				p.stderr.wait(t, 0, lab.Dev, "MTU 9600")
			}
			file := filepath.Join(t.TempDir(), "wire.pcap")
			capture, err := lab.CaptureEth(l.B, lab.Dev, file)
			if err != nil {
				t.Fatal(err)
			}
			pings(t, ctx, l.A, inner4[1].Addr(), 9000)
			if _, err := lab.TCPTransfer(ctx, l.A, l.B, inner4[1].Addr(), lab.TCPConfig{Octets: 4 << 20}); err != nil {
				t.Error(err)
			}
			if _, err := capture.Stop(); err != nil {
				t.Log(err)
			}
			if frames, err := os.ReadFile(file); err != nil || len(frames) < 9000 {
				t.Errorf("%d octets captured, %v", len(frames), err)
			}
			for _, p := range peers {
				if r := p.stop(t); r.Counters["port"]["rx_drop_truncated"] != 0 {
					t.Errorf("drops %v", r.drops())
				}
			}
		})
	}
}

// TestDeviceMTURaised raises the MTU of the tunnel's device, a little and into the next size
// of blocks: its packets pass.
func TestDeviceMTURaised(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	near, far := startOver(t, ctx, l)
	set := func(mtu int) {
		t.Helper()
		for _, h := range []*lab.Host{l.A, l.B} {
			if err := h.Do(func() error { return link.SetMTU(tunnelDev, mtu) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	set(1600)
	near.stderr.wait(t, 0, tunnelDev, "MTU 1600 now")
	far.stderr.wait(t, 0, tunnelDev, "MTU 1600 now")
	pings(t, ctx, l.A, inner4[1].Addr(), 1572)
	set(9000)
	near.stderr.wait(t, 0, tunnelDev, "MTU 9000 now")
	far.stderr.wait(t, 0, tunnelDev, "MTU 9000 now")
	pings(t, ctx, l.A, inner4[1].Addr(), 8972)
}

// TestShorterCarrierStopsNoMoreThanItMust lowers the MTU below a UDP tunnel of whole SDUs: what
// fits goes on.
func TestShorterCarrierStopsNoMoreThanItMust(t *testing.T) {
	for _, c := range carriers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(testContext(t))
			defer cancel()
			l := lab.ForTest(t, lab.Config{MTU: 1600})
			peers := startTunnel(t, ctx, l, c, "aal5sdu", "--tap", tunnelDev)
			for _, h := range []*lab.Host{l.A, l.B} {
				if err := h.Do(func() error { return link.SetMTU(lab.Dev, 1400) }); err != nil {
					t.Fatal(err)
				}
			}
			for _, p := range peers {
				p.stderr.wait(t, 0, "packets that fit go on", "--mtu 1500")
			}
			expectTraffic(t, ctx, l) // TCP included: its sender is told
		})
	}
}
