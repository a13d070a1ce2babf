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

// hecBit[s] is 1 + the place of the one wrong bit that leaves syndrome s: 0
// to 7 in the HEC, 8 to 39 in the header, counted from the last bit. It is 0
// where no single bit does.
var hecBit = makeHECBit()

func makeHECBit() (t [256]uint8) {
	for bit := range 8 * (HeaderSize + 1) {
		s := uint8(1) << bit
		if bit >= 8 {
			s = Header(0).HEC() ^ Header(1<<(bit-8)).HEC()
		}
		t[s] = uint8(bit) + 1
	}
	return t
}

// HECResult is what a header turned out to be.
type HECResult uint8

// The results. A cell with a bad header is discarded.
const (
	HECGood HECResult = iota
	HECCorrected
	HECBad
)

// String gives "good", "corrected" or "bad".
func (r HECResult) String() string {
	switch r {
	case HECGood:
		return "good"
	case HECCorrected:
		return "corrected"
	case HECBad:
		return "bad"
	}
	return "unknown"
}

// HECReceiver checks the headers of one link's cells in their order, in the
// two modes of I.432.1, 4.3.2.1: in correction mode one wrong bit is corrected;
// any error leads to detection mode, where every error discards; a good header
// leads back. Errors on fibre are mostly single, or bursts that correction
// would make worse. The zero value is in correction mode.
type HECReceiver struct {
	DetectOnly bool // never correct
	detecting  bool
}

// Detecting tells whether the receiver is in detection mode.
func (r *HECReceiver) Detecting() bool { return r.DetectOnly || r.detecting }

// Check looks at the first five octets of a 53-octet cell and corrects them
// in place where it may.
func (r *HECReceiver) Check(cell []byte) HECResult {
	h := ReadHeader(cell)
	syndrome := h.HEC() ^ cell[HeaderSize]
	if syndrome == 0 {
		r.detecting = false
		return HECGood
	}
	detecting := r.Detecting()
	r.detecting = true
	bit := hecBit[syndrome]
	if detecting || bit == 0 {
		return HECBad
	}
	flip := uint64(1) << (bit - 1)
	(h ^ Header(flip>>8)).Put(cell)
	cell[HeaderSize] ^= uint8(flip)
	return HECCorrected
}
