package aal

import (
	"encoding/binary"
	"errors"
)

// The CRC-10 of OAM, RM and AAL3/4 cells (I.610, 10.1; I.363.3): generator
// x^10+x^9+x^5+x^4+x+1, register preset to 0, most significant bit first.
const (
	crc10Poly = 0x233
	crc10Bits = 10
	crc10Mask = 1<<crc10Bits - 1
)

// crc10Slices is how many octets one step of the table takes.
const crc10Slices = 16

// ErrShortPayload is returned for a payload of fewer than [PayloadSize]
// octets, whether it is to be read or to be written.
var ErrShortPayload = errors.New("aal: cell payload shorter than 48 octets")

// ErrCRC10 is returned for a cell whose CRC-10 is wrong: it must be dropped.
var ErrCRC10 = errors.New("aal: CRC-10 wrong")

// crc10Table[k][b] is the remainder of octet b followed by k zero octets.
var crc10Table = makeCRC10Table()

func makeCRC10Table() (t [crc10Slices][256]uint16) {
	for b := range t[0] {
		reg := uint16(b) << (crc10Bits - 8)
		for range 8 {
			reg = (reg<<1 ^ crc10Poly&-(reg>>(crc10Bits-1)&1)) & crc10Mask
		}
		t[0][b] = reg
	}
	for k := 1; k < len(t); k++ {
		for b := range t[k] {
			t[k][b] = crc10Octet(&t[0], t[k-1][b], 0)
		}
	}
	return t
}

// crc10Octet takes one octet more into reg.
func crc10Octet(t *[256]uint16, reg uint16, b uint8) uint16 {
	return reg<<8&crc10Mask ^ t[uint8(reg>>(crc10Bits-8))^b]
}

// crc10Step takes sixteen octets more into reg.
func crc10Step(reg uint16, a, b uint64) uint16 {
	a ^= uint64(reg) << (64 - crc10Bits)
	t := &crc10Table
	return t[15][uint8(a>>56)] ^ t[14][uint8(a>>48)] ^ t[13][uint8(a>>40)] ^ t[12][uint8(a>>32)] ^
		t[11][uint8(a>>24)] ^ t[10][uint8(a>>16)] ^ t[9][uint8(a>>8)] ^ t[8][uint8(a)] ^
		t[7][uint8(b>>56)] ^ t[6][uint8(b>>48)] ^ t[5][uint8(b>>40)] ^ t[4][uint8(b>>32)] ^
		t[3][uint8(b>>24)] ^ t[2][uint8(b>>16)] ^ t[1][uint8(b>>8)] ^ t[0][uint8(b)]
}

// CRC10 gives the CRC-10 of p. Over octets that end with their own CRC-10 it
// gives 0.
func CRC10(p []byte) uint16 {
	var reg uint16
	for len(p) >= crc10Slices {
		reg = crc10Step(reg, binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:]))
		p = p[crc10Slices:]
	}
	for _, b := range p {
		reg = crc10Octet(&crc10Table[0], reg, b)
	}
	return reg
}

// CheckCRC10 tells whether the last ten bits of the payload are the CRC-10 of
// the 374 bits before them. payload holds at least [PayloadSize] octets; the
// first 48 are looked at.
func CheckCRC10(payload []byte) bool {
	p := (*[PayloadSize]byte)(payload)
	reg := crc10Step(0, binary.BigEndian.Uint64(p[0:]), binary.BigEndian.Uint64(p[8:]))
	reg = crc10Step(reg, binary.BigEndian.Uint64(p[16:]), binary.BigEndian.Uint64(p[24:]))
	return crc10Step(reg, binary.BigEndian.Uint64(p[32:]), binary.BigEndian.Uint64(p[40:])) == 0
}

// PutCRC10 writes the last two octets of a 48-octet payload: the six bits
// that go before the CRC (reserved in OAM and RM cells, the length indicator
// in AAL3/4), then the CRC-10. payload holds at least [PayloadSize] octets.
func PutCRC10(payload []byte, six uint8) {
	p := (*[PayloadSize]byte)(payload)
	// Leading zero bits do not change the remainder, so that the 46 octets
	// are taken as 2 of zeros and 46.
	reg := crc10Step(0, binary.BigEndian.Uint64(p[0:])>>16, binary.BigEndian.Uint64(p[6:]))
	reg = crc10Step(reg, binary.BigEndian.Uint64(p[14:]), binary.BigEndian.Uint64(p[22:]))
	reg = crc10Step(reg, binary.BigEndian.Uint64(p[30:]), binary.BigEndian.Uint64(p[38:]))
	six &= 0x3F
	reg = reg<<6&crc10Mask ^ crc10Table[0][uint8(reg>>(crc10Bits-6))^six]
	binary.BigEndian.PutUint16(p[PayloadSize-2:], uint16(six)<<crc10Bits|reg)
}
