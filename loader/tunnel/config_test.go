package tunnel

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// label100 is one entry of a label stack (RFC 3032): label 100, bottom, TTL 255.
var label100 = []byte{0, 0x06, 0x41, 0xFF}

var llc = []byte{0xAA, 0xAA, 0x03, 0x00, 0x80, 0xC2, 0x00, 0x07, 0x00, 0x00} // RFC 2684, 5.2

func ethernet() Config {
	return Config{Underlay: 1, Inner: 2, MaxFrame: 1514, Labels: label100, Label: 100, Encap: llc, Own: [6]byte{2, 0, 0, 0, 0, 1}, Station: [6]byte{1, 0, 0x5E, 0x90, 0, 0}}
}

func datagrams(local, remote, hop string) Config {
	c := ethernet()
	c.Local, c.Remote, c.NextHop, c.Source, c.Class = netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote), netip.MustParseAddr(hop), 0xC001, 46<<2
	return c
}

// TestHead compares what stands before a frame with headers written by hand: RFC 4717 behind RFC 3032, RFC 7510.
func TestHead(t *testing.T) {
	const rest = "000641ff 00000000 aaaa030080c200070000"
	for _, c := range []struct {
		name, head string
		config     Config
	}{
		{"Ethernet", "01005e900000 020000000001 8847" + rest, ethernet()},
		{"IPv4", "000000000000 000000000000 0800 45b8 0000 0000 4000 40 11 0000 c0000201 c0000202 c001 19eb 0000 0000" + rest,
			datagrams("192.0.2.1:6635", "192.0.2.2:6635", "192.0.2.254")},
		{"IPv6", "000000000000 000000000000 86dd 6b800000 0000 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 c001 19eb 0000 0000" + rest,
			datagrams("[2001:db8::1]:6635", "[2001:db8::2]:6635", "fe80::1")},
	} {
		k := c.config.constants()
		var got []byte
		for _, w := range k.Head {
			got = binary.NativeEndian.AppendUint64(got, w)
		}
		if want := strings.ReplaceAll(c.head, " ", ""); hex.EncodeToString(got[:k.HeadLength]) != want {
			t.Errorf("%s:\n%x, want\n%s", c.name, got[:k.HeadLength], want)
		}
		if !c.config.Equal(c.config) {
			t.Errorf("%s: not equal to itself", c.name)
		}
	}
	if k := datagrams("192.0.2.1:6635", "192.0.2.2:6635", "192.0.2.2"); k.constants().Sum != 0x45b8+0x4000+0x4011+0xc000+0x0201+0xc000+0x0202 {
		t.Errorf("IPv4's words add up to %x", k.constants().Sum)
	}
}

// TestRefused asks for what is no tunnel: nothing is loaded.
func TestRefused(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Underlay = 0 },
		func(c *Config) { c.Labels = nil },
		func(c *Config) { c.Labels = make([]byte, 20) },
		func(c *Config) { c.Encap = make([]byte, 11) },
		func(c *Config) { c.MaxFrame = 13 },
		func(c *Config) { c.NextHop = netip.MustParseAddr("2001:db8::1") },
		func(c *Config) { c.Local = netip.MustParseAddrPort("0.0.0.0:6635") },
	} {
		c := datagrams("192.0.2.1:6635", "192.0.2.2:6635", "192.0.2.2")
		change(&c)
		if _, err := Open(c, nil); err == nil || !strings.HasPrefix(err.Error(), "tunnel: ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
