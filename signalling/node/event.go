package node

import (
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/address"
	"github.com/cellhub/cellhub/signalling/ie"
)

// EventKind says what an Event is.
type EventKind uint8

// Events. Those of an application are the control protocol's SOCK messages of the same
// names, as the hub passes them on; Conn is theirs.
const (
	Bind    EventKind = iota // the local address is Calling
	Listen                   // for calls to Called, or to any address when it is zero
	Connect                  // a call to Called
	Alert                    // the application holds the offered call: its user is being told
	Accept                   // the offered call is taken
	Reject                   // or refused, for Cause
	Close                    // the application lets go, of whatever it is
	// AddParty and DropParty are the wishes of the application at the root of a call to many,
	// about the leaf that it numbers Leaf: to add Called, or to let it go. Leaf 0 is that of
	// Connect. They are answered by Okay, Failed and Released that are OfLeaf.
	AddParty
	DropParty
	// Reply is the hub's answer to the action that had this Token.
	Reply
	// Up and Down are the interface: Down clears what is not established.
	Up
	Down
)

var eventNames = [...]string{"Bind", "Listen", "Connect", "Alert", "Accept", "Reject", "Close", "AddParty", "DropParty", "Reply", "Up", "Down"}

func (k EventKind) String() string {
	if int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown"
}

// DefaultMaxSDU is that of Classical IP (RFC 2225), in octets.
const DefaultMaxSDU = 9180

// Event is something that has happened, other than a PDU. Fields that its Kind does not
// name are zero.
type Event struct {
	Kind            EventKind
	Conn            control.ConnID // Reply to Incoming: the new connection's
	Port            uint16         // Up, Down: the interface's; Connect: the one to use, 0 any
	Token           uint32         // Reply
	Status          int32          // Reply: 0, or a negated errno
	Leaf            uint32         // AddParty, DropParty
	Called, Calling address.Address
	Cause           uint8        // Reject, Close: of Q.2931; 0 the ordinary one
	Contract        Contract     // Connect, when Elements have no traffic descriptor
	MaxSDU          uint16       // Connect: octets, when Elements have no AAL parameters; 0: DefaultMaxSDU
	Elements        []ie.Element // what the application wants in its message
}

// ActionKind says what an Action is.
type ActionKind uint8

// Actions.
const (
	// Send hands Data to AAL5 of VC 0/5 of Port. SaveSequence says to store SQ for Port
	// before what follows is done: a program that starts again gives it to AddInterface.
	Send ActionKind = iota
	SaveSequence
	// Add gives VC to Conn, Cross joins VC and Other; Contract goes from the calling to
	// the called end. They are answered by Reply. Delete takes away what one of them gave;
	// nobody waits for its answer. Join has the cells of VC, which a Cross with OneWay has
	// made a root, copied to Other as well, as leaf Leaf (Cross made leaf 0); it is answered
	// by Reply. Prune takes a leaf away.
	Add
	Cross
	Delete
	Join
	Prune
	// Claim asks for what the hub has held, as Add or Cross have given it, and is answered by
	// Reply. Note has the hub keep Cookie with VC, in place of what it has.
	Claim
	Note
	// Okay, Failed, Incoming, Closed, Released and Alerting are the SOCK messages for
	// Conn, or, with OfLeaf, for its leaf Leaf: then a Token wants an answer by Reply. Incoming, for a listener, is answered by Reply
	// with the new connection.
	Okay
	Failed
	Incoming
	Closed
	Released
	Alerting
	// SendManagement hands Data to AAL5 of VC 0/16 of Port. Addressed says that ILMI has
	// brought the interface the address Called, and Unaddressed that it has gone.
	SendManagement
	Addressed
	Unaddressed
)

var actionNames = [...]string{"Send", "SaveSequence", "Add", "Cross", "Delete", "Join", "Prune", "Claim", "Note", "Okay", "Failed", "Incoming", "Closed", "Released", "Alerting", "SendManagement", "Addressed", "Unaddressed"}

func (k ActionKind) String() string {
	if int(k) < len(actionNames) {
		return actionNames[k]
	}
	return "unknown"
}

// VC is a virtual channel of an interface.
type VC struct {
	Port, VPI, VCI uint16
}

// Action is something that has to be done. Fields that its Kind does not name are zero.
type Action struct {
	Kind            ActionKind
	Port            uint16 // Send, SendManagement, SaveSequence, Addressed, Unaddressed
	SQ              uint8
	Data            []byte // Send; the node's, until the next call of Actions
	Token           uint32 // of what is answered by Reply; Delete: of what it takes away
	Conn            control.ConnID
	VC, Other       VC
	OneWay          bool   // Cross: from VC to Other alone
	OfLeaf          bool   // Okay, Failed, Closed, Released
	Leaf            uint32 // Join, Prune, and what is OfLeaf
	Cookie          []byte // Add, Cross, Claim, Note: for whoever takes the call over; at most MaxCookie octets
	Contract        Contract
	Called, Calling address.Address // Incoming; Addressed, Unaddressed
	Cause           uint8           // Failed, Closed
	Elements        []ie.Element    // of the message that led to it
}
