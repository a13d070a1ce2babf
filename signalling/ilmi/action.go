package ilmi

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/address"
)

// State is where the machine is, by the names of af-ilmi-0065, 8. S3 and S4,
// and each of the pairs S5, S7 and S6, S8, are one here: which of a pair it is
// follows from the side.
type State uint8

// The states.
const (
	Stopped      State = iota // S1
	LinkFailing               // S2: asks the peer who it is, until it answers
	Establishing              // S3, S4: asks for its configuration
	Retrieving                // S5 (network), S7 (user): looks what is registered with the peer
	Registering               // S6 (network), S8 (user): registers and withdraws
	Verifying                 // S9: sees that the peer lives
	numStates
)

var stateNames = [numStates]string{"Stopped", "LinkFailing", "Establishing", "Retrieving", "Registering", "Verifying"}

// String gives the state's name.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// ActionKind says what is to be done.
type ActionKind uint8

// The actions, and which fields of Action go with them.
const (
	// Send: transmit PDU, as one AAL5 SDU on VCC 0/16.
	Send ActionKind = iota
	// Up: the peer answers, and Peer says who it is.
	Up
	// Down: the peer no longer answers, or Stop was called. What it had
	// registered is gone, which Removed said before, and what we had
	// registered with it is as well.
	Down
	// PeerRestarted: the peer has started anew, or is another one. All
	// switched connections to it are gone. Up follows when it has answered.
	PeerRestarted
	// Registered: the peer has taken Prefix (network side) or Address (user
	// side) from us. Down and PeerRestarted end it without more words.
	Registered
	// Withdrawn: the peer no longer has it, as it should be.
	Withdrawn
	// Refused: the peer does not take it, or no longer: Status says why. It is
	// offered again after each look at the rows; this action does not come
	// again before Registered.
	Refused
	// Added: the peer has given us Prefix (user side), or has registered
	// Address with Scope (network side).
	Added
	// Removed: it is gone.
	Removed
	// Found: the peer's registry has these Services for Service; may be none.
	Found
)

var actionNames = [...]string{"Send", "Up", "Down", "PeerRestarted", "Registered", "Withdrawn", "Refused", "Added", "Removed", "Found"}

// String gives the action's name.
func (k ActionKind) String() string {
	if int(k) < len(actionNames) {
		return actionNames[k]
	}
	return fmt.Sprintf("action %d", uint8(k))
}

// Action is something the caller has to do, or to know. What it points to is
// the caller's.
type Action struct {
	Kind     ActionKind
	PDU      []byte
	Peer     Peer
	Prefix   Prefix
	Address  address.Address
	Scope    Scope
	Status   Status
	Service  OID
	Services []Service
}

// Peer is what the peer says of itself. What it does not say is zero.
type Peer struct {
	Interface    Interface
	Layer        Layer
	Side         Side
	Registration bool // it does address registration, or does not say that it doesn't

	// UNI is the version to use: the lower of both ends' (af-ilmi-0065, 8), or
	// ours if the peer names none; UNIUnsupported if either end has none.
	UNI UNIVersion
}

// Counters count since New.
type Counters struct {
	Received   [numPDUTypes]uint64 // PDUs of the peer that could be read
	Sent       [numPDUTypes]uint64
	Repeated   uint64 // requests among Sent that were sent before
	Lost       uint64 // how often the peer stopped to answer
	Restarts   uint64 // of the peer, noticed
	Malformed  uint64 // dropped: ErrPDU
	TooLong    uint64 // dropped: ErrLength
	Version    uint64 // dropped: ErrVersion
	Community  uint64 // dropped: ErrCommunity
	Unexpected uint64 // dropped: answers to nothing that was asked
	Ignored    uint64 // dropped: traps but coldStart; anything while Stopped
	Choked     uint64 // dropped: nobody took the actions
}

func (m *Machine) emit(a Action) { m.actions = append(m.actions, a) }

// told makes the action for a row of one of the tables: a prefix if the table
// is of prefixes.
func told(kind ActionKind, prefixes bool, octets string) Action {
	if prefixes {
		return Action{Kind: kind, Prefix: Prefix{octets}}
	}
	a, _ := addressOf(octets)
	return Action{Kind: kind, Address: a}
}
