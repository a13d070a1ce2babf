package aal

import "encoding/binary"

// This file holds the forms of RFC 4717 in which cells have no header of four octets: those of
// one-to-one cell mode (section 9) and of AAL5 PDU frame mode (section 11). In both the control
// word ends in an ATM-specific octet; in one-to-one mode each further cell begins with one.

// Sizes of cells in one-to-one mode, in octets, the ATM-specific octet included.
const (
	ChannelCellSize = 1 + PayloadSize // of a VCC
	PathCellSize    = 3 + PayloadSize // of a VPC: the VCI, too
)

// Bits of the ATM-specific octet. Those of a cell are M, V, two reserved ones, PTI and CLP,
// where a header has them; those of a frame are M, V, three reserved ones, U, E and C.
const (
	specificFrame = 1 << 7 // M: a part of an AAL5 PDU, and not a cell
	specificVCI   = 1 << 6 // V: the VCI follows
	specificKind  = specificFrame | specificVCI
	specificCell  = headerPTI | headerCLP
	specificUU    = 1 << 2 // U: the AUU of the last cell
	specificEFCI  = 1 << 1
	specificCLP   = 1 << 0
)

// SpecificFrame tells whether an ATM-specific octet begins a part of an AAL5 PDU, and not a
// cell (bit M).
func SpecificFrame(octet byte) bool { return octet&specificFrame != 0 }

// PackChannel writes the cells of a run as those of a one-to-one VCC, which have no VPI and VCI,
// and tells how many octets they are. dst may overlap cells if it does not begin after them.
func PackChannel(dst, cells []byte) (n int) {
	for ; len(cells) >= CellSize; cells = cells[CellSize:] {
		h := ReadHeader(cells)
		dst[n] = byte(h & specificCell)
		copy(dst[n+1:], cells[HeaderSize:CellSize])
		n += ChannelCellSize
	}
	return n
}

// PackPath is PackChannel for a one-to-one VPC, whose cells have no VPI. It may overlap, too, if
// dst begins before cells.
func PackPath(dst, cells []byte) (n int) {
	for ; len(cells) >= CellSize; cells = cells[CellSize:] {
		h := ReadHeader(cells)
		dst[n] = byte(h&specificCell) | specificVCI
		binary.BigEndian.PutUint16(dst[n+1:], h.VC().VCI)
		copy(dst[n+3:], cells[HeaderSize:CellSize])
		n += PathCellSize
	}
	return n
}

// PackPDU writes the payloads of a run of user cells of one VC, and gives the ATM-specific octet
// before them: U is the AUU of the last cell, E its EFCI, C the OR of all CLPs (RFC 4717, 11.1).
// dst may overlap cells if it does not begin after them. See [PDURun] for what a frame may hold.
func PackPDU(dst, cells []byte) (octet byte, n int) {
	var all, last Header
	for ; len(cells) >= CellSize; cells = cells[CellSize:] {
		last = ReadHeader(cells)
		all |= last
		copy(dst[n:], cells[HeaderSize:CellSize])
		n += PayloadSize
	}
	octet = specificFrame | byte(all&headerCLP)
	if last.EFCI() {
		octet |= specificEFCI
	}
	if last.AUU() {
		octet |= specificUU
	}
	return octet, n
}

// PDURun is the octets of the user cells at the start of a run that one frame of AAL5 PDU mode
// may hold: up to the one that ends a PDU, and none behind a cell that is no user's, which has a
// frame of its own (RFC 4717, 11.2.1).
func PDURun(cells []byte) (n int) {
	for ; len(cells) >= n+CellSize; n += CellSize {
		switch h := ReadHeader(cells[n:]); {
		case !h.User():
			return n
		case h.AUU():
			return n + CellSize
		}
	}
	return n
}

// UnpackChannel writes cells of a one-to-one VCC as whole cells of a VC, from the ATM-specific
// octet on. It is false, and dst of no use, where src holds no whole number of them or one of
// them is of another kind. dst has room for [CellSize] octets for each, and does not overlap.
func UnpackChannel(dst, src []byte, vc VC) bool {
	h := MakeHeader(vc, 0, false)
	kind := byte(0)
	for ; len(src) >= ChannelCellSize; src = src[ChannelCellSize:] {
		kind |= src[0]
		(h | Header(src[0]&specificCell)).Put(dst)
		copy(dst[HeaderSize:CellSize], src[1:ChannelCellSize])
		dst = dst[CellSize:]
	}
	return len(src) == 0 && kind&specificKind == 0
}

// UnpackPath is UnpackChannel for a one-to-one VPC of a VPI.
func UnpackPath(dst, src []byte, vpi uint16) bool {
	kind := byte(0)
	for ; len(src) >= PathCellSize; src = src[PathCellSize:] {
		kind |= src[0] ^ specificVCI
		vc := VC{VPI: vpi, VCI: binary.BigEndian.Uint16(src[1:])}
		(MakeHeader(vc, 0, false) | Header(src[0]&specificCell)).Put(dst)
		copy(dst[HeaderSize:CellSize], src[3:PathCellSize])
		dst = dst[CellSize:]
	}
	return len(src) == 0 && kind&specificKind == 0
}

// UnpackPDU writes a part of an AAL5 PDU as cells of a VC: each with EFCI and CLP of the
// ATM-specific octet, the last with AUU where U is set (RFC 4717, 11.2.2). It is false, and dst
// of no use, where src holds no whole number of cells, or the octet is of another kind.
func UnpackPDU(dst []byte, octet byte, src []byte, vc VC) bool {
	h := MakeHeader(vc, 0, octet&specificCLP != 0).WithEFCI(octet&specificEFCI != 0)
	for ; len(src) >= PayloadSize; src = src[PayloadSize:] {
		end := len(src) < 2*PayloadSize && octet&specificUU != 0
		h.WithAUU(end).Put(dst)
		copy(dst[HeaderSize:CellSize], src[:PayloadSize])
		dst = dst[CellSize:]
	}
	return len(src) == 0 && octet&specificKind == specificFrame
}
