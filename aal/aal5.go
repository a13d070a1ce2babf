package aal

import (
	"encoding/binary"
	"errors"
)

// Limits of an AAL5 CPCS-PDU (I.363.5, 9.2.1.2).
const (
	MaxSDU      = 65535 // octets of payload: the Length field has 16 bits
	TrailerSize = 8     // UU 1, CPI 1, Length 2, CRC 4
	MaxPDUCells = (MaxSDU + TrailerSize + PayloadSize - 1) / PayloadSize
)

// Errors of sending.
var (
	ErrSDUEmpty = errors.New("aal5: empty SDU: a Length of 0 is an abort")
	ErrSDULong  = errors.New("aal5: SDU longer than 65535 octets")
	ErrHeader   = errors.New("aal5: header is not that of a user cell")
	ErrBusy     = errors.New("aal5: the PDU before is not finished yet")
	ErrIdle     = errors.New("aal5: no PDU was started")
	ErrNoSpace  = errors.New("aal5: memory too short for the PDU")
)

// AAL5Cells gives the number of cells of a CPCS-PDU with an SDU of that many
// octets.
func AAL5Cells(sdu int) int {
	return (sdu + TrailerSize + PayloadSize - 1) / PayloadSize
}

// AAL5PDUSize gives the octets of a CPCS-PDU with an SDU of that many
// octets: payload, pad and trailer, a multiple of 48.
func AAL5PDUSize(sdu int) int { return AAL5Cells(sdu) * PayloadSize }

// PutAAL5Trailer makes a whole CPCS-PDU of the SDU at the start of dst:
// writes pad, trailer and CRC after it and gives the PDU's octets. dst must
// hold AAL5PDUSize(sdu) octets, or ErrNoSpace is returned. An SDU of 0 octets
// makes the abort of I.363.5.
func PutAAL5Trailer(dst []byte, sdu int, uu, cpi uint8) (int, error) {
	if sdu < 0 || sdu > MaxSDU {
		return 0, ErrSDULong
	}
	n := AAL5PDUSize(sdu)
	if len(dst) < n {
		return 0, ErrNoSpace
	}
	dst = dst[:n]
	putTrailer(dst[sdu:], sdu, uu, cpi)
	binary.BigEndian.PutUint32(dst[n-4:], CRC32(dst[:n-4]))
	return n, nil
}

// AppendAAL5Trailer appends pad, trailer and CRC to the SDU that pdu holds
// and gives the whole CPCS-PDU. It allocates only where append must; pdu is
// returned as it was, with ErrSDULong, when it is longer than [MaxSDU].
func AppendAAL5Trailer(pdu []byte, uu, cpi uint8) ([]byte, error) {
	sdu := len(pdu)
	if sdu > MaxSDU {
		return pdu, ErrSDULong
	}
	var blank [PayloadSize + TrailerSize]byte
	pdu = append(pdu, blank[:AAL5PDUSize(sdu)-sdu]...)
	_, err := PutAAL5Trailer(pdu, sdu, uu, cpi)
	return pdu, err
}

// putTrailer fills rest, which runs from the end of the payload to the end of
// the PDU, with pad and trailer, the CRC left 0.
func putTrailer(rest []byte, sdu int, uu, cpi uint8) {
	clear(rest)
	t := rest[len(rest)-TrailerSize:]
	t[0] = uu
	t[1] = cpi
	binary.BigEndian.PutUint16(t[2:], uint16(sdu))
}
