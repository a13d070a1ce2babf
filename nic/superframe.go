package nic

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// A super-frame is many segments of one flow in one frame: the headers once, all payloads behind them. The kernel says
// in a header before the frame, that of virtio (linux/virtio_net.h), how long each segment's payload is, and leaves the
// checksum to whoever cuts.

// kinds are kinds of super-frame, a set.
type kinds uint8

const (
	kindTCP4 kinds = 1 << iota
	kindTCP6
	kindUDP4
	kindUDP6

	kindsTCP = kindTCP4 | kindTCP6
	kindsUDP = kindUDP4 | kindUDP6
	allKinds = kindsTCP | kindsUDP
	noKind   = kinds(0)
)

func (k kinds) String() string {
	names := [...]string{"TCP over IPv4", "TCP over IPv6", "UDP over IPv4", "UDP over IPv6"}
	var list []string
	for rest := k; rest != 0; rest &= rest - 1 {
		list = append(list, names[bits.TrailingZeros8(uint8(rest))])
	}
	return strings.Join(list, ", ")
}

// Limits of super-frames.
const (
	maxSegments   = 64     // that we join in one: the batch, and what older kernels take of UDP
	maxPacket     = 0xffff // octets of an IP packet
	maxHeaders    = 256    // octets of the headers of a super-frame that we join
	maxSuperFrame = maxPacket + ethernetHeader + maxTags*vlanTag
)

// vnet is struct virtio_net_hdr, with fields in the processor's order.
type vnet struct {
	flags     uint8  // VIRTIO_NET_HDR_F_…
	kind      uint8  // VIRTIO_NET_HDR_GSO_…
	headers   uint16 // octets before the payload, a hint
	size      uint16 // octets of each payload but the last
	sumStart  uint16 // where the checksum begins: at the transport header
	sumOffset uint16 // from there to where it is written
}

const (
	vnetBytes = 10 // of the header as we have it before each frame

	needsSum = 1    // VIRTIO_NET_HDR_F_NEEDS_CSUM
	gsoNone  = 0    // VIRTIO_NET_HDR_GSO_NONE, …
	gsoTCP4  = 1    // …TCPV4
	gsoTCP6  = 4    // …TCPV6
	gsoUDP   = 5    // …UDP_L4, for both versions of IP
	gsoECN   = 0x80 // …ECN: the first segment has CWR

	// Since Linux 6.17: the super-frame lies in a tunnel over UDP, which has headers of its own before each segment.
	// Where they lie the longer header says, and the frame, too.
	vnetTunnelBytes = 24
	gsoTunnel       = 0x20 | 0x40 // …UDP_TUNNEL_IPV4 and …IPV6
	tunnelSum       = 8           // VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM: the outer checksum is wanted
)

func (v *vnet) read(p *[vnetBytes]byte) {
	v.flags, v.kind = p[0], p[1]
	v.headers = binary.NativeEndian.Uint16(p[2:])
	v.size = binary.NativeEndian.Uint16(p[4:])
	v.sumStart = binary.NativeEndian.Uint16(p[6:])
	v.sumOffset = binary.NativeEndian.Uint16(p[8:])
}

func (v *vnet) write(p *[vnetBytes]byte) {
	p[0], p[1] = v.flags, v.kind
	binary.NativeEndian.PutUint16(p[2:], v.headers)
	binary.NativeEndian.PutUint16(p[4:], v.size)
	binary.NativeEndian.PutUint16(p[6:], v.sumStart)
	binary.NativeEndian.PutUint16(p[8:], v.sumOffset)
}

// Fields of the headers, in octets from their start. RFC 791, 8200, 9293, 768.
const (
	ip4Length   = 2
	ip4ID       = 4
	ip4Fragment = 6
	ip4Protocol = 9
	ip4Sum      = 10
	ip4Source   = 12
	ip4Header   = 20 // without options

	ip6Length = 4
	ip6Next   = 6
	ip6Source = 8
	ip6Header = 40

	tcpSequence = 4
	tcpOffset   = 12 // the upper four bits, in words of 32 bits
	tcpFlags    = 13
	tcpSum      = 16
	tcpHeader   = 20 // without options

	udpLength = 4
	udpSum    = 6
	udpHeader = 8
)

// Flags of TCP.
const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
	tcpPSH = 0x08
	tcpURG = 0x20
	tcpCWR = 0x80
)

const (
	protocolTCP = 6
	protocolUDP = 17
)

func get16(p []byte) uint16    { return binary.BigEndian.Uint16(p) }
func put16(p []byte, v uint16) { binary.BigEndian.PutUint16(p, v) }

// finishSum completes a checksum that the kernel has left to the device: that of the pseudo header stands where the
// whole belongs. False: it lies outside the frame. As in the kernel's own (skb_checksum_help), 0 is written as its
// other form, whatever the protocol, because with UDP 0 means none.
func finishSum(frame []byte, v *vnet) bool {
	start, at := int(v.sumStart), int(v.sumStart)+int(v.sumOffset)
	if at+2 > len(frame) {
		return false
	}
	sum := ^uint16(sumOctets(frame[start:]))
	if sum == 0 {
		sum = 0xffff
	}
	put16(frame[at:], sum)
	return true
}
