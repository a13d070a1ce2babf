package aal

import "encoding/binary"

// pppLCP is the protocol of LCP, whose packets are never compressed
// (RFC 1661, 6.5 and 6.6).
const pppLCP = 0xC021

// DetectPPP tells how a peer encapsulates PPP by an LCP packet of its own
// (RFC 2364, 7): with an LLC header, or multiplexed by VC. ok is false for
// all else, which tells nothing.
func DetectPPP(sdu []byte) (e Encap, ok bool) {
	const llcPPP = llcSize + 1
	if len(sdu) >= llcPPP+2 && get24(sdu) == llcISO && sdu[llcSize] == NLPIDPPP &&
		binary.BigEndian.Uint16(sdu[llcPPP:]) == pppLCP {
		return LLC, true
	}
	return VCMux, len(sdu) >= 2 && binary.BigEndian.Uint16(sdu) == pppLCP
}
