package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/nic/link"
)

// TestLinkLocal runs two tunnels between the same link-local addresses on two cables: they
// stand beside each other, each takes only what came by its own, and an interface that is
// made again is taken again.
func TestLinkLocal(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	ends := [2]netip.Prefix{netip.MustParsePrefix("fe80::a/64"), netip.MustParsePrefix("fe80::b/64")}
	hosts := [2]*lab.Host{l.A, l.B}
	if err := l.Cable("eth7"); err != nil {
		t.Fatal(err)
	}
	address := func(dev string) {
		t.Helper()
		for side, h := range hosts {
			if err := h.AddAddr(dev, ends[side]); err != nil {
				t.Fatal(err)
			}
		}
	}
	var peers [2][2]*peer
	for i, dev := range []string{lab.Dev, "eth7"} {
		address(dev)
		for side, h := range hosts {
			port := fmt.Sprintf("udp:[%s%%%s]:6635,remote=[%s%%%s]:6635", ends[side].Addr(), dev, ends[1-side].Addr(), dev)
			p := startPeer(t, ctx, h, "--tun", fmt.Sprint("atm", i), "--vc", "0/100", "--port", port)
			p.waitUp(t, ctx, fmt.Sprint("atm", i))
			if err := h.AddAddr(fmt.Sprint("atm", i), netip.MustParsePrefix(fmt.Sprintf("198.51.%d.%d/24", 100+i, 1+side))); err != nil {
				t.Fatal(err)
			}
			peers[i][side] = p
		}
	}
	to := func(i int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("198.51.%d.2", 100+i)) }
	pings(t, ctx, l.A, to(0), 1000)
	pings(t, ctx, l.A, to(1), 1000)
	from := len(peers[0][0].stderr.String())
	if err := l.A.Delete(lab.Dev); err != nil {
		t.Fatal(err)
	}
	peers[0][0].stderr.wait(t, from, lab.Dev, "deleted")
	pings(t, ctx, l.A, to(1), 1000)
	if err := l.Join(); err != nil {
		t.Fatal(err)
	}
	address(lab.Dev)
	peers[0][0].stderr.wait(t, from, lab.Dev, "is back")
	pings(t, ctx, l.A, to(0), 1000)
	for i := range peers {
		for side := range peers[i] {
			if r := peers[i][side].stop(t); r.Counters["port"]["rx_drop_foreign"] != 0 {
				t.Errorf("tunnel %d, side %d: drops %v", i, side, r.drops())
			}
		}
	}
}

// TestRemoteName gives the remote's name another address while a tunnel runs: when the peer
// is silent the name is asked for again, and the tunnel turns to where it is.
func TestRemoteName(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	name := programs.Path(t, "atmtap")
	hosts := filepath.Join(t.TempDir(), "hosts")
	means := func(addr string) {
		t.Helper()
		if err := os.WriteFile(hosts, []byte(addr+" peer.example\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	means("192.0.2.9") // nobody
	const script = `mount --bind "$0" /etc/hosts && exec "$@"`
	near := startCommand(t, ctx, l.A, "unshare", "-m", "sh", "-c", script, hosts, name, "--json",
		"--tun", tunnelDev, "--vc", "0/100", "--port", "udp:192.0.2.1:6635,remote=peer.example:6635")
	far := startPeer(t, ctx, l.B, "--tun", tunnelDev, "--vc", "0/100", "--port", "udp:192.0.2.2:6635,remote=192.0.2.1:6635")
	near.address(t, ctx, 0)
	far.address(t, ctx, 1)
	means("192.0.2.2")
	if err := l.A.AddAddr(lab.Dev, netip.MustParsePrefix("192.0.2.77/32")); err != nil { // the network changes
		t.Fatal(err)
	}
	until(t, "another look at the name", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 50 * time.Millisecond})
		return hasLine(near.stderr.String(), "peer.example", "is 192.0.2.2 now, no longer 192.0.2.9")
	})
	expectTraffic(t, ctx, l)
	near.stop(t)
	far.stop(t)
}

// TestReaddressed takes the carrier's address away and gives it back.
func TestReaddressed(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	peers := startTunnel(t, ctx, l, carriers[1], "n1", "--tap", tunnelDev)
	expectTraffic(t, ctx, l)
	if err := removeAddr(l.A, lab.Dev, l.A.Addr4); err != nil {
		t.Fatal(err)
	}
	from := peers[0].stderr.wait(t, 0, "192.0.2.1 is no address of this host now")
	until(t, "the TAP without carrier", func() bool {
		state, err := l.A.Link(tunnelDev)
		return err == nil && !state.Running
	})
	if err := l.A.AddAddr(lab.Dev, l.A.Addr4); err != nil {
		t.Fatal(err)
	}
	peers[0].stderr.wait(t, from, "is back")
	expectTraffic(t, ctx, l)
}

// TestPeerRefuses ends one end of a tunnel over UDP: the other's host is told by ICMP, the
// TAP loses its carrier, and has it back when the peer speaks again.
func TestPeerRefuses(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	peers := startTunnel(t, ctx, l, carriers[1], "n1", "--tap", tunnelDev)
	expectTraffic(t, ctx, l)
	peers[1].stop(t)
	until(t, "the TAP without carrier", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 20 * time.Millisecond})
		state, err := l.A.Link(tunnelDev)
		return err == nil && !state.Running
	})
	peers[0].stderr.wait(t, 0, "nobody listens")
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[1].spec(l, 1, "n1"))
	far.address(t, ctx, 1)
	peers[0].stderr.wait(t, 0, "the peer is heard again")
	expectTraffic(t, ctx, l)
	if n := peers[0].stop(t).Counters["port"]["peer_refused"]; n < deadReports {
		t.Errorf("%d refusals counted", n)
	}
}

// TestPeerUnreachable takes the peer's address away: no neighbour answers for it, our own host says so, and the TAP loses
// its carrier, until the peer is back.
func TestPeerUnreachable(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	for _, h := range []*lab.Host{l.A, l.B} { // without the carrier's word, and quick to give an address up
		if err := h.Do(func() error {
			return os.WriteFile("/proc/sys/net/ipv4/neigh/"+lab.Dev+"/retrans_time_ms", []byte("20"), 0)
		}); err != nil {
			t.Fatal(err)
		}
	}
	absent := netip.PrefixFrom(l.B.Addr4.Addr().Next(), l.B.Addr4.Bits()) // nobody has it yet
	p := startPeer(t, ctx, l.A, "--tap", tunnelDev, "--vc", "0/100",
		"--port", fmt.Sprintf("udp:%s:6635,remote=%s:6635", l.A.Addr4.Addr(), absent.Addr()))
	p.address(t, ctx, 0)
	until(t, "the TAP without carrier", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 20 * time.Millisecond})
		state, err := l.A.Link(tunnelDev)
		return err == nil && !state.Running
	})
	p.stderr.wait(t, 0, "cannot be reached")
	if err := l.B.AddAddr(lab.Dev, absent); err != nil {
		t.Fatal(err)
	}
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100",
		"--port", fmt.Sprintf("udp:%s:6635,remote=%s:6635", absent.Addr(), l.A.Addr4.Addr()))
	far.address(t, ctx, 1)
	p.stderr.wait(t, 0, "the peer is heard again")
	expectTraffic(t, ctx, l)
}

// TestSilence ends one end of a tunnel over Ethernet, where nobody tells: with --silence the other's TAP loses its carrier,
// and has it back when the peer speaks again.
func TestSilence(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	peers := startTunnel(t, ctx, l, carriers[0], "n1", "--tap", tunnelDev, "--silence", "1s")
	expectTraffic(t, ctx, l)
	peers[1].stop(t)
	until(t, "the TAP without carrier", func() bool {
		_, _ = lab.Ping(ctx, l.A, inner4[1].Addr(), lab.PingConfig{Count: 1, Wait: 20 * time.Millisecond})
		state, err := l.A.Link(tunnelDev)
		return err == nil && !state.Running
	})
	peers[0].stderr.wait(t, 0, "counts as dead")
	far := startPeer(t, ctx, l.B, "--tap", tunnelDev, "--vc", "0/100", "--port", carriers[0].spec(l, 1, "n1"))
	far.address(t, ctx, 1)
	peers[0].stderr.wait(t, 0, "the peer is heard again")
	expectTraffic(t, ctx, l)
}

// TestManyInterfaces starts a tunnel of each kind among 3,000 interfaces. Without a question
// for each of them that takes milliseconds of processor time; with one it takes seconds.
func TestManyInterfaces(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	l := lab.ForTest(t, lab.Config{})
	err := l.A.Do(func() error {
		for i := range 1500 {
			if err := link.AddVeth(link.Veth{Name: fmt.Sprint("a", i), Peer: fmt.Sprint("b", i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range carriers {
		dev := fmt.Sprint("atm", i)
		spec := strings.Replace(c.spec(l, 0, "n1"), "label=100", fmt.Sprintf("label=%d", 200+i), 1)
		p := startPeer(t, ctx, l.A, "--tap", dev, "--vc", "0/100", "--port", spec)
		p.waitUp(t, ctx, dev)
		if used := p.cmd.CPU(); used > time.Second {
			t.Errorf("%s: %v of processor time to start", c.name, used)
		}
	}
}
