package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

const addressX = "47.0005.80FFE1000000F20F2200.0020EA000EEF.00"

// pings sends some packets, all of which must be answered, but for the first.
func pings(t *testing.T, from *lab.Host, to string, size int) {
	t.Helper()
	var r lab.PingResult
	controltest.Until(t, "ping of "+to, func() (all bool) {
		ctx, cancel := context.WithTimeout(context.Background(), controltest.Patience)
		defer cancel()
		var err error
		r, err = lab.Ping(ctx, from, netip.MustParseAddr(to), lab.PingConfig{Count: 3, Size: size, Interval: 10 * time.Millisecond, Wait: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return r.Lost() == 0
	})
}

// Three hosts with a TUN each: a switch, which is the subnet's ATMARP server, and two others,
// who find each other by it: ping, a transfer by TCP, what cellctl shows and changes, a VC
// that is released when nothing uses it, and made again when something does.
func TestClassicalIP(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	far, err := l.Beyond(1500)
	if err != nil {
		t.Fatal(err)
	}
	a, x, b := newSite(t, l.A), newSite(t, l.B), newSite(t, far)
	a.port(1, "eth:"+lab.Dev+",label=100")
	x.port(1, "eth:"+lab.Dev+",label=100")
	x.port(2, "eth:"+lab.Uplink+",label=200")
	b.port(1, "eth:"+lab.Dev+",label=200")
	x.signalling(`
interfaces: [{port: 1, side: network}, {port: 2, side: network}]
routes: {` + addressA + `: [1], ` + addressB + `: [2]}
ip:
  lis: {tun: ip0, address: 10.1.0.9/24, atm: ` + addressX + `, idle: 3s}
`)
	host := func(ip, atm, more string) string {
		return fmt.Sprintf(`
interfaces: [{port: 1, side: user}]
routes: {"*": [1]}
ip:
  lis: {tun: ip0, address: %s/24, atm: %s, servers: [%s], idle: 3s%s}
`, ip, atm, addressX, more)
	}
	a.signalling(host("10.1.0.1", addressA, ", routes: {10.2.0.0/16: 10.1.0.2}"))
	b.signalling(host("10.1.0.2", addressB, ""))
	for _, s := range []*site{a, b} {
		controltest.Until(t, "a host is registered", func() bool {
			return strings.Contains(s.cellctl("arp", "show"), "registered")
		})
	}
	for _, size := range []int{0, 1000, 9000} {
		pings(t, a.host, "10.1.0.2", size)
		pings(t, b.host, "10.1.0.9", size)
	}
	if out := a.cellctl("arp", "show"); !strings.Contains(out, addressB) || !strings.Contains(out, "open") {
		t.Error(out)
	}
	if out := x.cellctl("call", "show"); !strings.Contains(out, "port 1 0/") || !strings.Contains(out, "port 2 0/") {
		t.Error(out)
	}
	for _, ends := range [][2]*site{{a, b}, {b, a}} {
		to := netip.MustParseAddr(map[*site]string{a: "10.1.0.1", b: "10.1.0.2"}[ends[1]])
		if r, err := lab.TCPTransfer(within(t), ends[0].host, ends[1].host, to, lab.TCPConfig{Octets: 4 << 20}); err != nil {
			t.Errorf("%v, %v", r, err)
		}
	}

	t.Run("routed", func(t *testing.T) {
		if err := b.host.AddAddr("lo", netip.MustParsePrefix("10.2.0.1/32")); err != nil {
			t.Fatal(err)
		}
		if err := a.host.AddRoute(netip.MustParsePrefix("10.2.0.0/16"), netip.MustParseAddr("10.1.0.2")); err != nil {
			t.Fatal(err)
		}
		pings(t, a.host, "10.2.0.1", 100)
	})
	t.Run("idle", func(t *testing.T) { // only the VCs to the server are left, then there is one again
		controltest.Until(t, "the VC between the hosts is released", func() bool {
			return strings.Count(x.cellctl("call", "show"), "active") == 2 && !strings.Contains(a.cellctl("arp", "show"), addressB+" open")
		})
		pings(t, b.host, "10.1.0.1", 100)
	})
	t.Run("by hand", func(t *testing.T) { // and kept
		a.cellctl("arp", "add", "lis", "10.1.0.7", addressB)
		a.sig.Stop(syscall.SIGKILL)
		a.signalling(host("10.1.0.1", addressA, ""))
		controltest.Until(t, "the host is registered again", func() bool {
			return strings.Contains(a.cellctl("arp", "show"), "registered")
		})
		if out := a.cellctl("arp", "show"); !strings.Contains(out, "10.1.0.7") || !strings.Contains(out, "by hand") {
			t.Error(out)
		}
		pings(t, a.host, "10.1.0.2", 100)
		a.cellctl("arp", "del", "lis", "10.1.0.7")
		if out := a.cellctl("arp", "show"); strings.Contains(out, "10.1.0.7") {
			t.Error(out)
		}
	})
}
