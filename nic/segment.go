package nic

import "encoding/binary"

// EtherTypes that the package looks at.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100 // IEEE 802.1Q
	typeQinQ = 0x88a8 // IEEE 802.1ad
)

// segment is where the headers of a frame lie that is part of a flow of TCP or UDP: whole IP packets, no fragments,
// and nothing behind them.
type segment struct {
	kind     kinds
	ip       int    // where IP begins
	tp       int    // where TCP or UDP begins
	payload  int    // where the payload begins
	flow     uint32 // of addresses and ports: differs between most flows, and is never 0
	joinable bool   // it may be part of a super-frame: it has a payload, no unusual flags, and a checksum
}

// Limits of what is parsed.
const (
	maxTags       = 2 // VLAN tags
	maxExtensions = 8 // extension headers of IPv6
)

// network finds where IP begins in an Ethernet frame, and its EtherType; behind VLAN tags, too.
func network(frame []byte) (ip int, etherType uint16) {
	at := ethernetHeader - 2
	for range maxTags + 1 {
		if len(frame) < at+2 {
			return 0, 0
		}
		if etherType = get16(frame[at:]); etherType != typeVLAN && etherType != typeQinQ {
			return at + 2, etherType
		}
		at += vlanTag
	}
	return 0, 0
}

// parse finds the headers of a frame, or of a packet when it begins with IP (a TUN's). False: it is not part of a flow.
func (s *segment) parse(frame []byte, bare bool) bool {
	s.ip = 0
	etherType := uint16(0)
	switch {
	case !bare:
		s.ip, etherType = network(frame)
	case len(frame) > 0 && frame[0]>>4 == 4:
		etherType = typeIPv4
	case len(frame) > 0 && frame[0]>>4 == 6:
		etherType = typeIPv6
	}
	switch etherType {
	case typeIPv4:
		return s.parseIPv4(frame)
	case typeIPv6:
		return s.parseIPv6(frame)
	}
	return false
}

// parseIPv4 leaves packets with options alone, and fragments.
func (s *segment) parseIPv4(frame []byte) bool {
	p := frame[s.ip:]
	if len(p) < ip4Header || p[0] != 0x45 || int(get16(p[ip4Length:])) != len(p) ||
		get16(p[ip4Fragment:])&^0x4000 != 0 { // all but Don't Fragment
		return false
	}
	s.tp = s.ip + ip4Header
	hash := binary.LittleEndian.Uint32(p[ip4Source:]) ^ binary.LittleEndian.Uint32(p[ip4Source+4:])*3
	switch p[ip4Protocol] {
	case protocolTCP:
		return s.parseTCP(frame, kindTCP4, hash)
	case protocolUDP:
		return s.parseUDP(frame, kindUDP4, hash)
	}
	return false
}

func (s *segment) parseIPv6(frame []byte) bool {
	p := frame[s.ip:]
	if len(p) < ip6Header || p[0]>>4 != 6 || int(get16(p[ip6Length:])) != len(p)-ip6Header {
		return false
	}
	at, protocol := extensions(p)
	if at == 0 {
		return false
	}
	s.tp = s.ip + at
	hash := binary.LittleEndian.Uint32(p[ip6Source+12:]) ^ binary.LittleEndian.Uint32(p[ip6Source+28:])*3
	switch protocol {
	case protocolTCP:
		return s.parseTCP(frame, kindTCP6, hash)
	case protocolUDP:
		return s.parseUDP(frame, kindUDP6, hash)
	}
	return false
}

// Extension headers of IPv6 that a super-frame may have: RFC 8200, section 4. A routing header is not among them, as
// with it the checksum is over another address than the header's.
const (
	nextHopByHop    = 0
	nextDestination = 60

	optionPad1  = 0
	optionJumbo = 0xc2
)

// extensions steps over a packet's extension headers; 0 when there is one of another kind, or a broken one.
func extensions(p []byte) (at int, protocol uint8) {
	at, protocol = ip6Header, p[ip6Next]
	for range maxExtensions {
		if protocol != nextHopByHop && protocol != nextDestination {
			return at, protocol
		}
		if len(p) < at+8 {
			return 0, 0
		}
		end := at + 8 + 8*int(p[at+1])
		if len(p) < end || protocol == nextHopByHop && !plainOptions(p[at+2:end]) {
			return 0, 0
		}
		at, protocol = end, p[at]
	}
	return 0, 0
}

// plainOptions tells whether hop-by-hop options are well formed and have no length of a jumbogram among them.
func plainOptions(p []byte) bool {
	for len(p) > 0 {
		switch {
		case p[0] == optionPad1:
			p = p[1:]
		case p[0] == optionJumbo, len(p) < 2, len(p) < 2+int(p[1]):
			return false
		default:
			p = p[2+int(p[1]):]
		}
	}
	return true
}

func (s *segment) parseTCP(frame []byte, kind kinds, hash uint32) bool {
	p := frame[s.tp:]
	if len(p) < tcpHeader {
		return false
	}
	header := 4 * int(p[tcpOffset]>>4)
	if header < tcpHeader || header > len(p) {
		return false
	}
	s.is(kind, hash, p)
	s.payload = s.tp + header
	s.joinable = len(p) > header && p[tcpFlags]&(tcpSYN|tcpRST|tcpURG) == 0
	return true
}

func (s *segment) parseUDP(frame []byte, kind kinds, hash uint32) bool {
	p := frame[s.tp:]
	if len(p) < udpHeader {
		return false
	}
	s.is(kind, hash, p)
	s.payload = s.tp + udpHeader
	s.joinable = len(p) > udpHeader && int(get16(p[udpLength:])) == len(p) && get16(p[udpSum:]) != 0
	return true
}

// is names the kind and the flow, of which the ports begin the transport header.
func (s *segment) is(kind kinds, hash uint32, p []byte) {
	s.kind = kind
	s.flow = (hash ^ binary.LittleEndian.Uint32(p)*5) | 1
}

// tcp tells TCP from UDP.
func (s *segment) tcp() bool { return s.kind&kindsTCP != 0 }

// ipv4 tells IPv4 from IPv6.
func (s *segment) ipv4() bool { return s.kind&(kindTCP4|kindUDP4) != 0 }

// protocol is the transport's number.
func (s *segment) protocol() uint8 {
	if s.tcp() {
		return protocolTCP
	}
	return protocolUDP
}

// sumAt is where the transport's checksum lies.
func (s *segment) sumAt() int {
	if s.tcp() {
		return s.tp + tcpSum
	}
	return s.tp + udpSum
}

// addresses are both, which lie together.
func (s *segment) addresses(frame []byte) []byte {
	if s.ipv4() {
		return frame[s.ip+ip4Source : s.ip+ip4Header]
	}
	return frame[s.ip+ip6Source : s.ip+ip6Header]
}

// valid tells whether the frame's checksums are right, and written in the form that a sender gives them: the other form
// of zero passes a receiver's check, too, but would not come out again.
func (s *segment) valid(frame []byte) bool {
	if s.ipv4() {
		ip := frame[s.ip:s.tp]
		if sumOctets(ip) != 0xffff || get16(ip[ip4Sum:]) == 0xffff {
			return false
		}
	}
	length := len(frame) - s.tp
	sum := sumOctets(frame[s.tp:]) + uint32(pseudoSum(s.addresses(frame), s.protocol(), length))
	if fold32(sum) != 0xffff {
		return false
	}
	return !s.tcp() || get16(frame[s.tp+tcpSum:]) != 0xffff
}
