package control

import (
	"encoding/hex"
	"fmt"
	"strconv"
)

// classRow is what the declaration says of a class.
type classRow struct {
	name  string
	tlvs  bool // the trailer is TLVs, not bare octets
	types []typeRow
}

// typeRow is what the declaration says of a type. Bit 0 of from is the hub, bit n the
// role with number n.
type typeRow struct {
	name        string
	from        uint8
	descriptors int // that a reply may bring, or the message itself where it is the hub's alone
}

func (c Class) row(t Type) *typeRow {
	if c >= numClasses || int(t) >= len(classTable[c].types) {
		return nil
	}
	return &classTable[c].types[t]
}

// String gives the name of the reference.
func (c Class) String() string {
	if c < numClasses {
		return classTable[c].name
	}
	return "class " + strconv.Itoa(int(c))
}

// TypeName names a message: "ATM ADD".
func TypeName(c Class, t Type) string {
	if row := c.row(t); row != nil && t > 0 {
		return c.String() + " " + row.name
	}
	return c.String() + " type " + strconv.Itoa(int(t))
}

// May tells whether a client of the role may begin an exchange with a message of the
// class and type. Whether the port, the stream or the VC is its own is for the hub to
// find out.
func (v Role) May(c Class, t Type) bool {
	row := c.row(t)
	return row != nil && v > 0 && row.from>>v&1 != 0
}

// Descriptors is how many file descriptors may come with the message.
func (h *Header) Descriptors() int {
	const hubAlone = 1
	row := h.Class.row(h.Type)
	if row == nil || h.Status < 0 || (row.from == hubAlone) == (h.Flags&FlagReply != 0) {
		return 0
	}
	return row.descriptors
}

// TLVTrailer tells whether a trailer of the class is TLVs. Those of SIG, MMI and PRIM
// are bare octets.
func (c Class) TLVTrailer() bool { return c < numClasses && classTable[c].tlvs }

// String gives the name of the reference; information elements as "IE 0x5A".
func (t TLVType) String() string {
	switch {
	case t < firstTLV:
		return fmt.Sprintf("IE 0x%02X", uint16(t))
	case int(t-firstTLV) < len(tlvTable):
		return tlvTable[t-firstTLV].name
	}
	return fmt.Sprintf("TLV 0x%04X", uint16(t))
}

// String gives the message on one line: its name, and the fields that are not zero by
// their names in the reference.
func (m *Message) String() string { return string(m.Append(nil)) }

// Append appends what String gives.
func (m *Message) Append(b []byte) []byte {
	b = append(b, TypeName(m.Class, m.Type)...)
	b = m.Header.append(b)
	return m.appendBody(b)
}

func appendNumber(b []byte, name string, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = append(append(append(b, ' '), name...), ' ')
	return strconv.AppendUint(b, v, 10)
}

func appendSigned(b []byte, name string, v int64) []byte {
	if v == 0 {
		return b
	}
	b = append(append(append(b, ' '), name...), ' ')
	return strconv.AppendInt(b, v, 10)
}

func appendHex(b []byte, name string, v uint64) []byte {
	if v == 0 {
		return b
	}
	b = append(append(append(b, ' '), name...), " 0x"...)
	return strconv.AppendUint(b, v, 16)
}

func appendOctets(b []byte, name string, v []byte) []byte {
	if isZero(v) {
		return b
	}
	b = append(append(append(b, ' '), name...), ' ')
	return hex.AppendEncode(b, v)
}

// appendName appends a value that has a name, unless it is zero.
func appendName[T interface {
	comparable
	fmt.Stringer
}](b []byte, name string, v T) []byte {
	var none T
	if v == none {
		return b
	}
	b = append(append(append(b, ' '), name...), ' ')
	if text, ok := any(v).(Name); ok {
		return strconv.AppendQuote(b, text.String())
	}
	return append(b, v.String()...)
}

// bitName names one bit of a set.
type bitName struct {
	bit  uint64
	name string
}

// bitNames joins the names of the bits in v.
func bitNames(v uint64, names []bitName) string {
	var b []byte
	for _, n := range names {
		if v&n.bit != 0 {
			b = append(append(b, n.name...), '|')
			v &^= n.bit
		}
	}
	if v != 0 || len(b) == 0 {
		return string(strconv.AppendUint(b, v, 10))
	}
	return string(b[:len(b)-1])
}
