package aal

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// OAMIDSize is the length in octets of a defect location, and of the two
// identifiers of a loopback cell.
const OAMIDSize = 16

// OAMID is a defect location, a loopback location or a source identifier. Its
// inner form is the operator's affair (I.610, 10.2.3).
type OAMID [OAMIDSize]byte

// Octets that fill a whole identifier with a meaning of their own. As a
// loopback location (I.610, annex C): FF is the end of the segment or of the
// connection, 00 every point of the segment that takes part, 6A no point at
// all. As a source or a defect location 6A is "not told".
const (
	OAMIDEnd  = 0xFF
	OAMIDAll  = 0x00
	OAMIDNone = oamUnused
)

// FilledOAMID gives an identifier of 16 equal octets.
func FilledOAMID(b byte) (id OAMID) {
	for i := range id {
		id[i] = b
	}
	return id
}

// String gives the identifier in hexadecimal.
func (id OAMID) String() string { return hex.EncodeToString(id[:]) }

// OAMFault is an AIS or RDI cell (I.610, 10.2.1).
type OAMFault struct {
	Kind     OAMKind // OAMAIS or OAMRDI
	Defect   uint8   // defect type; 6A when not told
	Location OAMID   // defect location; 6A when not told
}

// MakeOAMFault gives a cell with neither defect type nor location, as most
// equipment sends.
func MakeOAMFault(k OAMKind) OAMFault {
	return OAMFault{Kind: k, Defect: oamUnused, Location: FilledOAMID(OAMIDNone)}
}

// Encode writes the 48 octets of payload. ErrOAMKind is returned for a
// kind that is neither AIS nor RDI.
func (c *OAMFault) Encode(payload []byte) error {
	if c.Kind != OAMAIS && c.Kind != OAMRDI {
		return ErrOAMKind
	}
	p, err := startOAM(payload, c.Kind)
	if err != nil {
		return err
	}
	p[1] = c.Defect
	copy(p[2:], c.Location[:])
	PutCRC10(p, 0)
	return nil
}

// Decode reads an AIS or RDI cell.
func (c *OAMFault) Decode(payload []byte) error {
	kind, err := ReadOAM(payload)
	if err != nil {
		return err
	}
	if kind != OAMAIS && kind != OAMRDI {
		return ErrOAMKind
	}
	*c = OAMFault{Kind: kind, Defect: payload[1], Location: OAMID(payload[2:])}
	return nil
}

// String prints the cell on one line.
func (c *OAMFault) String() string {
	return fmt.Sprintf("%v, defect-type 0x%02x, defect-location %v", c.Kind, c.Defect, c.Location)
}

// PutOAMContinuity writes a continuity check cell: all octets unused (I.610,
// 10.2.2).
func PutOAMContinuity(payload []byte) error { return PutOAM(payload, OAMCC, nil) }

// Offsets in a loopback cell.
const (
	lbIndication = 1
	lbTag        = 2
	lbLocation   = 6
	lbSource     = lbLocation + OAMIDSize
)

// OAMLoopback is a loopback cell (I.610, 10.2.3).
type OAMLoopback struct {
	Request  bool   // the loopback indication: set until the cell is looped
	Tag      uint32 // correlation tag: the sender's own, returned as it was
	Location OAMID  // where to loop, see [OAMIDEnd]
	Source   OAMID  // who sent it; 6A when not told
}

// Encode writes the 48 octets of payload.
func (c *OAMLoopback) Encode(payload []byte) error {
	p, err := startOAM(payload, OAMLB)
	if err != nil {
		return err
	}
	p[lbIndication] = 0
	if c.Request {
		p[lbIndication] = 1
	}
	binary.BigEndian.PutUint32(p[lbTag:], c.Tag)
	copy(p[lbLocation:], c.Location[:])
	copy(p[lbSource:], c.Source[:])
	PutCRC10(p, 0)
	return nil
}

// Decode reads a loopback cell. Only the lowest bit of the indication octet
// counts.
func (c *OAMLoopback) Decode(payload []byte) error {
	if err := readOAM(payload, OAMLB); err != nil {
		return err
	}
	*c = OAMLoopback{
		Request:  payload[lbIndication]&1 == 1,
		Tag:      binary.BigEndian.Uint32(payload[lbTag:]),
		Location: OAMID(payload[lbLocation:]),
		Source:   OAMID(payload[lbSource:]),
	}
	return nil
}

// OAMPoint is the place on a connection where a loopback cell arrives.
type OAMPoint uint8

// Points of a connection, seen from one flow.
const (
	OAMConnectingPoint OAMPoint = iota // the cell passes by
	OAMEndPoint                        // the flow ends here
)

// LoopsAt tells whether the cell must be looped at a point with the given own
// identifier (I.610, annex C). A cell whose indication is clear has been
// looped already. own full of 6A means that the point has no identifier.
//
// A cell that came to a connecting point by a location of zeros is looped and
// also passed on; one that came by the point's own identifier is looped only.
func (c *OAMLoopback) LoopsAt(own OAMID, point OAMPoint, f OAMFlow) bool {
	if !c.Request || c.Location == FilledOAMID(OAMIDNone) {
		return false
	}
	if c.Location == own {
		return point == OAMEndPoint || f.Segment()
	}
	switch c.Location {
	case FilledOAMID(OAMIDEnd):
		return point == OAMEndPoint
	case FilledOAMID(OAMIDAll):
		return f.Segment()
	}
	return false
}

// LoopOAM turns a loopback cell round in place: the indication is cleared,
// tag and identifiers are kept, the CRC-10 is made anew. An error leaves the
// payload as it was; ErrOAMKind is returned for a cell that is no loopback
// request.
func LoopOAM(payload []byte) error {
	if err := readOAM(payload, OAMLB); err != nil {
		return err
	}
	if payload[lbIndication]&1 == 0 {
		return ErrOAMKind
	}
	payload[lbIndication] &^= 1
	PutCRC10((*[PayloadSize]byte)(payload), payload[PayloadSize-2]>>2)
	return nil
}

// String prints the cell on one line.
func (c *OAMLoopback) String() string {
	dir := "Reply"
	if c.Request {
		dir = "Request"
	}
	return fmt.Sprintf("%v, %s, Correlation-Tag 0x%08x, Loopback-ID %v, Source-ID %v",
		OAMLB, dir, c.Tag, c.Location, c.Source)
}

// nameLoop has an answer to a request for all points say which one it is of.
func nameLoop(payload []byte, id OAMID) {
	copy(payload[lbLocation:], id[:])
	PutCRC10((*[PayloadSize]byte)(payload), 0)
}
