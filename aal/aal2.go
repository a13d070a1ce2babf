package aal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Sizes of AAL2, in octets (I.363.2, 9).
const (
	AAL2HeaderSize = 3  // CPS-packet header
	AAL2Payload    = 47 // CPS-PDU payload, after the start field
	MaxAAL2Info    = 64 // CPS-packet payload, the larger limit
	AAL2Info45     = 45 // and the default one
)

// Channel identifiers (I.363.2, 9.1).
const (
	AAL2CIDPad        = 0 // not used: an octet of 0 is padding
	AAL2CIDManagement = 1 // peer-to-peer layer management
	AAL2FirstUserCID  = 8 // 2 to 7 are reserved
)

// User-to-user indications (I.363.2, 9.1): 0 to 27 belong to the service
// specific sublayer, 28 and 29 are reserved, 30 and 31 layer management's.
const (
	AAL2LastUserUUI = 27
	MaxAAL2UUI      = 31
)

// Errors of sending, and of [ParseAAL2Header].
var (
	ErrAAL2CID   = errors.New("aal2: channel identifier is not 1 or 8 to 255")
	ErrAAL2UUI   = errors.New("aal2: user-to-user indication above 31")
	ErrAAL2Size  = errors.New("aal2: packet payload is empty or longer than the limit")
	ErrAAL2HEC   = errors.New("aal2: header error control wrong")
	ErrAAL2Limit = errors.New("aal2: packet limit is not 1 to 45, or 64, octets")
	ErrAAL2Space = errors.New("aal2: memory too short for the cells")
)

// AAL2Header is the header of a CPS-packet.
type AAL2Header struct {
	CID  uint8
	Size int // octets of payload, 1 to 64: the length indicator and one
	UUI  uint8
}

const aal2HECPoly = 0x05 // x^5+x^2+1

// aal2HEC[i][b] is the remainder of octet b of a header with i octets after
// it, the last five bits of the header being the HEC itself.
var aal2HEC = func() (t [AAL2HeaderSize][256]uint8) {
	for i := range t {
		for b := range t[i] {
			reg := uint32(b) << (8 * i)
			for bit := 8*i + 7; bit >= 5; bit-- {
				if reg>>bit&1 == 1 {
					reg ^= (1<<5 | aal2HECPoly) << (bit - 5)
				}
			}
			t[i][b] = uint8(reg)
		}
	}
	return t
}()

// aal2Syndrome is 0 for a header without error.
func aal2Syndrome(b0, b1, b2 uint8) uint8 {
	return aal2HEC[2][b0] ^ aal2HEC[1][b1] ^ aal2HEC[0][b2]
}

// Put writes the header, with its HEC, to the first three octets of dst.
// Size and UUI must be in range.
func (h AAL2Header) Put(dst []byte) {
	_ = dst[AAL2HeaderSize-1]
	rest := uint16(h.Size-1)<<10 | uint16(h.UUI&31)<<5
	dst[0] = h.CID
	rest |= uint16(aal2Syndrome(h.CID, uint8(rest>>8), uint8(rest)))
	binary.BigEndian.PutUint16(dst[1:], rest)
}

// ParseAAL2Header reads the first three octets of p. A CID of 0 is no header
// but padding; it is read like any other.
func ParseAAL2Header(p []byte) (AAL2Header, error) {
	if len(p) < AAL2HeaderSize {
		return AAL2Header{}, ErrAAL2Size
	}
	if aal2Syndrome(p[0], p[1], p[2]) != 0 {
		return AAL2Header{}, ErrAAL2HEC
	}
	return aal2Header(p[0], p[1], p[2]), nil
}

func aal2Header(b0, b1, b2 uint8) AAL2Header {
	return AAL2Header{CID: b0, Size: int(b1>>2) + 1, UUI: b1&3<<3 | b2>>5}
}

// String gives "CID 8 LI 43 UUI 0".
func (h AAL2Header) String() string {
	return fmt.Sprintf("CID %d LI %d UUI %d", h.CID, h.Size-1, h.UUI)
}

// AAL2Start is the start field of a CPS-PDU (I.363.2, 9.2.1): offset 6 bits,
// sequence number 1, odd parity 1.
type AAL2Start uint8

// MakeAAL2Start gives the field with its parity. offset counts the octets
// from the field to the first start of a packet or of padding, 47 when there
// is none.
func MakeAAL2Start(offset int, sn uint8) AAL2Start {
	f := AAL2Start(offset<<2) | AAL2Start(sn&1)<<1
	return f | AAL2Start(^bits.OnesCount8(uint8(f))&1)
}

// Offset gives the offset, 0 to 63; above 47 it is wrong.
func (f AAL2Start) Offset() int { return int(f >> 2) }

// SN gives the sequence number, 0 or 1.
func (f AAL2Start) SN() uint8 { return uint8(f>>1) & 1 }

// ParityOK tells whether the number of ones is odd.
func (f AAL2Start) ParityOK() bool { return bits.OnesCount8(uint8(f))&1 == 1 }

// String gives "OSF 12 SN 1".
func (f AAL2Start) String() string { return fmt.Sprintf("OSF %d SN %d", f.Offset(), f.SN()) }

// AAL2CIDs is a set of channel identifiers.
type AAL2CIDs [4]uint64

// AllAAL2CIDs gives the set of all that may be used: 1 and 8 to 255.
func AllAAL2CIDs() AAL2CIDs {
	return AAL2CIDs{^uint64(0xFF) | 1<<AAL2CIDManagement, ^uint64(0), ^uint64(0), ^uint64(0)}
}

// Add puts a CID in the set. 0 and 2 to 7 are never in it.
func (s *AAL2CIDs) Add(cid uint8) {
	if cid == AAL2CIDManagement || cid >= AAL2FirstUserCID {
		s[cid/64] |= 1 << (cid % 64)
	}
}

// Remove takes a CID from the set.
func (s *AAL2CIDs) Remove(cid uint8) { s[cid/64] &^= 1 << (cid % 64) }

// Has tells whether the set holds a CID.
func (s *AAL2CIDs) Has(cid uint8) bool { return s[cid/64]>>(cid%64)&1 == 1 }

// aal2Limit checks a maximum packet size (I.363.2, 11): 1 to 45, or 64.
func aal2Limit(n int) bool { return n >= 1 && n <= AAL2Info45 || n == MaxAAL2Info }
