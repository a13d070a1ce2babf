// Package atmarp is address resolution for Classical IP over ATM (RFC 2225), as pure machines:
// the packets of ATMARP and InATMARP, and a [Host] of a logical IP subnet, which may be the
// subnet's ATMARP server.
//
// # The host
//
//	a packet waits        Need     ──▶ ┌──────┐ ──▶ Call, Release    VCs to ATM addresses
//	a VC has come, gone   Opened,  ──▶ │ Host │ ──▶ Send             an ATMARP packet on a VC
//	                      Closed,      │      │ ──▶ Ready, Lost      packets for an IP address
//	                      Failed   ──▶ │      │                      may, may not go by a VC
//	an ATMARP packet      Receive  ──▶ │      │ ──▶ Refused          packets that wait are lost
//	time                  Tick     ──▶ └──────┘
//
// It calls its server, registers there by asking for its own address, and asks it for others.
// At the far end of a VC that it was called on, and of a permanent one, it learns the IP address
// by InATMARP, and answers such questions. What it has learnt it asks for again after 15
// minutes; a VC that carries nothing for a while is released.
//
// A server learns from each question who asks, and answers from what it has learnt; after 20
// minutes it asks the client, by InATMARP, whether it is still there. Two clients with one IP
// address are not mixed up: who has it and a VC open keeps it, and the other is told so.
//
// The machine does no I/O and has no clock: time is a parameter, of any beginning. Its user
// gives each VC a number, a [Link], and does what [Host.Actions] says.
package atmarp
