package main

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// TestOffloadByARouter has a router on the way, which takes the datagrams on.
func TestOffloadByARouter(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	far, err := l.Beyond(1600)
	if err != nil {
		t.Fatal(err)
	}
	bpffs, ends := bpffsForTest(t), [2]netip.Addr{l.A.Addr4.Addr(), far.Addr4.Addr()}
	var peers [2]*peer
	for side, h := range []*lab.Host{l.A, far} {
		port := fmt.Sprintf("udp:%s:6635,remote=%s:6635,mode=aal5sdu", ends[side], ends[1-side])
		peers[side] = startPeer(t, ctx, h, "--tap", tunnelDev, "--vc", "0/100", "--port", port, "--offload", "on", "--bpffs", bpffs)
	}
	for side, p := range peers {
		p.address(t, ctx, side)
	}
	pings(t, ctx, l.A, inner4[1].Addr(), 1472)
	if _, err := lab.TCPTransfer(ctx, l.A, far, inner6[1].Addr(), lab.TCPConfig{Octets: 1 << 20}); err != nil {
		t.Error(err)
	}
	for _, p := range peers {
		carried(t, p)
	}
}

// carried ends a peer, and wants that its kernel carried TCP.
func carried(t *testing.T, p *peer) {
	t.Helper()
	if k := p.stop(t).Counters["kernel"]; k["rx_frames"]+k["tx_frames"] < 700 || k["tx_drop_failed"]+k["rx_drop_failed"] != 0 {
		t.Errorf("%s: the kernel counted %v", p.host.Name, k)
	}
}

// TestOffloadManyOnOneInterface has tunnels of one interface beside each other, some in user space: each has its own.
func TestOffloadManyOnOneInterface(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{MTU: 1600})
	bpffs := bpffsForTest(t)
	const tunnels = 4
	var peers [tunnels][2]*peer
	for i := range tunnels {
		choice := []string{"on", "on", "off", "off"}[i]
		for side, h := range []*lab.Host{l.A, l.B} {
			peers[i][side] = startPeer(t, ctx, h, "--tap", fmt.Sprint("many", i), "--vc", "0/100", "--offload", choice, "--bpffs", bpffs,
				"--port", fmt.Sprintf("eth:eth0,label=%d,mode=aal5sdu", 200+i))
			peers[i][side].ready(t)
			address := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), byte(1 + side)}), 24)
			if err := h.AddAddr(fmt.Sprint("many", i), address); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range tunnels {
		to := netip.AddrFrom4([4]byte{10, 0, byte(i), 2})
		pings(t, ctx, l.A, to, 1472)
		if _, err := lab.TCPTransfer(ctx, l.A, l.B, to, lab.TCPConfig{Octets: 1 << 20}); err != nil {
			t.Errorf("tunnel %d: %v", i, err)
		}
	}
	for i := range tunnels {
		for _, p := range peers[i] {
			if i < 2 {
				carried(t, p)
			} else {
				p.stop(t)
			}
		}
	}
}

// TestOffloadInATunnel has a tunnel of datagrams inside another, both in the kernel or the inner in user space, which sends
// trains: what the outer's programs can't carry its hub does.
func TestOffloadInATunnel(t *testing.T) {
	for _, c := range offloadCarriers[:2] {
		for _, choice := range []string{"on", "off"} {
			t.Run(c.name+"/"+choice, func(t *testing.T) {
				t.Parallel()
				ctx := testContext(t)
				l := lab.ForTest(t, lab.Config{MTU: 1700})
				outer := startEnds(t, ctx, l, c, [2]string{"on", "on"}, "--mtu", "1600", "--gso", "on")
				pings(t, ctx, l.A, inner4[1].Addr(), 56)
				var nested [2]*peer
				for side, h := range []*lab.Host{l.A, l.B} {
					nested[side] = startNested(t, ctx, h, side, choice)
				}
				to := netip.AddrFrom4([4]byte{10, 9, 0, 2})
				pings(t, ctx, l.A, to, 1472)
				if _, err := lab.TCPTransfer(ctx, l.A, l.B, to, lab.TCPConfig{Octets: 1 << 20}); err != nil {
					t.Error(err)
				}
				for _, p := range append(nested[:], outer[:]...) {
					p.stop(t)
				}
			})
		}
	}
}

// startNested starts a tunnel inside the tunnel.
func startNested(t *testing.T, ctx context.Context, h *lab.Host, side int, choice string) *peer {
	t.Helper()
	p := startPeer(t, ctx, h, "--tap", "nested0", "--vc", "0/101", "--offload", choice, "--bpffs", bpffsForTest(t),
		"--port", fmt.Sprintf("udp:%s:6636,remote=%s:6636,mode=aal5sdu", inner4[side].Addr(), inner4[1-side].Addr()))
	p.ready(t)
	if err := h.AddAddr("nested0", netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(1 + side)}), 24)); err != nil {
		t.Fatal(err)
	}
	return p
}
