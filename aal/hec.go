package aal

// The header error control (I.432.1, 4.3.2): generator x^8+x^2+x+1, and the
// coset 01010101 added so that slipped cells are found.
const (
	hecPoly  = 0x07
	hecCoset = 0x55
)

// hecTable[b] is the remainder of octet b.
var hecTable = makeHECTable()

func makeHECTable() (t [256]uint8) {
	for b := range t {
		reg := uint8(b)
		for range 8 {
			reg = reg<<1 ^ hecPoly&-(reg>>7)
		}
		t[b] = reg
	}
	return t
}

// HEC gives the header error control octet of h.
func (h Header) HEC() uint8 {
	reg := hecTable[uint8(h>>24)]
	reg = hecTable[reg^uint8(h>>16)]
	reg = hecTable[reg^uint8(h>>8)]
	return hecTable[reg^uint8(h)] ^ hecCoset
}
