package nic

import (
	"bytes"
	"encoding/binary"
)

// joiner finds in a batch of frames those that can leave as one super-frame, so that whoever cuts it gives the same
// octets again. It keeps the order of each flow; frames that are part of none keep their place before and after all.
type joiner struct {
	bare  bool  // frames begin with IP
	kinds kinds // that are joined
	most  int   // octets of the longest frame that is part of a flow

	groups [maxBatch]group
	n      int
	open   [maxOpen]uint8 // groups that more may be joined to, the oldest first
	opened int
	next   [maxBatch]uint8 // of each frame, the one behind it in its group
}

// maxOpen is how many flows are looked at beside one another: more than a batch is likely to have.
const maxOpen = 8

// group is frames that become one super-frame, or a frame alone.
type group struct {
	segment
	first, last uint8 // frames
	frames      int
	size        int    // octets of each payload but the last
	octets      int    // of all
	sequence    uint32 // TCP: of the next frame
	flags       uint8  // TCP: of the super-frame
	checked     bool   // the first frame's checksums are right
}

// plan sorts a batch of at most maxBatch frames into groups, in the order in which they are to leave.
func (j *joiner) plan(frames [][]byte) []group {
	j.n, j.opened = 0, 0
	for i, frame := range frames {
		g := &j.groups[j.n]
		g.segment = segment{}
		switch in := len(frame) <= j.most && g.parse(frame, j.bare); {
		case !in:
			j.opened = 0
		case j.join(frames, i, &g.segment):
			continue
		}
		g.first, g.last, g.frames = uint8(i), uint8(i), 1
		if g.joinable && g.payload <= maxHeaders && j.kinds&g.kind != 0 {
			g.begin(frame)
			j.hold(uint8(j.n))
		}
		j.n++
	}
	return j.groups[:j.n]
}

// begin starts a super-frame with its first frame.
func (g *group) begin(frame []byte) {
	g.size, g.octets = len(frame)-g.payload, len(frame)
	g.checked = false
	if g.tcp() {
		p := frame[g.tp:]
		g.flags = p[tcpFlags]
		g.sequence = binary.BigEndian.Uint32(p[tcpSequence:]) + uint32(g.size)
	}
}

// hold keeps a group open, and closes the oldest when there are too many.
func (j *joiner) hold(i uint8) {
	g := &j.groups[i]
	if g.tcp() && g.flags&(tcpFIN|tcpPSH) != 0 {
		return // nothing follows them
	}
	if j.opened == maxOpen {
		j.close(0)
	}
	j.open[j.opened] = i
	j.opened++
}

func (j *joiner) close(place int) {
	j.opened = place + copy(j.open[place:], j.open[place+1:j.opened])
}

// join adds frame i to the group of its flow. False: it begins a group of its own; one of the same flow has ended then.
func (j *joiner) join(frames [][]byte, i int, s *segment) bool {
	for place := j.opened - 1; place >= 0; place-- {
		g := &j.groups[j.open[place]]
		if g.flow != s.flow {
			continue
		}
		if !g.takes(frames, frames[i], s) {
			j.close(place)
			return false
		}
		j.next[g.last] = uint8(i)
		g.last = uint8(i)
		if g.add(frames[i]) {
			j.close(place)
		}
		return true
	}
	return false
}

// takes tells whether a frame goes on where the group ends, and would come out of it as it is.
func (g *group) takes(frames [][]byte, frame []byte, s *segment) bool {
	first := frames[g.first]
	payload := len(frame) - s.payload
	if !s.joinable || s.kind != g.kind || s.tp != g.tp || s.ip != g.ip || s.payload != g.payload ||
		payload > g.size || g.frames == maxSegments || g.octets-g.ip+payload > maxPacket {
		return false
	}
	if !g.sameIP(first, frame) || g.tcp() && !g.sameTCP(first[g.tp:g.payload], frame[g.tp:g.payload]) ||
		!g.tcp() && !bytes.Equal(first[g.tp:g.tp+udpLength], frame[g.tp:g.tp+udpLength]) {
		return false
	}
	if !g.checked {
		if !g.valid(first) {
			return false
		}
		g.checked = true
	}
	return s.valid(frame)
}

// sameIP tells whether all is equal up to the transport header, but what differs from segment to segment.
func (g *group) sameIP(first, frame []byte) bool {
	if !bytes.Equal(first[:g.ip], frame[:g.ip]) {
		return false
	}
	a, b := first[g.ip:g.tp], frame[g.ip:g.tp]
	if g.ipv4() {
		return get16(b[ip4ID:]) == get16(a[ip4ID:])+uint16(g.frames) &&
			get16(a) == get16(b) && bytes.Equal(a[ip4Fragment:ip4Sum], b[ip4Fragment:ip4Sum]) &&
			bytes.Equal(a[ip4Source:], b[ip4Source:])
	}
	return bytes.Equal(a[:ip6Length], b[:ip6Length]) && bytes.Equal(a[ip6Next:], b[ip6Next:])
}

// sameTCP tells the same of the TCP header. CWR is only in the first of a super-frame's segments.
func (g *group) sameTCP(a, b []byte) bool {
	return binary.BigEndian.Uint32(b[tcpSequence:]) == g.sequence &&
		(a[tcpFlags]^b[tcpFlags])&^(tcpFIN|tcpPSH|tcpCWR) == 0 && b[tcpFlags]&tcpCWR == 0 &&
		bytes.Equal(a[:tcpSequence], b[:tcpSequence]) &&
		bytes.Equal(a[tcpSequence+4:tcpFlags], b[tcpSequence+4:tcpFlags]) && // acknowledgement, header length
		get16(a[tcpFlags+1:]) == get16(b[tcpFlags+1:]) && // window
		bytes.Equal(a[tcpSum+2:], b[tcpSum+2:])
}

// add counts a frame that was joined; true: it is the last of its super-frame.
func (g *group) add(frame []byte) (ends bool) {
	payload := len(frame) - g.payload
	g.frames++
	g.octets += payload
	if g.tcp() {
		g.sequence += uint32(payload)
		last := frame[g.tp+tcpFlags] & (tcpFIN | tcpPSH)
		g.flags |= last
		ends = last != 0
	}
	return ends || payload < g.size
}

// header writes the super-frame's headers to dst, up to the payload, and says of them what the kernel is to know.
// first is the group's first frame, dst at least as long as its headers. It returns their length.
func (g *group) header(dst, first []byte, v *vnet) int {
	copy(dst, first[:g.payload])
	length := g.octets - g.tp
	*v = vnet{
		flags: needsSum, kind: gsoUDP, headers: uint16(g.payload), size: uint16(g.size),
		sumStart: uint16(g.tp), sumOffset: uint16(g.sumAt() - g.tp),
	}
	ip := dst[g.ip:g.tp]
	if g.ipv4() {
		put16(ip[ip4Length:], uint16(g.octets-g.ip))
		put16(ip[ip4Sum:], 0)
		put16(ip[ip4Sum:], ^uint16(sumOctets(ip)))
	} else {
		put16(ip[ip6Length:], uint16(g.octets-g.ip-ip6Header))
	}
	if g.tcp() {
		v.kind = gsoTCP4
		if !g.ipv4() {
			v.kind = gsoTCP6
		}
		if g.flags&tcpCWR != 0 {
			v.kind |= gsoECN
		}
		dst[g.tp+tcpFlags] = g.flags
	} else {
		put16(dst[g.tp+udpLength:], uint16(length))
	}
	put16(dst[g.sumAt():], pseudoSum(g.addresses(dst), g.protocol(), length))
	return g.payload
}
