package aal

import "encoding/binary"

// The CRC-32 of AAL5 (I.363.5, 9.2.1.2): generator 04C11DB7, most significant
// bit first, register preset to ones, the ones complement of the register
// sent. It is CRC-32/BZIP2, and not the reflected order of Ethernet.
const (
	crc32Poly    = 0x04C11DB7
	crc32Preset  = 0xFFFFFFFF
	crc32Residue = 0xC704DD7B // register after a good PDU with its CRC
)

// CRC32 gives the CRC-32 of p as AAL5 sends it.
func CRC32(p []byte) uint32 { return ^crc32Update(crc32Preset, p) }

// UpdateCRC32 goes on from crc, the CRC-32 of what came before, with p.
// UpdateCRC32(0, p) is CRC32(p).
func UpdateCRC32(crc uint32, p []byte) uint32 { return ^crc32Update(^crc, p) }

// crc32Tables[k][b] is the register after octet b and k octets of zeros.
var crc32Tables = makeCRC32Tables()

func makeCRC32Tables() (t [16][256]uint32) {
	for b := range t[0] {
		reg := uint32(b) << 24
		for range 8 {
			reg = reg<<1 ^ crc32Poly&-(reg>>31)
		}
		t[0][b] = reg
	}
	for k := 1; k < len(t); k++ {
		for b, reg := range t[k-1] {
			t[k][b] = reg<<8 ^ t[0][reg>>24]
		}
	}
	return t
}

// crc32Bytewise is the reference: one table, one octet a step.
func crc32Bytewise(reg uint32, p []byte) uint32 {
	for _, b := range p {
		reg = reg<<8 ^ crc32Tables[0][byte(reg>>24)^b]
	}
	return reg
}

// crc32Slicing takes sixteen octets a step.
func crc32Slicing(reg uint32, p []byte) uint32 {
	t := &crc32Tables
	for len(p) >= 16 {
		a := binary.BigEndian.Uint32(p) ^ reg
		b := binary.BigEndian.Uint32(p[4:])
		c := binary.BigEndian.Uint32(p[8:])
		d := binary.BigEndian.Uint32(p[12:])
		reg = t[15][a>>24] ^ t[14][a>>16&0xFF] ^ t[13][a>>8&0xFF] ^ t[12][a&0xFF] ^
			t[11][b>>24] ^ t[10][b>>16&0xFF] ^ t[9][b>>8&0xFF] ^ t[8][b&0xFF] ^
			t[7][c>>24] ^ t[6][c>>16&0xFF] ^ t[5][c>>8&0xFF] ^ t[4][c&0xFF] ^
			t[3][d>>24] ^ t[2][d>>16&0xFF] ^ t[1][d>>8&0xFF] ^ t[0][d&0xFF]
		p = p[16:]
	}
	return crc32Bytewise(reg, p)
}
