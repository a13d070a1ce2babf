// Package node is call control: the machine between the signalling of a host's or
// switch's interfaces, its applications, and the hub whose associations calls become.
//
//	       applications' sockets                       the hub's VCs
//	  Connect Accept Close … │ ▲ Okay Incoming Closed …   ▲ Add  Cross  Delete
//	                         ▼ │                          │ │ Reply
//	┌──────────────────────────────────────────────────────────▼──┐
//	│ Node    call = two legs: (interface or application) × 2      │ ◄── Tick, when Deadline is due
//	│   route: listeners, then interfaces by longest prefix        │
//	│   admit: the contract against what the interface has left    │
//	│   channels: VPI and VCI, given by the network side           │
//	├──────────────┬──────────────┬────────────────────────────────┤
//	│ Q.2931 SSCF  │ Q.2931 SSCF  │ …          one an interface    │
//	└──────▲───────┴──────▲───────┴────────────────────────────────┘
//	       │ Receive      │ Send: SSCOP PDUs on VC 0/5
//
// It does no I/O, starts no goroutine and reads no clock. What has happened goes in by
// Receive, Step and Tick; after each, Actions says what has to be done, in its order:
//
//	n.Receive(now, port, pdu)
//	n.Step(now, node.Event{Kind: node.Connect, Conn: 7, Called: address})
//	for _, a := range n.Actions() { … }
//
// # A call
//
// Whoever calls is the incoming leg; the node chooses where the call goes, and that is
// the outgoing leg. The legs answer each other by the same few words, whatever they are:
//
//	incoming leg                     node                          outgoing leg
//	SETUP or CONNECT          ──▶ route, admit ──▶                 SETUP or INCOMING
//	CALL PROCEEDING           ◀──
//	ALERTING                  ◀──────────────────────────────────  ALERTING
//	                               Add or Cross ◀──                CONNECT or ACCEPT
//	CONNECT or OKAY           ◀──  Reply: the hub has it  ──▶      CONNECT ACK. or OKAY
//	RELEASE, CLOSE            ──▶  Delete            ──▶           RELEASE, CLOSED
//
// The VC works before anybody is told that the call is there, and is asked away before
// anybody may give its number to another: requests to the hub are done in their order.
//
// A leg that refuses for a reason of the network's (no route, no resources) makes the
// node try the next route: the next shorter prefix's interfaces, in their order.
//
// # A call to many
//
// A SETUP whose bearer capability says so is the root of a tree (Q.2971): tree.go has its
// parties, branch.go its branches, one an interface. A party goes by ADD PARTY where a branch
// has gone before, by SETUP where none has, and then the hub copies to it as well:
//
//	root                              node                         leaves
//	ADD PARTY or ADDPARTY       ──▶  route ──▶ ADD PARTY, or SETUP
//	                                 Join ◀──                      CONNECT
//	ADD PARTY ACK., or OKAY     ◀──  Reply                  ◀──    ADD PARTY ACKNOWLEDGE
//	DROP PARTY or DROPPARTY     ──▶  DROP PARTY, or Prune and RELEASE when it is the branch's last
//
// With the last party the call ends. A hub gives a VC to one socket or to other ports: a node
// at which such a call ends takes no second party.
//
// # A node that takes over
//
// What the hub carries for a call it keeps with a note (cookie.go): call references, addresses,
// contract, parties. A node that is started in a dead one's place rebuilds the calls of those
// notes (Restore), claims what the hub has held, and lets Q.2931 check each with its peer as
// soon as the link is back: STATUS ENQUIRY, about parties too; what does not agree is cleared.
// No RESTART is sent.
//
// # What is whose
//
// An interface is a user or a network side, each as its peer is not (between two switches
// one of them is the network: IISP). The network side gives VPI and VCI. A node without
// routes is an end system; one with several interfaces and routes is a switch.
package node
