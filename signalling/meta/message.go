package meta

import (
	"errors"
	"fmt"
)

// Sizes, in octets.
const (
	CellPayload = 48 // of a message: always one whole cell
	MaxProfile  = 20 // of a service profile identifier
)

// What a message begins with (8.1, 8.2).
const (
	Discriminator = 0x01
	Version       = 0x01
)

// What is wrong with a message.
var (
	ErrLength        = fmt.Errorf("meta: not a cell payload of %d octets", CellPayload)
	ErrCRC           = errors.New("meta: CRC is wrong")
	ErrDiscriminator = errors.New("meta: not meta-signalling")
	ErrVersion       = errors.New("meta: not version 1")
	ErrType          = errors.New("meta: no such message")
	ErrParameter     = errors.New("meta: parameter is missing, or has no such value, or is none of this message")
)

// Type tells messages apart (8.3).
type Type uint8

// The messages (7.1 to 7.6).
const (
	AssignRequest Type = iota + 1
	Assigned
	Denied
	CheckRequest
	CheckResponse
	Removed
	numTypes
)

// String gives the message's name.
func (t Type) String() string {
	if t >= AssignRequest && t < numTypes {
		return messages[t].name
	}
	return fmt.Sprintf("message %d", uint8(t))
}

// Configuration says which channels a user wants (8.5).
type Configuration uint8

// The configurations.
const (
	PointToPoint Configuration = 1 // a channel of its own only
	General      Configuration = 2 // and the broadcast channel of all users
	Selective    Configuration = 3 // and the broadcast channel of its profile
)

// Cause says why (8.9).
type Cause uint8

// The causes.
const (
	Unspecified     Cause = 1
	NoChannel       Cause = 2 // none is free
	NoRate          Cause = 3 // the cell rate cannot be had
	UnknownProfile  Cause = 4
	NoConfiguration Cause = 5 // not this configuration
	NoResponse      Cause = 6 // to checks
	Duplicate       Cause = 7 // two users have the channel
	NotAssigned     Cause = 8 // nobody has it, by what the network knows
	ByUser          Cause = 9 // the user wants it no longer
	Restart         Cause = 10
	numCauses       Cause = 11
)

var causeNames = [numCauses]string{1: "unspecified", "no channel free", "cell rate not available", "profile unknown", "configuration not available",
	"no response", "assigned twice", "not assigned", "by the user", "restart"}

// String gives the cause in words.
func (c Cause) String() string {
	if c >= Unspecified && c < numCauses {
		return causeNames[c]
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// Profile is a service profile identifier (8.10): octets whose meaning user
// and network have agreed on. Empty is the default profile.
type Profile string

// Message is a meta-signalling message. A parameter that a message does not
// have is zero in it.
type Message struct {
	Type          Type
	Reference     uint16        // 8.4: joins an answer to its question; not 0 but in REMOVED
	Configuration Configuration // 8.5
	ChannelA      uint16        // 8.6: VCI of the user's own signalling channel; 0: all
	ChannelB      uint16        // 8.7: VCI of its broadcast channel; 0: none
	Rate          uint32        // 8.8: peak cell rate of channel A, cells a second, 24 bits
	Cause         Cause         // 8.9
	Profile       Profile       // 8.10
}
