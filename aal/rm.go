package aal

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// RMProtocolABR is the protocol identifier of ABR in RM cells (TM 4.1,
// 5.10.3; I.371).
const RMProtocolABR = 1

// RMVPCVCI is the VCI of the RM cells of a virtual path; their PTI is 6, as
// on a virtual channel (TM 4.1, 5.10.3; I.371).
const RMVPCVCI = 6

// The bits of the message type octet.
const (
	rmDIR = 1 << 7 // backward
	rmBN  = 1 << 6 // made by a switch or the destination (BECN)
	rmCI  = 1 << 5 // congestion
	rmNI  = 1 << 4 // no increase
	rmRA  = 1 << 3 // request/acknowledge, I.371 only
)

// Offsets in an RM cell.
const (
	rmMessage = 1
	rmER      = 2
	rmCCR     = 4
	rmMCR     = 6
	rmQL      = 8
	rmSN      = 12
)

// Rate16 is a rate in the 16-bit floating form of RM cells: a reserved bit, a
// bit nz that is 0 for a rate of zero, exponent e of 5 bits, mantissa m of 9:
// 2^e (1 + m/512) cells a second (TM 4.1, 5.10.3).
type Rate16 uint16

const (
	rateNonzero  = 1 << 14
	rateMantissa = 9
	rateMask     = 1<<rateMantissa - 1
)

// MaxRate16 is the largest rate, 4,290,772,992 cells a second.
const MaxRate16 Rate16 = 1<<15 - 1

// MakeRate16 gives the largest rate that is not above cps cells a second.
func MakeRate16(cps uint32) Rate16 {
	if cps == 0 {
		return 0
	}
	e := bits.Len32(cps) - 1
	m := uint64(cps) << rateMantissa >> e // with the leading one
	return Rate16(rateNonzero | e<<rateMantissa | int(m&rateMask))
}

// CellsPerSecond gives the rate, rounded down. The reserved bit is ignored.
func (r Rate16) CellsPerSecond() uint32 {
	if r&rateNonzero == 0 {
		return 0
	}
	m := uint64(1<<rateMantissa | r&rateMask)
	return uint32(m << (r >> rateMantissa & 31) >> rateMantissa)
}

// String gives the rate in cells a second.
func (r Rate16) String() string { return fmt.Sprint(r.CellsPerSecond()) }

// RMCell is the payload of a resource management cell (TM 4.1, 5.10.3). QL,
// SN and Request belong to I.371; the ATM Forum's ABR leaves them 0.
type RMCell struct {
	ID         uint8  // RMProtocolABR
	Backward   bool   // DIR: from destination to source
	BECN       bool   // BN: not turned round from a source's cell
	Congestion bool   // CI
	NoIncrease bool   // NI
	Request    bool   // RA
	ER         Rate16 // explicit rate
	CCR        Rate16 // current cell rate of the source
	MCR        Rate16 // minimum cell rate
	QL         uint32 // queue length
	SN         uint32 // sequence number
}

// Encode writes the 48 octets of payload; reserved octets are 6A.
func (c *RMCell) Encode(payload []byte) error {
	p, err := startOAM(payload, OAMKind(c.ID))
	if err != nil {
		return err
	}
	p[rmMessage] = bitIf(c.Backward, rmDIR) | bitIf(c.BECN, rmBN) | bitIf(c.Congestion, rmCI) |
		bitIf(c.NoIncrease, rmNI) | bitIf(c.Request, rmRA)
	binary.BigEndian.PutUint16(p[rmER:], uint16(c.ER))
	binary.BigEndian.PutUint16(p[rmCCR:], uint16(c.CCR))
	binary.BigEndian.PutUint16(p[rmMCR:], uint16(c.MCR))
	binary.BigEndian.PutUint32(p[rmQL:], c.QL)
	binary.BigEndian.PutUint32(p[rmSN:], c.SN)
	PutCRC10(p, 0)
	return nil
}

func bitIf(on bool, bit uint8) uint8 {
	if on {
		return bit
	}
	return 0
}

// Decode reads an RM cell of any protocol whose CRC-10 is right; the caller
// looks at ID before it believes the other fields.
func (c *RMCell) Decode(payload []byte) error {
	if len(payload) != PayloadSize {
		return ErrPayloadSize
	}
	if !CheckCRC10(payload) {
		return ErrCRC10
	}
	m := payload[rmMessage]
	*c = RMCell{
		ID:         payload[0],
		Backward:   m&rmDIR != 0,
		BECN:       m&rmBN != 0,
		Congestion: m&rmCI != 0,
		NoIncrease: m&rmNI != 0,
		Request:    m&rmRA != 0,
		ER:         Rate16(binary.BigEndian.Uint16(payload[rmER:])),
		CCR:        Rate16(binary.BigEndian.Uint16(payload[rmCCR:])),
		MCR:        Rate16(binary.BigEndian.Uint16(payload[rmMCR:])),
		QL:         binary.BigEndian.Uint32(payload[rmQL:]),
		SN:         binary.BigEndian.Uint32(payload[rmSN:]),
	}
	return nil
}

// String prints the cell on one line.
func (c *RMCell) String() string {
	dir := "forward"
	if c.Backward {
		dir = "backward"
	}
	s := fmt.Sprintf("RM, id %d, %s", c.ID, dir)
	for _, f := range [...]struct {
		on   bool
		name string
	}{{c.BECN, "BN"}, {c.Congestion, "CI"}, {c.NoIncrease, "NI"}, {c.Request, "RA"}} {
		if f.on {
			s += " " + f.name
		}
	}
	return fmt.Sprintf("%s, ER %v, CCR %v, MCR %v, QL %d, SN %d", s, c.ER, c.CCR, c.MCR, c.QL, c.SN)
}
