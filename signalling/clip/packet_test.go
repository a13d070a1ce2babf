package clip

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/atmarp"
)

func config() Config {
	return Config{Host: atmarp.Config{Prefix: netip.MustParsePrefix("192.0.2.1/24"), ATM: address.Address{AESA: address.AESA{0x47, 1}}},
		Log: slog.New(slog.DiscardHandler)}
}

func TestCheck(t *testing.T) {
	number, err := address.Parse("+358401975443")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"as it is":      {func(*Config) {}, nil},
		"no IP address": {func(c *Config) { c.Host.Prefix = netip.Prefix{} }, atmarp.ErrIP},
		"a number":      {func(c *Config) { c.Host.ATM = number }, ErrATM},
		"a server's":    {func(c *Config) { c.Host.Servers = []address.Address{number} }, ErrATM},
		"itself": {func(c *Config) {
			c.ARP = map[netip.Addr]address.Address{c.Host.Prefix.Addr(): {AESA: address.AESA{0x47, 2}}}
		}, atmarp.ErrIP},
		"route beyond": {func(c *Config) {
			c.Route = []Route{{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParseAddr("10.0.0.1")}}
		}, ErrRoute},
		"route of IPv6": {func(c *Config) { c.Route = []Route{{netip.MustParsePrefix("::/0"), netip.MustParseAddr("192.0.2.2")}} }, ErrRoute},
		"route to a host": {func(c *Config) {
			c.Route = []Route{{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParseAddr("192.0.2.2")}}
		}, nil},
		"route to nothing": {func(c *Config) { c.Route = []Route{{netip.MustParsePrefix("0.0.0.0/0"), netip.Addr{}}} }, ErrRoute},
	} {
		have := config()
		c.change(&have)
		if err := have.Check(); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// What a packet's destination is reached by: itself in the subnet, the longest prefix beyond
// it; and what cannot be sent is counted, without a heap for it.
func TestForward(t *testing.T) {
	c := config()
	router := func(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }
	c.Route = []Route{{netip.MustParsePrefix("10.0.0.0/8"), router(8)}, {netip.MustParsePrefix("10.1.0.0/16"), router(9)}}
	h := &Host{config: c, routes: sorted(c.Route)}
	h.table.Store(&map[netip.Addr]*vc{})
	for to, want := range map[string]string{"192.0.2.77": "192.0.2.77", "10.1.2.3": "192.0.2.9", "10.2.0.1": "192.0.2.8", "11.0.0.1": ""} {
		got, ok := h.hop(netip.MustParseAddr(to))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s by %v, %v", to, got, ok)
		}
	}
	packet := func(first byte, n int, to ...byte) []byte {
		sdu := make([]byte, headerSize+n)
		sdu[headerSize] = first
		copy(sdu[min(len(sdu), headerSize+16):], to)
		return sdu
	}
	for _, sdu := range [][]byte{packet(0x60, 40), packet(0x45, 19), packet(0x45, 1)[:headerSize], packet(0x45, MTU+1, 10, 0, 0, 1)} {
		h.forward(sdu)
	}
	beyond := packet(0x45, 20, 11, 0, 0, 1)
	if n := testing.AllocsPerRun(100, func() { h.forward(beyond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := h.counts.notIP.Load(); n != 4 {
		t.Errorf("%d packets were none, of 4", n)
	}
	if n := h.counts.noRoute.Load(); n != 101 {
		t.Errorf("%d packets without a route, of 101", n)
	}
}
