package modules

import (
	"encoding/binary"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// ECN of tunnels, RFC 6040: an SDU's mark travels in its message's flags between the
// RFC 2684 module, which knows the packet inside, and the carrier, which knows the one
// outside.

// ecn is the mark that a message carries: of the packet inside on the way down, of the
// datagrams outside on the way up.
func ecn(m *dataplane.Msg) uint8 { return m.Flags >> dataplane.ECNShift & ecnField }

func setECN(m *dataplane.Msg, mark uint8) {
	m.Flags = m.Flags&^(ecnField<<dataplane.ECNShift) | mark<<dataplane.ECNShift
}

const ecnField = 3

const (
	etherTypeAt = 12 // in an Ethernet frame
	ipv4SumAt   = 10 // in an IPv4 header
	maxTags     = 2  // of VLANs
)

// innerIP finds the packet in a frame of the host; nil: there is none.
func innerIP(frame []byte, kind aal.Kind) []byte {
	if kind == aal.Bridged {
		at := etherTypeAt
		for range maxTags {
			if len(frame) < at+2 || binary.BigEndian.Uint16(frame[at:]) != etherTypeVLAN {
				break
			}
			at += tagBytes
		}
		if len(frame) < at+2 {
			return nil
		}
		if t := binary.BigEndian.Uint16(frame[at:]); t != etherTypeIPv4 && t != etherTypeIPv6 {
			return nil
		}
		frame = frame[at+2:]
	}
	switch {
	case len(frame) >= ipv4Header && frame[0]>>4 == 4, len(frame) >= ipv6Header && frame[0]>>4 == 6:
		return frame
	}
	return nil
}

// markOf is the ECN field of a packet.
func markOf(ip []byte) uint8 {
	switch {
	case ip == nil:
		return nic.NotECT
	case ip[0]>>4 == 4:
		return ip[1] & ecnField
	}
	return ip[1] >> 4 & ecnField
}

// decapsulate gives a packet the mark that RFC 6040, figure 4, says for what it has itself
// and what the datagram outside had; false: it is to be dropped. What is no IP packet has
// no mark, and nothing of it can be told that there was congestion: it passes.
func decapsulate(ip []byte, outer uint8) bool {
	inner := markOf(ip)
	switch {
	case ip == nil || outer == inner:
		return true
	case inner == nic.NotECT:
		return outer != nic.CE
	case outer == nic.CE:
		setMark(ip, nic.CE)
	case outer == nic.ECT1 && inner == nic.ECT0:
		setMark(ip, nic.ECT1)
	}
	return true
}

// congest marks a packet that met congestion on its VC, where its transport takes marks: EFCI asks
// for nothing to be dropped.
func congest(ip []byte) {
	if m := markOf(ip); m != nic.NotECT && m != nic.CE {
		setMark(ip, nic.CE)
	}
}

// setMark changes the ECN field of a packet, and the checksum with it: RFC 1624.
func setMark(ip []byte, mark uint8) {
	if ip[0]>>4 == 6 {
		ip[1] = ip[1]&^(ecnField<<4) | mark<<4
		return
	}
	before := binary.BigEndian.Uint16(ip)
	ip[1] = ip[1]&^ecnField | mark
	sum := uint32(^binary.BigEndian.Uint16(ip[ipv4SumAt:])) + uint32(^before) + uint32(binary.BigEndian.Uint16(ip))
	sum = sum&0xFFFF + sum>>16
	sum = sum&0xFFFF + sum>>16
	binary.BigEndian.PutUint16(ip[ipv4SumAt:], ^uint16(sum))
}
