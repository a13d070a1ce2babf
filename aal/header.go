package aal

import (
	"encoding/binary"
	"fmt"
)

// Sizes of cells, in octets.
const (
	HeaderSize   = 4  // without HEC
	PayloadSize  = 48 // the information field (I.361, 2.1)
	CellSize     = 52 // header and payload, the form of RFC 4717
	WireCellSize = 53 // with the HEC, as on a line
)

// Payload type values (I.361, 2.2.4). Bit 2 of a user cell is EFCI, bit 0 is
// the ATM-user-to-ATM-user indication (AUU).
const (
	PTIUser         = 0
	PTIUserEnd      = 1 // AUU: the last cell of an AAL5 CPCS-PDU
	PTIUserEFCI     = 2
	PTIUserEFCIEnd  = 3
	PTISegmentOAM   = 4 // F5, segment
	PTIEndToEndOAM  = 5 // F5, end to end
	PTIResourceMgmt = 6
	PTIReserved     = 7
)

// Bits of a header.
const (
	headerCLP  = 1 << 0
	headerAUU  = 1 << 1
	headerEFCI = 1 << 2
	headerOAM  = 1 << 3 // PTI 4 to 7: no user cell
	headerPTI  = 7 << 1
	headerVCs  = 0xFFFFFFF0
	headerVPI  = 0xFFF00000
)

// Header is the first four octets of a cell as a big-endian word, in the
// NNI form that RFC 4717 carries: VPI 12, VCI 16, PTI 3, CLP 1. A UNI header
// is the same word with the GFC in the top four bits and a VPI of eight
// (I.361, 2.2): [Header.GFC], [Header.UNI].
type Header uint32

// MakeHeader builds a header. A VPI above [MaxVPI] and a pti above 7 are cut.
func MakeHeader(vc VC, pti uint8, clp bool) Header {
	h := Header(vc.VPI)<<20 | Header(vc.VCI)<<4 | Header(pti&7)<<1
	if clp {
		h |= headerCLP
	}
	return h
}

// ReadHeader gives the header of a cell; cell holds at least four octets.
func ReadHeader(cell []byte) Header { return Header(binary.BigEndian.Uint32(cell)) }

// Put writes the header's four octets at the start of cell.
func (h Header) Put(cell []byte) { binary.BigEndian.PutUint32(cell, uint32(h)) }

// VC gives VPI and VCI, the VPI with 12 bits.
func (h Header) VC() VC { return VC{VPI: uint16(h >> 20), VCI: uint16(h >> 4)} }

// PTI gives the payload type, 0 to 7.
func (h Header) PTI() uint8 { return uint8(h>>1) & 7 }

// CLP tells whether the cell may be lost first (cell loss priority 1).
func (h Header) CLP() bool { return h&headerCLP != 0 }

// User tells whether this is a user cell, PTI 0 to 3.
func (h Header) User() bool { return h&headerOAM == 0 }

// EFCI tells whether a user cell met congestion; false on other cells.
func (h Header) EFCI() bool { return h&(headerOAM|headerEFCI) == headerEFCI }

// AUU tells whether a user cell has the ATM-user-to-ATM-user indication set,
// which ends an AAL5 CPCS-PDU; false on other cells.
func (h Header) AUU() bool { return h&(headerOAM|headerAUU) == headerAUU }

// WithVC gives h with another VPI and VCI.
func (h Header) WithVC(vc VC) Header {
	return h&^headerVCs | Header(vc.VPI)<<20 | Header(vc.VCI)<<4
}

// WithVPI gives h with another VPI and the VCI kept, as a path switch does.
func (h Header) WithVPI(vpi uint16) Header { return h&^headerVPI | Header(vpi)<<20 }

// WithPTI gives h with another payload type.
func (h Header) WithPTI(pti uint8) Header { return h&^headerPTI | Header(pti&7)<<1 }

// WithCLP gives h with the cell loss priority set or cleared.
func (h Header) WithCLP(clp bool) Header { return h.with(headerCLP, clp) }

// WithEFCI gives h with the congestion indication set or cleared. Only user
// cells have one: others are returned as they are.
func (h Header) WithEFCI(efci bool) Header {
	if !h.User() {
		return h
	}
	return h.with(headerEFCI, efci)
}

// WithAUU gives h with the AUU indication set or cleared. Only user cells
// have one: others are returned as they are.
func (h Header) WithAUU(auu bool) Header {
	if !h.User() {
		return h
	}
	return h.with(headerAUU, auu)
}

func (h Header) with(bit Header, on bool) Header {
	if on {
		return h | bit
	}
	return h &^ bit
}

// GFC gives the generic flow control field of a UNI header, 0 to 15.
func (h Header) GFC() uint8 { return uint8(h >> 28) }

// WithGFC gives a UNI header with another GFC.
func (h Header) WithGFC(gfc uint8) Header { return h&^(0xF<<28) | Header(gfc&0xF)<<28 }

// UNI reads h as a UNI header and gives it in NNI form: the GFC is cleared,
// so that VC gives the eight-bit VPI. To send on a UNI no conversion is
// needed while the VPI is at most [MaxUNIVPI]: the GFC is then 0, as it must
// be under uncontrolled transmission (I.361, 2.2.2).
func (h Header) UNI() Header { return h &^ (0xF << 28) }

// String gives "VPI/VCI pti P clp C".
func (h Header) String() string {
	return fmt.Sprintf("%v pti %d clp %d", h.VC(), h.PTI(), h&headerCLP)
}
