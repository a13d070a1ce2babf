package aal

import "encoding/binary"

// VPNHeaderSize is the octets of the header of a virtual private network.
const VPNHeaderSize = 16

// VPN names a virtual private network (RFC 2685), as the header of RFC 2684,
// 8, carries it before an LLC-encapsulated PDU.
type VPN struct {
	OUI   uint32 // 24 bits, of the authority that gave the index
	Index uint32
}

// The OUI and PID of the header: IANA's.
const (
	ouiIANA = 0x00005E
	pidVPN  = 0x0008
)

// PutVPN writes the header at the start of dst, which must hold
// [VPNHeaderSize] octets, and gives their number.
func PutVPN(dst []byte, id VPN) int {
	dst = dst[:VPNHeaderSize]
	put24(dst, llcSNAP)
	put24(dst[3:], ouiIANA)
	binary.BigEndian.PutUint16(dst[6:], pidVPN)
	dst[8] = 0 // pad
	put24(dst[9:], id.OUI)
	binary.BigEndian.PutUint32(dst[12:], id.Index)
	return VPNHeaderSize
}

// SplitVPN takes the header off an SDU that has one and gives the rest, for
// [Encap.Decap]; ok is false, and rest is sdu, where there is none.
func SplitVPN(sdu []byte) (id VPN, rest []byte, ok bool) {
	if len(sdu) < VPNHeaderSize || get24(sdu) != llcSNAP || get24(sdu[3:]) != ouiIANA ||
		binary.BigEndian.Uint16(sdu[6:]) != pidVPN {
		return VPN{}, sdu, false
	}
	id = VPN{OUI: get24(sdu[9:]), Index: binary.BigEndian.Uint32(sdu[12:])}
	return id, sdu[VPNHeaderSize:], true
}
