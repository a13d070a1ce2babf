package q2931

import (
	"errors"
	"fmt"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Version is a version of the UNI.
type Version uint8

// Versions of the UNI. UNI 4.0 is Q.2931 and Q.2971 with the ATM Forum's
// additions.
const (
	UNI30 Version = 1 << iota
	UNI31
	UNI40
)

func (v Version) String() string {
	switch v {
	case UNI30:
		return "UNI 3.0"
	case UNI31:
		return "UNI 3.1"
	case UNI40:
		return "UNI 4.0"
	}
	return fmt.Sprintf("version %d", uint8(v))
}

// Type is a message type (Q.2931, 4.4; Q.2971, 8.1; UNI 4.0, 6.1).
type Type uint8

// Message types.
const (
	Alerting         Type = 0x01
	CallProceeding   Type = 0x02
	Progress         Type = 0x03
	Setup            Type = 0x05
	Connect          Type = 0x07
	SetupAck         Type = 0x0b
	ConnectAck       Type = 0x0f
	Restart          Type = 0x46
	Release          Type = 0x4d
	RestartAck       Type = 0x4e
	ReleaseComplete  Type = 0x5a
	Notify           Type = 0x6e
	StatusEnquiry    Type = 0x75
	Information      Type = 0x7b
	Status           Type = 0x7d
	AddParty         Type = 0x80
	AddPartyAck      Type = 0x81
	AddPartyReject   Type = 0x82
	DropParty        Type = 0x83
	DropPartyAck     Type = 0x84
	PartyAlerting    Type = 0x85
	LeafSetupFailure Type = 0x90
	LeafSetupRequest Type = 0x91
)

func (t Type) String() string {
	if d := descriptions[t]; d != nil {
		return d.name
	}
	return fmt.Sprintf("message 0x%02x", uint8(t))
}

// Reference is a call reference: 23 bits, and the flag that says that the
// message goes to the side that chose them (Q.2931, 4.3).
type Reference struct {
	Value uint32
	// Flag is 1 in messages to the side that originated the call reference.
	Flag bool
}

// GlobalReference is the call reference of RESTART. DummyReference is that of
// leaf initiated join.
const (
	GlobalReference uint32 = 0
	MaxReference    uint32 = 1<<23 - 1
)

func (r Reference) String() string {
	if r.Flag {
		return fmt.Sprintf("%d/1", r.Value)
	}
	return fmt.Sprintf("%d/0", r.Value)
}

// MessageAction is the action indicator of a message type (Q.2931, 4.4.1).
type MessageAction uint8

// What a receiver that does not know the message does with it (5.7.1).
const (
	ActionClear   MessageAction = 0
	ActionDiscard MessageAction = 1
	ActionReport  MessageAction = 2
)

func (a MessageAction) String() string {
	switch a {
	case ActionClear:
		return "clear call"
	case ActionDiscard:
		return "discard"
	case ActionReport:
		return "discard and report"
	}
	return fmt.Sprintf("action %d", uint8(a))
}

// Message is one message.
type Message struct {
	Reference Reference
	Type      Type
	Flag      bool // Action is to be followed
	Pass      bool // the PNNI's pass-along request; not set at a UNI
	Action    MessageAction
	Elements  []ie.Element
	// Length is the message length as received; encoding computes its own.
	Length int
	// Short says that fewer octets than Length came (5.6.5).
	Short bool
}

// Discriminator is the protocol discriminator of Q.2931 (4.2).
const Discriminator = 9

// HeaderSize is the octets before the elements. MaxMessage is what SSCF
// carries at most (Q.2130).
const (
	HeaderSize = 9
	MaxMessage = 4096
)

const referenceSize = 3

// Faults that make a message no message: it is ignored (Q.2931, 5.6.1 to
// 5.6.3).
var (
	ErrDiscriminator = errors.New("q2931: protocol discriminator is not 9")
	ErrShort         = errors.New("q2931: message is too short")
	ErrReference     = errors.New("q2931: call reference has not three octets")
)

// Decode decodes a message. Elements share memory with b. Faults in elements
// are in the elements.
func Decode(b []byte) (Message, error) {
	var m Message
	switch {
	case len(b) < 1:
		return m, ErrShort
	case b[0] != Discriminator:
		return m, ErrDiscriminator
	case len(b) >= 2 && b[1] != referenceSize: // bits 8 to 5 must be 0
		return m, ErrReference
	case len(b) < HeaderSize:
		return m, ErrShort
	}
	m.Reference.Flag = b[2]&0x80 != 0
	m.Reference.Value = uint32(b[2]&0x7f)<<16 | uint32(b[3])<<8 | uint32(b[4])
	m.Type = Type(b[5])
	m.Flag = b[6]&0x10 != 0
	m.Pass = b[6]&0x08 != 0
	m.Action = MessageAction(b[6] & 3)
	m.Length = int(b[7])<<8 | int(b[8])
	b = b[HeaderSize:]
	if len(b) > m.Length {
		b = b[:m.Length] // 5.6.5: what is beyond the length is not looked at
	}
	m.Short = len(b) < m.Length
	m.Elements = ie.Decode(b)
	return m, nil
}

// ErrLong is a message that does not fit in an SSCF service data unit.
var ErrLong = errors.New("q2931: message is longer than 4096 octets")

// Append encodes a message behind to.
func (m *Message) Append(to []byte) ([]byte, error) {
	if m.Reference.Value > MaxReference {
		return to, fmt.Errorf("q2931: call reference %d does not fit in 23 bits", m.Reference.Value)
	}
	start := len(to)
	first, second := byte(m.Reference.Value>>16), byte(0x80)|byte(m.Action&3)
	if m.Reference.Flag {
		first |= 0x80
	}
	if m.Flag {
		second |= 0x10
	}
	if m.Pass {
		second |= 0x08
	}
	to = append(to, Discriminator, referenceSize, first, byte(m.Reference.Value>>8), byte(m.Reference.Value),
		byte(m.Type), second, 0, 0)
	to, err := ie.Append(to, m.Elements...)
	if err != nil {
		return to, fmt.Errorf("q2931: %v: %w", m.Type, err)
	}
	n := len(to) - start - HeaderSize
	if n+HeaderSize > MaxMessage {
		return to, ErrLong
	}
	to[start+7], to[start+8] = byte(n>>8), byte(n)
	return to, nil
}

// find is the first element of the kind in the message, or nil.
func find[T any](m *Message) *T { return ie.Find[T](m.Elements) }
