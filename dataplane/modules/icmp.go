package modules

import "encoding/binary"

// Sizes and numbers of the headers that packetTooBig reads and writes, in octets.
const (
	vlanTag     = 4
	ipv4Header  = 20
	ipv6Header  = 40
	icmpHeader  = 8
	ipv4Quoted  = 576 // longest answer: RFC 1812, 4.3.2.3
	ipv6Quoted  = 1280
	ttlOfErrors = 64

	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86DD
	etherTypeVLAN = 0x8100

	protocolICMP   = 1
	protocolICMPv6 = 58
)

// maxTooBig is the longest answer of packetTooBig, in octets.
const maxTooBig = ethernetHeader + vlanTag + ipv6Quoted

// packetTooBig writes to dst, of maxTooBig octets, what tells the sender of a frame that
// no frame longer than limit can pass: ICMP type 3 code 4 with the MTU of RFC 1191, or
// ICMPv6 type 2 (RFC 4443, 3.2). It comes from the packet's destination, as from the
// kernel's own tunnels (net/ipv4/ip_tunnel_core.c): a bridge has no address of its own.
// It returns the octets written; 0: an answer is not allowed (RFC 1122, 3.2.2; RFC 4443,
// 2.4) or not possible. IPv4 senders are told with and without DF: the tunnel does not
// fragment, and silence would be a black hole. A bridged frame has its MAC header.
func packetTooBig(dst, frame []byte, limit int, bridged bool) int {
	mac := 0
	etherType := uint16(0)
	if bridged {
		if len(frame) < ethernetHeader+vlanTag || frame[6]&1 != 0 {
			return 0
		}
		mac = ethernetHeader
		if etherType = binary.BigEndian.Uint16(frame[12:]); etherType == etherTypeVLAN {
			etherType = binary.BigEndian.Uint16(frame[16:])
			mac += vlanTag
		}
		copy(dst, frame[6:12])
		copy(dst[6:], frame[:6])
		copy(dst[12:], frame[12:mac])
		if frame[0]&1 != 0 {
			return 0 // to a group: its members' addresses are not the sender's business
		}
	} else if len(frame) > 0 {
		switch frame[0] >> 4 {
		case 4:
			etherType = etherTypeIPv4
		case 6:
			etherType = etherTypeIPv6
		}
	}
	packet, mtu := frame[mac:], limit-mac
	switch etherType {
	case etherTypeIPv4:
		return sized(mac, tooBig4(dst[mac:], packet, mtu))
	case etherTypeIPv6:
		return sized(mac, tooBig6(dst[mac:], packet, mtu))
	}
	return 0
}

// sized is the octets of a header and what follows, 0 without the latter.
func sized(header, rest int) int {
	if rest == 0 {
		return 0
	}
	return header + rest
}

func tooBig4(dst, packet []byte, mtu int) int {
	if len(packet) < ipv4Header || packet[0]>>4 != 4 {
		return 0
	}
	header := int(packet[0]&15) * 4
	switch {
	case header < ipv4Header || len(packet) < header+icmpHeader:
		return 0
	case binary.BigEndian.Uint16(packet[6:])&0x1FFF != 0: // a later fragment
		return 0
	case !unicast4(packet[12:16]) || !unicast4(packet[16:20]):
		return 0
	case packet[9] == protocolICMP && isError4(packet[header]):
		return 0
	}
	quoted := min(len(packet), ipv4Quoted-ipv4Header-icmpHeader)
	n := ipv4Header + icmpHeader + quoted
	h := dst[:n]
	clear(h[:ipv4Header+icmpHeader])
	h[0], h[1], h[8], h[9] = 0x45, 0xC0, ttlOfErrors, protocolICMP // precedence 6: RFC 1812, 4.3.2.5
	binary.BigEndian.PutUint16(h[2:], uint16(n))
	copy(h[12:], packet[16:20])
	copy(h[16:], packet[12:16])
	binary.BigEndian.PutUint16(h[10:], checksum(0, h[:ipv4Header]))
	icmp := h[ipv4Header:]
	icmp[0], icmp[1] = 3, 4
	binary.BigEndian.PutUint16(icmp[6:], uint16(min(mtu, 0xFFFF)))
	copy(icmp[icmpHeader:], packet[:quoted])
	binary.BigEndian.PutUint16(icmp[2:], checksum(0, icmp))
	return n
}

func tooBig6(dst, packet []byte, mtu int) int {
	if len(packet) < ipv6Header+icmpHeader || packet[0]>>4 != 6 {
		return 0
	}
	switch {
	case packet[8] == 0xFF || [16]byte(packet[8:24]) == [16]byte{}:
		return 0
	case packet[6] == protocolICMPv6 && packet[ipv6Header] < 128: // an error itself
		return 0
	case packet[24] == 0xFF: // a group's address cannot be a source
		return 0
	}
	quoted := min(len(packet), ipv6Quoted-ipv6Header-icmpHeader)
	n := ipv6Header + icmpHeader + quoted
	h := dst[:n]
	clear(h[:ipv6Header+icmpHeader])
	h[0], h[6], h[7] = 0x60, protocolICMPv6, ttlOfErrors
	binary.BigEndian.PutUint16(h[4:], uint16(n-ipv6Header))
	copy(h[8:], packet[24:40])
	copy(h[24:], packet[8:24])
	icmp := h[ipv6Header:]
	icmp[0] = 2
	binary.BigEndian.PutUint32(icmp[4:], uint32(mtu))
	copy(icmp[icmpHeader:], packet[:quoted])
	// The pseudo-header of RFC 8200, 8.1: addresses, length, next header.
	pseudo := uint32(len(icmp)) + protocolICMPv6
	for i := 8; i < ipv6Header; i += 2 {
		pseudo += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	binary.BigEndian.PutUint16(icmp[2:], checksum(pseudo, icmp))
	return n
}

// isError4 tells the types of ICMP that report an error (RFC 1122, 3.2.2).
func isError4(kind byte) bool {
	switch kind {
	case 3, 4, 5, 11, 12:
		return true
	}
	return false
}

// unicast4 tells whether an address can be one host's.
func unicast4(a []byte) bool { return a[0] != 0 && a[0] != 127 && a[0] < 224 }

// checksum is that of RFC 1071, over octets and a sum so far.
func checksum(sum uint32, octets []byte) uint16 {
	for ; len(octets) >= 2; octets = octets[2:] {
		sum += uint32(binary.BigEndian.Uint16(octets))
	}
	if len(octets) > 0 {
		sum += uint32(octets[0]) << 8
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}
