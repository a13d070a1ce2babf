package aal

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// The CRC-10 of OAM, RM and AAL3/4 cells (I.610, 10.1; I.363.3): generator
// x^10+x^9+x^5+x^4+x+1, register preset to 0, most significant bit first.
const (
	crc10Poly = 0x233
	crc10Bits = 10
	crc10Mask = 1<<crc10Bits - 1

	// crc10Factor is g = x^9+x^4+1: the generator is (x+1) g.
	crc10Factor = 0x211
)

// crc10Slices is how many octets the table takes at once.
const crc10Slices = 9

// ErrPayloadSize is returned for a payload that is not [PayloadSize] octets
// long, whether it is to be read or to be written. A longer one is no payload
// with something behind it but, as a rule, a cell with its header.
var ErrPayloadSize = errors.New("aal: cell payload is not 48 octets")

// ErrCRC10 is returned for a cell whose CRC-10 is wrong: it must be dropped.
var ErrCRC10 = errors.New("aal: CRC-10 wrong")

// crc10Table[k][b] is the CRC-10 of octet b followed by k zero octets.
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

// crc10Nine gives the CRC-10 of an octet and eight more.
func crc10Nine(b uint8, w uint64) uint16 {
	t := &crc10Table
	return t[8][b] ^ t[7][uint8(w>>56)] ^ t[6][uint8(w>>48)] ^ t[5][uint8(w>>40)] ^ t[4][uint8(w>>32)] ^
		t[3][uint8(w>>24)] ^ t[2][uint8(w>>16)] ^ t[1][uint8(w>>8)] ^ t[0][uint8(w)]
}

// crc10Cell gives the CRC-10 of 384 bits, w0 first.
//
// Modulo g, repeated squaring of x^9 = x^4+1, with x^511 = 1, gives
// x^260 = x^2+1, x^130 = x+1 and x^72 = x^32+1. So the bits above each of
// these powers are folded down by shifts, until nine octets are left for the
// table. That changes the remainder by x+1, which is the parity of all bits:
// it is put right at the end by adding g, whose parity is odd.
func crc10Cell(w0, w1, w2, w3, w4, w5 uint64) uint16 {
	parity := bits.OnesCount64(w0^w1^w2^w3^w4^w5) & 1
	lo, hi := w0<<60|w1>>4, w0>>4 // bits 260 to 383
	w5 ^= lo ^ lo<<2
	w4 ^= hi ^ hi<<2 ^ lo>>62
	lo, hi = w2<<62|w3>>2, w1<<62|w2>>2 // bits 130 to 257
	top := w1 >> 2 & 3                  // bits 258 and 259
	w5 ^= lo ^ lo<<1
	w4 ^= hi ^ hi<<1 ^ lo>>63
	top ^= top<<1 ^ hi>>63 ^ w3&3 // now bits 128 to 130
	h := top<<56 | w4>>8          // bits 72 to 130
	w5 ^= h ^ h<<32
	w4 = w4&0xFF ^ h>>32
	h = w4 >> 8 // bits 72 to 90
	w5 ^= h ^ h<<32
	crc := crc10Nine(uint8(w4), w5)
	if bits.OnesCount16(crc)&1 != parity {
		crc ^= crc10Factor
	}
	return crc
}

// CRC10 gives the CRC-10 of p. Over octets that end with their own CRC-10 it
// gives 0.
func CRC10(p []byte) uint16 {
	var reg uint16
	for len(p) >= 8 {
		reg = crc10Nine(0, binary.BigEndian.Uint64(p)^uint64(reg)<<(64-crc10Bits))
		p = p[8:]
	}
	for _, b := range p {
		reg = crc10Octet(&crc10Table[0], reg, b)
	}
	return reg
}

// CheckCRC10 tells whether the last ten bits of the payload are the CRC-10 of
// the 374 bits before them. A payload that is not [PayloadSize] octets long has
// none.
func CheckCRC10(payload []byte) bool {
	if len(payload) != PayloadSize {
		return false
	}
	p := (*[PayloadSize]byte)(payload)
	return crc10Cell(
		binary.BigEndian.Uint64(p[0:]), binary.BigEndian.Uint64(p[8:]), binary.BigEndian.Uint64(p[16:]),
		binary.BigEndian.Uint64(p[24:]), binary.BigEndian.Uint64(p[32:]), binary.BigEndian.Uint64(p[40:]),
	) == 0
}

// PutCRC10 writes the last two octets of a payload: the six bits that go
// before the CRC (reserved in OAM and RM cells, the length indicator in
// AAL3/4), then the CRC-10.
func PutCRC10(p *[PayloadSize]byte, six uint8) {
	w0, w1 := binary.BigEndian.Uint64(p[0:]), binary.BigEndian.Uint64(p[8:])
	w2, w3 := binary.BigEndian.Uint64(p[16:]), binary.BigEndian.Uint64(p[24:])
	w4, w5 := binary.BigEndian.Uint64(p[32:]), binary.BigEndian.Uint64(p[40:])
	w5 = w5>>16<<16 | uint64(six&0x3F)<<crc10Bits
	// The 374 bits, with ten zeros before them, which change nothing.
	const down, up = crc10Bits, 64 - crc10Bits
	crc := crc10Cell(w0>>down, w0<<up|w1>>down, w1<<up|w2>>down, w2<<up|w3>>down, w3<<up|w4>>down, w4<<up|w5>>down)
	binary.BigEndian.PutUint64(p[40:], w5|uint64(crc))
}
