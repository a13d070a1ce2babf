package aal

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sizes and limits of AAL3/4 (I.363.3).
const (
	AAL34Payload  = 44 // octets of SAR-PDU payload
	AAL34Header   = 4  // CPCS header: CPI, BTag, BASize
	AAL34Trailer  = 4  // CPCS trailer: AL, ETag, Length
	MaxAAL34      = 65535
	MaxAAL34MID   = 1<<10 - 1
	MaxAAL34Cells = (MaxAAL34 + 3 + AAL34Header + AAL34Trailer + AAL34Payload - 1) / AAL34Payload
)

const (
	aal34SARHeader = 2
	aal34LIAbort   = 63 // the length indicator of an EOM that aborts
	aal34Align     = 4  // CPCS-PDUs are multiples of this
	aal34Sequence  = 16 // SN modulo
)

// Errors of sending AAL3/4.
var (
	ErrAAL34MID  = errors.New("aal34: MID above 1023")
	ErrAAL34Size = errors.New("aal34: SDU longer than its announced or its largest size")
	ErrAAL34Busy = errors.New("aal34: data or PDU before is not sent yet")
	ErrAAL34Idle = errors.New("aal34: no PDU, or no cell to make of it yet")
)

// AAL34Segment is the segment type of a SAR-PDU.
type AAL34Segment uint8

// The segment types (I.363.3, SAR-PDU structure).
const (
	AAL34COM AAL34Segment = 0b00 // continuation of message
	AAL34EOM AAL34Segment = 0b01 // end
	AAL34BOM AAL34Segment = 0b10 // beginning
	AAL34SSM AAL34Segment = 0b11 // single segment
)

// String gives the three letters.
func (s AAL34Segment) String() string { return [...]string{"COM", "EOM", "BOM", "SSM"}[s&3] }

// AAL34Cell is the header and trailer of a SAR-PDU.
type AAL34Cell struct {
	Segment AAL34Segment
	SN      uint8  // modulo 16
	MID     uint16 // multiplexing identification, 0 to 1023
	LI      uint8  // octets of payload in use, or 63 in an EOM that aborts
}

// Put writes header, length indicator and CRC-10 around the 44 octets from
// payload[2] on.
func (c AAL34Cell) Put(payload *[PayloadSize]byte) {
	h := uint16(c.Segment&3)<<14 | uint16(c.SN%aal34Sequence)<<10 | c.MID&MaxAAL34MID
	binary.BigEndian.PutUint16(payload[:], h)
	PutCRC10(payload, c.LI)
}

// ParseAAL34 checks the CRC-10 of a cell's payload and reads header and
// trailer. The SAR-PDU payload is payload[2:46]. LI is not checked.
func ParseAAL34(payload []byte) (AAL34Cell, error) {
	if len(payload) != PayloadSize {
		return AAL34Cell{}, ErrPayloadSize
	}
	if !CheckCRC10(payload) {
		return AAL34Cell{}, ErrCRC10
	}
	h := binary.BigEndian.Uint16(payload)
	return AAL34Cell{
		Segment: AAL34Segment(h >> 14),
		SN:      uint8(h>>10) % aal34Sequence,
		MID:     h & MaxAAL34MID,
		LI:      payload[PayloadSize-2] >> 2,
	}, nil
}

// String gives "BOM SN 3 MID 7 LI 44".
func (c AAL34Cell) String() string {
	return fmt.Sprintf("%v SN %d MID %d LI %d", c.Segment, c.SN, c.MID, c.LI)
}

// Abort tells whether this is an EOM that aborts its PDU.
func (c AAL34Cell) Abort() bool { return c.Segment == AAL34EOM && c.LI == aal34LIAbort }

// Formed tells whether LI fits the segment type: BOM and COM are full, EOM
// holds at least the trailer, SSM header and trailer as well.
func (c AAL34Cell) Formed() bool {
	switch c.Segment {
	case AAL34EOM:
		return c.LI >= AAL34Trailer && c.LI <= AAL34Payload && c.LI%aal34Align == 0
	case AAL34SSM:
		return c.LI >= AAL34Header+AAL34Trailer && c.LI <= AAL34Payload && c.LI%aal34Align == 0
	}
	return c.LI == AAL34Payload
}

// AAL34Padded gives the octets of an SDU with its padding to a multiple of
// four: the memory that receiving it takes.
func AAL34Padded(sdu int) int { return (sdu + aal34Align - 1) &^ (aal34Align - 1) }

// AAL34Cells gives the number of cells of an SDU of that many octets.
func AAL34Cells(sdu int) int {
	return (AAL34Header + AAL34Padded(sdu) + AAL34Trailer + AAL34Payload - 1) / AAL34Payload
}
