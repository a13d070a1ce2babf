package meta

import (
	"encoding/binary"
	"fmt"
)

// parameter is what a message may have.
type parameter uint8

const (
	paramReference parameter = 1 << iota
	paramConfiguration
	paramChannelA
	paramChannelB
	paramRate
	paramCause
	paramProfile
)

// params says where each parameter stands in the payload, and how it is read,
// checked and written: codec and printing follow from it (9.2). Octet 1 is the
// discriminator, 2 the version, 3 the type; 36 to 44 are zeros, 45 to 48 the
// CRC.
var params = [...]struct {
	is       parameter
	name     string // as 8.4 to 8.10 have it
	at, size int    // octets from 0
	put      func(m *Message, to []byte)
	take     func(m *Message, from []byte)
	valid    func(m *Message) bool
	text     func(m *Message) string
}{
	{
		paramReference, "RI", 3, 2,
		func(m *Message, to []byte) { order.PutUint16(to, m.Reference) },
		func(m *Message, from []byte) { m.Reference = order.Uint16(from) },
		func(m *Message) bool { return m.Reference != 0 || m.Type == Removed },
		func(m *Message) string { return fmt.Sprint(m.Reference) },
	},
	{
		paramConfiguration, "SCON", 5, 1,
		func(m *Message, to []byte) { to[0] = byte(m.Configuration) },
		func(m *Message, from []byte) { m.Configuration = Configuration(from[0]) },
		func(m *Message) bool { return m.Configuration != 0 },
		func(m *Message) string { return fmt.Sprint(uint8(m.Configuration)) },
	},
	{
		paramChannelA, "SVCIA", 6, 2,
		func(m *Message, to []byte) { order.PutUint16(to, m.ChannelA) },
		func(m *Message, from []byte) { m.ChannelA = order.Uint16(from) },
		func(m *Message) bool { return m.ChannelA != 0 || m.Type == CheckRequest || m.Type == Removed },
		func(m *Message) string { return fmt.Sprint(m.ChannelA) },
	},
	{
		paramChannelB, "SVCIB", 8, 2,
		func(m *Message, to []byte) { order.PutUint16(to, m.ChannelB) },
		func(m *Message, from []byte) { m.ChannelB = order.Uint16(from) },
		func(*Message) bool { return true },
		func(m *Message) string { return fmt.Sprint(m.ChannelB) },
	},
	{
		paramRate, "PCR", 10, 3,
		func(m *Message, to []byte) { to[0], to[1], to[2] = byte(m.Rate>>16), byte(m.Rate>>8), byte(m.Rate) },
		func(m *Message, from []byte) { m.Rate = uint32(from[0])<<16 | uint32(from[1])<<8 | uint32(from[2]) },
		func(m *Message) bool { return m.Rate != 0 && m.Rate < 1<<24 },
		func(m *Message) string { return fmt.Sprint(m.Rate) },
	},
	{
		paramCause, "CAU", 13, 1,
		func(m *Message, to []byte) { to[0] = byte(m.Cause) },
		func(m *Message, from []byte) { m.Cause = Cause(from[0]) },
		func(m *Message) bool { return m.Cause != 0 },
		func(m *Message) string { return m.Cause.String() },
	},
	{
		paramProfile, "SPID", 14, 1 + MaxProfile, // its length, then the octets, then zeros
		func(m *Message, to []byte) { to[0] = byte(len(m.Profile)); copy(to[1:], m.Profile) },
		func(m *Message, from []byte) { m.Profile = Profile(from[1 : 1+min(int(from[0]), MaxProfile)]) },
		func(m *Message) bool { return len(m.Profile) <= MaxProfile },
		func(m *Message) string { return fmt.Sprintf("%q", string(m.Profile)) },
	},
}

// side is who may send a message.
type side uint8

const (
	fromUser side = 1 << iota
	fromNetwork
)

// messages says which parameters each message has, and who sends it (7).
var messages = [numTypes]struct {
	name string
	from side
	has  parameter
}{
	AssignRequest: {"ASSIGN REQUEST", fromUser, paramReference | paramConfiguration | paramRate | paramProfile},
	Assigned:      {"ASSIGNED", fromNetwork, paramReference | paramChannelA | paramChannelB | paramRate | paramProfile},
	Denied:        {"DENIED", fromNetwork, paramReference | paramCause | paramProfile},
	CheckRequest:  {"CHECK REQUEST", fromNetwork, paramReference | paramChannelA},
	CheckResponse: {"CHECK RESPONSE", fromUser, paramReference | paramChannelA | paramChannelB | paramProfile},
	Removed:       {"REMOVED", fromUser | fromNetwork, paramReference | paramChannelA | paramCause},
}

var order = binary.BigEndian
