package tunnel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/cellhub/cellhub/bpf"
)

// Config says what stands before a frame of the host on its way, and where it goes. It is all that is constant.
type Config struct {
	Underlay int // the interface that frames leave by and come to, by number
	Inner    int // the network's end of the host's pair
	MaxFrame int // octets of the longest frame of the host, with MAC header and tag, that the underlay holds

	Plain bool // super-frames of the host are the hub's to cut

	Labels []byte // the stack that is sent, as on the wire
	Label  uint32 // at the bottom of what is received
	Encap  []byte // RFC 2684's header of bridged frames without FCS, 2 octets or 10

	// MPLS on Ethernet.
	Own, Station [6]byte // whose frames they are, and where they go
	Check        bool    // frames are taken from Station only

	// MPLS in UDP, where Local is valid: over IPv6 without checksums, so the peer must take datagrams so (RFC 6935).
	Local, Remote netip.AddrPort
	Source        uint16     // port of datagrams that are sent
	NextHop       netip.Addr // on the underlay
	Class         uint8      // their traffic class
}

// Octets of headers.
const (
	ethernetBytes    = 14
	ipv4Bytes        = 20
	ipv6Bytes        = 40
	udpBytes         = 8
	labelBytes       = 4
	controlWordBytes = 4
	maxLabels        = 4
	maxEncap         = 10
)

// TTL of outer IP headers.
const TTL = 64

const (
	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86DD
	etherTypeMPLS = 0x8847
	protocolUDP   = 17
	dontFragment  = 0x4000
)

// over is what carries it.
func (c *Config) over() uint32 {
	switch {
	case !c.Local.IsValid():
		return uint32(bpf.TunnelOverOVER_ETHERNET)
	case c.Local.Addr().Is4():
		return uint32(bpf.TunnelOverOVER_IPV4)
	}
	return uint32(bpf.TunnelOverOVER_IPV6)
}

// check refuses what is no tunnel.
func (c *Config) check() error {
	switch {
	case c.Underlay <= 0 || c.Inner <= 0:
		return errors.New("no interface")
	case len(c.Labels) == 0 || len(c.Labels)%labelBytes != 0 || len(c.Labels) > maxLabels*labelBytes:
		return fmt.Errorf("%d octets of labels: 1 to %d labels", len(c.Labels), maxLabels)
	case len(c.Encap) < 2 || len(c.Encap) > maxEncap:
		return fmt.Errorf("%d octets of encapsulation: 2 to %d", len(c.Encap), maxEncap)
	case c.MaxFrame < ethernetBytes:
		return fmt.Errorf("frames of %d octets: the underlay holds none", c.MaxFrame)
	case !c.Local.IsValid():
		return nil
	case c.Local.Addr().Is4() != c.Remote.Addr().Is4() || c.Local.Addr().Is4() != c.NextHop.Is4() || !c.NextHop.IsValid():
		return fmt.Errorf("%s, %s by %s: of one family", c.Local, c.Remote, c.NextHop)
	case c.Local.Addr().IsUnspecified():
		return fmt.Errorf("%s: an address that datagrams leave by", c.Local)
	}
	return nil
}

// constants are what the programs are loaded with.
func (c *Config) constants() bpf.TunnelTunnel {
	k := bpf.TunnelTunnel{
		Underlay: uint32(c.Underlay), Inner: uint32(c.Inner), Over: c.over(), EncapLength: uint32(len(c.Encap)),
		Label: c.Label, Limit: uint32(c.MaxFrame), Station: c.Station,
	}
	if c.Check {
		k.CheckStation = 1
	}
	if c.Plain {
		k.Plain = 1
	}
	copy(k.Encap[:], c.Encap)
	head := c.link(make([]byte, 0, len(k.Head)*8))
	if c.Local.IsValid() {
		k.Port = onWire(c.Local.Port())
		k.Local, k.Remote, k.NextHop = words(c.Local.Addr()), words(c.Remote.Addr()), words(c.NextHop)
		if c.Local.Addr().Is4() {
			k.Sum = sum(head[ethernetBytes:][:ipv4Bytes])
		}
	}
	head = append(head, c.Labels...)
	head = append(head, make([]byte, controlWordBytes)...)
	head = append(head, c.Encap...)
	k.HeadLength = uint32(len(head))
	for i := range k.Head {
		k.Head[i] = binary.NativeEndian.Uint64(head[:cap(head)][i*8:])
	}
	return k
}

// link appends what stands before the labels: lengths, and the IPv4 header's checksum, are zero.
func (c *Config) link(head []byte) []byte {
	if !c.Local.IsValid() {
		head = append(append(head, c.Station[:]...), c.Own[:]...)
		return binary.BigEndian.AppendUint16(head, etherTypeMPLS)
	}
	// The kernel's table of neighbours fills the stations in; a group's address there it would refuse.
	head = append(head, make([]byte, 12)...)
	local, remote := c.Local.Addr(), c.Remote.Addr()
	if local.Is4() {
		head = binary.BigEndian.AppendUint16(head, etherTypeIPv4)
		head = append(head, 0x45, c.Class, 0, 0, 0, 0, dontFragment>>8, 0, TTL, protocolUDP, 0, 0)
	} else {
		head = binary.BigEndian.AppendUint16(head, etherTypeIPv6)
		head = append(head, 6<<4|c.Class>>4, c.Class<<4, 0, 0, 0, 0, protocolUDP, TTL)
	}
	head = append(append(head, local.AsSlice()...), remote.AsSlice()...)
	head = binary.BigEndian.AppendUint16(head, c.Source)
	head = binary.BigEndian.AppendUint16(head, c.Remote.Port())
	return append(head, 0, 0, 0, 0) // no checksum: RFC 7510, section 3.1; RFC 6936
}

// sum adds up the 16-bit words of a header.
func sum(b []byte) (n uint32) {
	for ; len(b) >= 2; b = b[2:] {
		n += uint32(binary.BigEndian.Uint16(b))
	}
	return n
}

// onWire is a number of the machine's order whose octets are those of the wire.
func onWire(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// words are an address as the programs compare it.
func words(a netip.Addr) (w [4]uint32) {
	for i, b := 0, a.AsSlice(); len(b) >= 4; i, b = i+1, b[4:] {
		w[i] = binary.NativeEndian.Uint32(b)
	}
	return w
}

// Equal tells whether two are the same for the programs.
func (c *Config) Equal(o Config) bool { return c.constants() == o.constants() }
