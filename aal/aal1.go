package aal

import (
	"errors"
	"fmt"
	"math/bits"
)

// Sizes of AAL1, in octets (I.363.1, 2.4.2).
const (
	AAL1Payload  = 47    // SAR-PDU payload
	AAL1PPayload = 46    // user octets of a P-format payload: one is the pointer
	MaxAAL1Block = 65535 // structure block size, as signalled
)

// aal1Cycle is the number of sequence counts.
const aal1Cycle = 8

// AAL1SN is the sequence number field: the CSI bit above the three bits of
// the sequence count.
type AAL1SN uint8

// MakeAAL1SN builds a sequence number field. sc is taken modulo 8.
func MakeAAL1SN(csi bool, sc uint8) AAL1SN {
	sn := AAL1SN(sc % aal1Cycle)
	if csi {
		sn |= aal1Cycle
	}
	return sn
}

// CSI gives the convergence sublayer indication.
func (sn AAL1SN) CSI() bool { return sn&aal1Cycle != 0 }

// Count gives the sequence count, 0 to 7.
func (sn AAL1SN) Count() uint8 { return uint8(sn) % aal1Cycle }

// Octet gives the SAR-PDU header: the field with its protection, a CRC-3 of
// generator x^3+x+1 and even parity (I.363.1, 2.4.2).
func (sn AAL1SN) Octet() uint8 { return aal1Octets[sn&15] }

// String gives "SC 3 CSI 1".
func (sn AAL1SN) String() string {
	return fmt.Sprintf("SC %d CSI %d", sn.Count(), uint8(sn)>>3&1)
}

var aal1Octets = func() (t [16]uint8) {
	for sn := range t {
		reg := sn << 3
		for i := 6; i >= 3; i-- {
			if reg>>i&1 == 1 {
				reg ^= 0b1011 << (i - 3)
			}
		}
		o := uint8(sn<<4 | reg<<1)
		t[sn] = o | uint8(bits.OnesCount8(o)&1)
	}
	return t
}()

// What a header octet is, beside the sequence number in the low four bits.
const (
	aal1Good    = 1 << 4 // no error
	aal1OneBit  = 1 << 5 // one bit wrong: the number is the corrected one
	aal1Numbers = 15
)

// aal1Decode is the syndrome table. CRC and parity together have distance 4,
// so that an octet one bit from a right one is nearer to it than to any other.
var aal1Decode = func() (t [256]uint8) {
	for sn, o := range aal1Octets {
		t[o] = uint8(sn) | aal1Good
		for b := range 8 {
			t[o^1<<b] = uint8(sn) | aal1OneBit
		}
	}
	return t
}()

// AAL1Decoder reads SAR-PDU headers: in correction mode one wrong bit is
// corrected, after any error errors are only detected until a header without
// error (I.363.1, 2.4.2). The zero value is in
// correction mode.
type AAL1Decoder struct{ detecting bool }

// AAL1Header is what an [AAL1Decoder] made of one octet.
type AAL1Header struct {
	SN        AAL1SN // meaningless unless Valid
	Valid     bool
	Corrected bool // Valid after correction of one bit
}

// Decode takes the header octet of the next cell.
func (d *AAL1Decoder) Decode(octet uint8) AAL1Header {
	e := aal1Decode[octet]
	h := AAL1Header{SN: AAL1SN(e & aal1Numbers)}
	switch {
	case e&aal1Good != 0:
		h.Valid = true
		d.detecting = false
		return h
	case e&aal1OneBit != 0 && !d.detecting:
		h.Valid, h.Corrected = true, true
	}
	d.detecting = true
	return h
}

// The pointer of the P format (I.363.1, 2.5.2): seven bits of offset below
// a bit of even parity. The offset counts the octets from the end of the
// pointer to the first start of a block in the 93 that follow, in this cell
// and the next. 93 tells that a block starts right after them, the dummy 127
// that none does.
const (
	AAL1PointerEnd   = AAL1PPayload + AAL1Payload // 93
	AAL1PointerDummy = 127
)

// ErrAAL1Pointer is returned for a pointer with wrong parity, or of 94 to 126.
var ErrAAL1Pointer = errors.New("aal1: structure pointer with wrong parity or out of range")

// PutAAL1Pointer gives the octet of an offset. Bits above seven are cut.
func PutAAL1Pointer(offset uint8) uint8 {
	offset &= 0x7F
	return offset | uint8(bits.OnesCount8(offset)&1)<<7
}

// ParseAAL1Pointer gives the offset of a pointer octet: 0 to
// [AAL1PointerEnd], or [AAL1PointerDummy]. I.363 of 1993 reserved the parity
// bit as 0: oldParity takes such pointers too.
func ParseAAL1Pointer(octet uint8, oldParity bool) (uint8, error) {
	offset := octet & 0x7F
	if offset > AAL1PointerEnd && offset != AAL1PointerDummy {
		return 0, ErrAAL1Pointer
	}
	if bits.OnesCount8(octet)&1 != 0 && !(oldParity && octet == offset) {
		return 0, ErrAAL1Pointer
	}
	return offset, nil
}

// aal1Pointer tells whether the cell with sequence count sc has the P format,
// and its offset. The pointer goes once in a cycle of eight cells, in a cell
// with an even count, at the first opportunity to point at a block, else as a
// dummy at the last (I.363.1, 2.5.2). pos is the place in its block of the
// next octet; used tells that this cycle has had its pointer. A block of one
// octet needs no pointer.
func aal1Pointer(block, pos int, sc uint8, used bool) (offset uint8, ok bool) {
	if block <= 1 || used || sc&1 == 1 {
		return 0, false
	}
	ahead := 0
	if pos != 0 {
		ahead = block - pos
	}
	if ahead < AAL1PointerEnd {
		return uint8(ahead), true
	}
	if sc != aal1Cycle-2 {
		return 0, false
	}
	if ahead == AAL1PointerEnd {
		return AAL1PointerEnd, true
	}
	return AAL1PointerDummy, true
}
