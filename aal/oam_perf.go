package aal

import (
	"encoding/binary"
	"fmt"
)

// Offsets in performance management cells.
const (
	pmMCSN   = 1
	pmTUC01  = 2
	pmBEDC   = 4 // forward monitoring only
	pmTUC0   = 6
	pmTime   = 8
	pmRMCSN  = 39 // from here on backward reporting only
	pmSECBC  = 40
	pmTRCC0  = 41
	pmBLER   = 43
	pmTRCC01 = 44
)

const (
	// OAMNoTimestamp is the time stamp of a sender that has none.
	OAMNoTimestamp = 0xFFFFFFFF
	// OAMNoBLER is the block error result of a block that was not whole:
	// cells or monitoring cells were lost or misinserted.
	OAMNoBLER = 0xFF
)

// OAMForward is a forward performance monitoring cell (I.610, 10.3.1). All
// counts run on modulo their size.
type OAMForward struct {
	MCSN  uint8  // monitoring cell sequence number
	TUC01 uint16 // user cells sent, CLP 0 and 1
	BEDC  uint16 // BIP-16 of the payloads of the block
	TUC0  uint16 // user cells sent with CLP 0
	Time  uint32 // time stamp; OAMNoTimestamp by default
}

// Encode writes the 48 octets of payload.
func (c *OAMForward) Encode(payload []byte) error {
	p, err := startOAM(payload, OAMFPM)
	if err != nil {
		return err
	}
	p[pmMCSN] = c.MCSN
	binary.BigEndian.PutUint16(p[pmTUC01:], c.TUC01)
	binary.BigEndian.PutUint16(p[pmBEDC:], c.BEDC)
	binary.BigEndian.PutUint16(p[pmTUC0:], c.TUC0)
	binary.BigEndian.PutUint32(p[pmTime:], c.Time)
	PutCRC10(p, 0)
	return nil
}

// Decode reads a forward monitoring cell.
func (c *OAMForward) Decode(payload []byte) error {
	if err := readOAM(payload, OAMFPM); err != nil {
		return err
	}
	*c = OAMForward{
		MCSN:  payload[pmMCSN],
		TUC01: binary.BigEndian.Uint16(payload[pmTUC01:]),
		BEDC:  binary.BigEndian.Uint16(payload[pmBEDC:]),
		TUC0:  binary.BigEndian.Uint16(payload[pmTUC0:]),
		Time:  binary.BigEndian.Uint32(payload[pmTime:]),
	}
	return nil
}

// String prints the cell on one line.
func (c *OAMForward) String() string {
	return fmt.Sprintf("%v, MCSN %d, TUC0+1 %d, BEDC 0x%04x, TUC0 %d, TSTP 0x%08x",
		OAMFPM, c.MCSN, c.TUC01, c.BEDC, c.TUC0, c.Time)
}

// OAMBackward is a backward reporting cell (I.610, 10.3.2). TUC01 and TUC0
// are those of the forward cell that it answers.
type OAMBackward struct {
	MCSN   uint8  // sequence number of the reports themselves
	TUC01  uint16 // copied from the forward cell
	TUC0   uint16 // copied from the forward cell
	Time   uint32 // time stamp; OAMNoTimestamp by default
	RMCSN  uint8  // MCSN of the forward cell
	SECBC  uint8  // severely errored cell blocks so far
	TRCC0  uint16 // user cells received with CLP 0
	BLER   uint8  // errored bits of BIP-16 in the block, or OAMNoBLER
	TRCC01 uint16 // user cells received, CLP 0 and 1
}

// Encode writes the 48 octets of payload.
func (c *OAMBackward) Encode(payload []byte) error {
	p, err := startOAM(payload, OAMBR)
	if err != nil {
		return err
	}
	p[pmMCSN] = c.MCSN
	binary.BigEndian.PutUint16(p[pmTUC01:], c.TUC01)
	binary.BigEndian.PutUint16(p[pmTUC0:], c.TUC0)
	binary.BigEndian.PutUint32(p[pmTime:], c.Time)
	p[pmRMCSN] = c.RMCSN
	p[pmSECBC] = c.SECBC
	binary.BigEndian.PutUint16(p[pmTRCC0:], c.TRCC0)
	p[pmBLER] = c.BLER
	binary.BigEndian.PutUint16(p[pmTRCC01:], c.TRCC01)
	PutCRC10(p, 0)
	return nil
}

// Decode reads a backward reporting cell.
func (c *OAMBackward) Decode(payload []byte) error {
	if err := readOAM(payload, OAMBR); err != nil {
		return err
	}
	*c = OAMBackward{
		MCSN:   payload[pmMCSN],
		TUC01:  binary.BigEndian.Uint16(payload[pmTUC01:]),
		TUC0:   binary.BigEndian.Uint16(payload[pmTUC0:]),
		Time:   binary.BigEndian.Uint32(payload[pmTime:]),
		RMCSN:  payload[pmRMCSN],
		SECBC:  payload[pmSECBC],
		TRCC0:  binary.BigEndian.Uint16(payload[pmTRCC0:]),
		BLER:   payload[pmBLER],
		TRCC01: binary.BigEndian.Uint16(payload[pmTRCC01:]),
	}
	return nil
}

// String prints the cell on one line.
func (c *OAMBackward) String() string {
	return fmt.Sprintf("%v, MCSN %d, TUC0+1 %d, TUC0 %d, TSTP 0x%08x, RMCSN %d, SECBC %d, TRCC0 %d, BLER %d, TRCC0+1 %d",
		OAMBR, c.MCSN, c.TUC01, c.TUC0, c.Time, c.RMCSN, c.SECBC, c.TRCC0, c.BLER, c.TRCC01)
}
