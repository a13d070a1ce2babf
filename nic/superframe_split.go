package nic

import "encoding/binary"

// splitter cuts a super-frame into the frames that the kernel would have sent without one (tcp_gso_segment and
// __udp_gso_segment): the same octets, checksums finished.
type splitter struct {
	frame []byte // the super-frame; read until the last frame is out
	segment
	size int // octets of each payload but the last
	at   int // of the next payload
	n    int // frames cut

	sum      uint32 // of the transport's checksum, what all frames share
	ipSum    uint32 // the same of the IPv4 header's
	id       uint16 // IPv4: of the first frame
	sequence uint32 // TCP: of the first frame
	flags    uint8  // TCP: of the last frame

	outer outer
}

// begin takes a super-frame, which stays the caller's; bare: it begins with IP. False: it makes no sense.
func (s *splitter) begin(frame []byte, v *vnet, bare bool) bool {
	s.frame, s.at, s.n, s.size = frame, len(frame), 0, int(v.size) // done, until it has proved sound
	s.tp = int(v.sumStart)
	kind := v.kind &^ (gsoECN | gsoTunnel)
	if v.flags&needsSum == 0 || s.size == 0 || len(frame) < s.tp+udpHeader {
		return false
	}
	if s.outer = (outer{}); v.kind&gsoTunnel == 0 {
		if !s.findIP(kind, bare) {
			return false
		}
	} else if !s.outer.find(frame, v, bare) || !s.findInner(kind) || s.ip < s.outer.tp+udpHeader {
		return false
	}
	if !s.tcp() {
		s.payload = s.tp + udpHeader
	} else if len(frame) < s.tp+tcpHeader {
		return false
	} else {
		s.payload = s.tp + 4*int(frame[s.tp+tcpOffset]>>4)
		if s.payload < s.tp+tcpHeader {
			return false
		}
	}
	if s.payload >= len(frame) || s.tp+int(v.sumOffset) != s.sumAt() {
		return false
	}
	s.at = s.payload
	s.share()
	return true
}

// findIP sets where IP begins, and the kind. Behind a header of Ethernet that is plain; in another encapsulation the IP
// header is the one that ends where the transport's begins and tells the length of the rest.
func (s *splitter) findIP(kind uint8, bare bool) bool {
	if s.ip = 0; !bare {
		var etherType uint16
		if s.ip, etherType = network(s.frame); etherType != typeIPv4 && etherType != typeIPv6 {
			return s.findInner(kind)
		}
	}
	return s.isIP(kind)
}

func (s *splitter) findInner(kind uint8) bool {
	for words := 5; words <= 15; words++ {
		if s.ip = s.tp - 4*words; s.isIP(kind) {
			return true
		}
	}
	return false
}

// isIP tells whether an IP header lies at s.ip that agrees with the kind and with where the transport begins.
func (s *splitter) isIP(kind uint8) bool {
	if s.ip < 0 || s.ip+ip4Header > s.tp {
		return false
	}
	p := s.frame[s.ip:]
	switch version := p[0] >> 4; {
	case version == 4 && kind == gsoTCP4:
		s.kind = kindTCP4
	case version == 4 && kind == gsoUDP:
		s.kind = kindUDP4
	case version == 6 && kind == gsoTCP6:
		s.kind = kindTCP6
	case version == 6 && kind == gsoUDP:
		s.kind = kindUDP6
	default:
		return false
	}
	if s.ipv4() {
		return s.ip+4*int(p[0]&15) == s.tp && int(get16(p[ip4Length:])) == len(p) && p[ip4Protocol] == s.protocol()
	}
	return s.ip+ip6Header <= s.tp && int(get16(p[ip6Length:])) == len(p)-ip6Header
}

// share works out what all frames have in common. The sum of the pseudo header stands where the checksum belongs, so
// addresses need not be looked at; only its length is taken away.
func (s *splitter) share() {
	length := uint32(len(s.frame) - s.tp)
	sum := uint32(get16(s.frame[s.sumAt():])) + (0xffff - length)
	p := s.frame[s.tp:s.payload]
	sum += uint32(get16(p)) + uint32(get16(p[2:]))
	if s.tcp() {
		s.sequence = binary.BigEndian.Uint32(p[tcpSequence:])
		s.flags = p[tcpFlags]
		sum += sumOctets(p[tcpSequence+4:tcpOffset]) + sumOctets(p[tcpFlags+1:tcpSum]) + sumOctets(p[tcpSum+2:])
	}
	s.sum = uint32(fold32(sum))
	if s.ipv4() {
		p := s.frame[s.ip:s.tp]
		s.id = get16(p[ip4ID:])
		s.ipSum = sumOctets(p[:ip4Length]) + sumOctets(p[ip4Fragment:ip4Sum]) + sumOctets(p[ip4Source:])
	}
}

// more tells whether frames are left.
func (s *splitter) more() bool { return s.at < len(s.frame) }

// next writes the next frame to dst and returns its length. When that is more than dst has room for, the frame is lost.
func (s *splitter) next(dst []byte) int {
	payload := s.frame[s.at:min(s.at+s.size, len(s.frame))]
	length := s.payload + len(payload)
	s.at += len(payload)
	if length <= len(dst) {
		copy(dst, s.frame[:s.payload])
		sum := s.sum + copySum(dst[s.payload:], payload)
		if s.tcp() {
			s.putTCP(dst[s.tp:length], sum)
		} else {
			s.putUDP(dst[s.tp:length], sum)
		}
		s.putIP(dst[s.ip:length])
		if s.outer.tp > 0 {
			s.outer.put(dst[:length], s.n)
		}
	}
	s.n++
	return length
}

// putTCP: the sequence goes on; FIN and PSH are the last frame's, CWR is the first's.
func (s *splitter) putTCP(p []byte, sum uint32) {
	sequence := s.sequence + uint32(s.n*s.size)
	flags := s.flags
	if s.more() {
		flags &^= tcpFIN | tcpPSH
	}
	if s.n > 0 {
		flags &^= tcpCWR
	}
	binary.BigEndian.PutUint32(p[tcpSequence:], sequence)
	p[tcpFlags] = flags
	sum += sequence>>16 + sequence&0xffff + uint32(get16(p[tcpOffset:])) + uint32(len(p))
	put16(p[tcpSum:], ^fold32(sum))
}

func (s *splitter) putUDP(p []byte, sum uint32) {
	put16(p[udpLength:], uint16(len(p)))
	check := ^fold32(sum + 2*uint32(len(p))) // once in the pseudo header
	if check == 0 {
		check = 0xffff
	}
	put16(p[udpSum:], check)
}

func (s *splitter) putIP(p []byte) {
	if !s.ipv4() {
		put16(p[ip6Length:], uint16(len(p)-ip6Header))
		return
	}
	id := s.id + uint16(s.n)
	put16(p[ip4Length:], uint16(len(p)))
	put16(p[ip4ID:], id)
	put16(p[ip4Sum:], ^fold32(s.ipSum+uint32(len(p))+uint32(id)))
}
