package atmarp

import (
	"net/netip"
	"time"

	"github.com/cellhub/cellhub/signalling/address"
)

// Link is a VC, by the number that its user has given it; 0 is none.
type Link uint32

// Kind is what the user is to do.
type Kind uint8

// The actions.
const (
	Call    Kind = iota + 1 // to ATM: Opened or Failed tells what has come of it
	Release                 // Link, which is closed for the host with that
	Send                    // Packet on Link
	Ready                   // what is for IP goes by Link, from now on
	Lost                    // what is for IP has no VC any more: the next packet is a Need
	Refused                 // IP cannot be reached: packets that wait are dropped
)

// Action is what the user is to do.
type Action struct {
	Kind   Kind
	Link   Link
	IP     netip.Addr
	ATM    address.Address
	Packet Packet
}

// Counters count since the host was made.
type Counters struct {
	In, Out    uint64 // packets, both ways
	Malformed  uint64 // SDUs that Parse refused
	Unexpected uint64 // packets that a host of this kind does not get, or on a VC that there is not
	Foreign    uint64 // packets whose source is not the one that the VC goes to
	Duplicates uint64 // IP addresses that another host has already
	Full       uint64 // what a limit refused
}

// Entry is what the host knows of an IP address.
type Entry struct {
	IP     netip.Addr
	ATM    address.Address // zero: not known
	Link   Link            // 0: none
	State  string          // asking, refused, known, calling, open or checking
	Static bool
	Age    time.Duration // since it was learnt
}

// Status is what the host is itself.
type Status struct {
	IP         netip.Prefix
	ATM        address.Address
	Server     bool            // it is the server
	ServerATM  address.Address // otherwise the one in use
	ServerLink Link
	Registered bool
	Duplicate  bool // the server knows another host by this IP address
	Counters   Counters
}
