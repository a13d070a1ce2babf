package control

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"os"
	"strconv"
)

// HeaderSize is the number of octets before a message's body.
const HeaderSize = 64

// MaxDatagram is the number of octets of the longest datagram: a message and its
// trailer.
const MaxDatagram = Size + MaxTrailer

// DefaultPath is where the hub listens unless it is told otherwise.
const DefaultPath = "/run/cellhub/control"

// Path is where to find the hub: what CELLHUB_CONTROL in the environment says, or
// DefaultPath.
func Path() string { return cmp.Or(os.Getenv("CELLHUB_CONTROL"), DefaultPath) }

// FirstModuleCommand is the first MMI command that is the module's own.
const FirstModuleCommand = 128

// Class says what kind of message it is, and which body it has.
type Class uint8

// Type says which message of its class it is.
type Type uint16

// ConnID names a connection: its generation in the high 32 bits, its index in the low
// ones. 0 is none.
type ConnID uint64

// MakeConnID joins the two halves.
func MakeConnID(generation, index uint32) ConnID {
	return ConnID(generation)<<32 | ConnID(index)
}

// Generation counts how often the index was given.
func (id ConnID) Generation() uint32 { return uint32(id >> 32) }

// Index is the connection's place in its owner's table.
func (id ConnID) Index() uint32 { return uint32(id) }

// String gives "index.generation".
func (id ConnID) String() string {
	b := strconv.AppendUint(nil, uint64(id.Index()), 10)
	return string(strconv.AppendUint(append(b, '.'), uint64(id.Generation()), 10))
}

// Name is text of up to 32 octets, zero after its end.
type Name [32]byte

// MakeName gives the name. ErrName: s is longer than 32 octets or has a zero octet.
func MakeName(s string) (n Name, err error) {
	if len(s) > len(n) || bytes.IndexByte([]byte(s), 0) >= 0 {
		return n, ErrName
	}
	copy(n[:], s)
	return n, nil
}

// String gives the text.
func (n Name) String() string {
	if i := bytes.IndexByte(n[:], 0); i >= 0 {
		return string(n[:i])
	}
	return string(n[:])
}

// Message is one control message without its trailer. It is a value without pointers
// and may be copied and compared. The Set methods give it a class and a body, and the
// methods named after the classes give the body back.
type Message struct {
	Header
	body [Size - HeaderSize]byte
}

// Encode writes the message. It writes what is there: Conn and [CheckMessage] refuse
// what no receiver would take.
func (m *Message) Encode(dst *[Size]byte) {
	m.Header.encode((*[HeaderSize]byte)(dst[:]))
	copy(dst[HeaderSize:], m.body[:])
}

// Decode reads and checks a message. The error is one of this package's faults. Unless
// it is ErrMagic or ErrVersion the header has been read as it stands, for an answer to
// the sender, and the body is zero.
func (m *Message) Decode(src *[Size]byte) error {
	*m = Message{}
	if binary.BigEndian.Uint32(src[:]) != Magic {
		return ErrMagic
	}
	if src[4] != Version {
		return ErrVersion
	}
	m.Header.decode((*[HeaderSize]byte)(src[:]))
	if err := CheckMessage(src); err != nil {
		return err
	}
	copy(m.body[:], src[HeaderSize:])
	return nil
}

// DecodeDatagram reads and checks a message and the trailer behind it, which aliases b.
// The error is one of this package's faults, and m is as Decode leaves it.
func (m *Message) DecodeDatagram(b []byte) (trailer []byte, err error) {
	if len(b) < Size {
		*m = Message{}
		return nil, ErrSize
	}
	if err := m.Decode((*[Size]byte)(b)); err != nil {
		return nil, err
	}
	trailer = b[Size:]
	if uint64(len(trailer)) != uint64(m.Len) {
		return nil, ErrLength
	}
	if classTable[m.Class].tlvs {
		if err := CheckTLVs(trailer); err != nil {
			return nil, err
		}
	}
	return trailer, nil
}

// CheckMessage tells what is wrong with the 128 octets of a message: one fault, or nil.
func CheckMessage(b *[Size]byte) error {
	switch {
	case binary.BigEndian.Uint32(b[:]) != Magic:
		return ErrMagic
	case b[4] != Version:
		return ErrVersion
	case Class(b[5]) >= numClasses:
		return ErrClass
	}
	class := Class(b[5])
	if t := binary.BigEndian.Uint16(b[6:]); t == 0 || int(t) >= len(classTable[class].types) {
		return ErrType
	}
	n := binary.BigEndian.Uint32(b[56:])
	if n > MaxTrailer {
		return ErrTrailerLong
	}
	f := Flags(binary.BigEndian.Uint16(b[8:]))
	if (f&FlagTrailer != 0) != (n > 0) {
		return ErrLength
	}
	if f&FlagSync != 0 && f&FlagNoReply != 0 {
		return ErrFlags
	}
	if err := checkHeader((*[HeaderSize]byte)(b[:])); err != nil {
		return err
	}
	return checkBody(class, (*[Size - HeaderSize]byte)(b[HeaderSize:]))
}

// isZero tells whether b is zeros.
func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// isText tells whether nothing but zeros follows the first zero.
func isText(b []byte) bool {
	i := bytes.IndexByte(b, 0)
	return i < 0 || isZero(b[i:])
}

// isFilled tells whether all is zero behind the first n octets, or all of it when n are
// more than it can hold.
func isFilled(b []byte, n uint64) bool {
	if n > uint64(len(b)) {
		n = 0
	}
	return isZero(b[n:])
}
