package aal

import "fmt"

// OAMMessage is the message identifier of an activation cell (I.610, 10.4).
type OAMMessage uint8

// The messages of I.610. Others decode and print as numbers.
const (
	OAMActivate          OAMMessage = 0b000001
	OAMActivateConfirm   OAMMessage = 0b000010
	OAMActivateDenied    OAMMessage = 0b000011
	OAMDeactivate        OAMMessage = 0b000101
	OAMDeactivateConfirm OAMMessage = 0b000110
	OAMDeactivateDenied  OAMMessage = 0b000111
)

// String gives the message in words.
func (m OAMMessage) String() string {
	switch m {
	case OAMActivate:
		return "Activate"
	case OAMActivateConfirm:
		return "Activation Confirmed"
	case OAMActivateDenied:
		return "Activation Request Denied"
	case OAMDeactivate:
		return "Deactivate"
	case OAMDeactivateConfirm:
		return "Deactivation Confirmed"
	case OAMDeactivateDenied:
		return "Deactivation Request Denied"
	}
	return fmt.Sprintf("message %d", uint8(m))
}

// OAMDirection tells which way a function is to run. A is the end that asks
// for activation or deactivation, B the other.
type OAMDirection uint8

// Directions of action. OAMNoDirection is for messages that need none.
const (
	OAMNoDirection OAMDirection = iota
	OAMBToA
	OAMAToB
	OAMBothWays
)

// String gives the direction in letters.
func (d OAMDirection) String() string {
	return [...]string{"none", "B-A", "A-B", "two-way"}[d&3]
}

// Block sizes in cells, as bits of OAMActivation's BlockAB and BlockBA. In an
// Activate message any number of them offers a choice, in its confirmation
// one is set; elsewhere all are 0.
const (
	OAMBlock128  = 1 << iota // 128 cells
	OAMBlock256              // 256
	OAMBlock512              // 512
	OAMBlock1024             // 1,024
)

// OAMActivation is an activation or deactivation cell (I.610, 10.4).
type OAMActivation struct {
	Kind      OAMKind // OAMActPM, OAMActCC or OAMActFPM
	Message   OAMMessage
	Direction OAMDirection
	Tag       uint8 // correlation tag: joins an answer to its request
	BlockAB   uint8 // block sizes A to B, see OAMBlock128; four bits
	BlockBA   uint8 // block sizes B to A
}

// Encode writes the 48 octets of payload. ErrOAMKind is returned for a
// kind of another type. Fields larger than their bits are cut.
func (c *OAMActivation) Encode(payload []byte) error {
	if c.Kind.Type() != OAMTypeActivation {
		return ErrOAMKind
	}
	p, err := startOAM(payload, c.Kind)
	if err != nil {
		return err
	}
	p[1] = uint8(c.Message)<<2 | uint8(c.Direction&3)
	p[2] = c.Tag
	p[3] = c.BlockAB<<4 | c.BlockBA&0xF
	PutCRC10(p, 0)
	return nil
}

// Decode reads an activation cell of any function.
func (c *OAMActivation) Decode(payload []byte) error {
	kind, err := ReadOAM(payload)
	if err != nil {
		return err
	}
	if kind.Type() != OAMTypeActivation {
		return ErrOAMKind
	}
	*c = OAMActivation{
		Kind:      kind,
		Message:   OAMMessage(payload[1] >> 2),
		Direction: OAMDirection(payload[1] & 3),
		Tag:       payload[2],
		BlockAB:   payload[3] >> 4,
		BlockBA:   payload[3] & 0xF,
	}
	return nil
}

// Answer gives the cell that answers the request c with the message m: same
// function and tag; only a request has a direction. The block sizes are those
// that the answerer has chosen.
func (c *OAMActivation) Answer(m OAMMessage, blockAB, blockBA uint8) OAMActivation {
	return OAMActivation{Kind: c.Kind, Message: m, Tag: c.Tag, BlockAB: blockAB, BlockBA: blockBA}
}

// String prints the cell on one line.
func (c *OAMActivation) String() string {
	return fmt.Sprintf("%v, %v, direction %v, Correlation-Tag 0x%02x, PM-block-size A-B %s B-A %s",
		c.Kind, c.Message, c.Direction, c.Tag, oamBlocks(c.BlockAB), oamBlocks(c.BlockBA))
}

// oamBlocks prints a choice of block sizes: "128|1024".
func oamBlocks(bits uint8) string {
	s := ""
	for i := range 4 {
		if bits>>i&1 == 0 {
			continue
		}
		if s != "" {
			s += "|"
		}
		s += fmt.Sprint(128 << i)
	}
	if s == "" {
		return "none"
	}
	return s
}
