// Package meta is meta-signalling, by which users that share an ATM interface
// get signalling channels of their own: ITU-T Q.2120 (02/95), user side and
// network side.
//
// A [User] is one user's end for one pair of channels (A, its own, and B, on
// which it hears broadcasts), a [Network] the network's end for one interface.
// They do no I/O, start no goroutine and read no clock: cells, requests and
// the time go in, a list of actions comes out.
//
//	   Request Release                                  Check Remove
//	        │                                                │
//	   ┌────▼────┐   ASSIGN REQUEST, CHECK RESPONSE     ┌────▼────┐
//	   │  User   │ ───────────────────────────────────▶ │ Network │
//	   │ User …  │   ASSIGNED, DENIED, CHECK REQUEST    │         │
//	   └────┬────┘ ◀─────────────────────────────────── └────┬────┘
//	        ▼           REMOVED: both ways                   ▼
//	Actions: Ready Gone        VCI 1          Actions: Allocated Freed
//
// A message is exactly one cell's payload, 48 octets with a CRC-32, on VCI 1
// of the interface's VPI 0. It may be lost, and nothing but the procedures
// mends that: requests are repeated, REMOVED is said several times, and checks
// find what is assigned to nobody, to two, or by an earlier life of the network.
//
// Drive a machine as any in signalling: after every input take Actions, do
// them in their order, and ask Timeout when HandleTimeout is due. Time is what
// has passed since any moment the caller chose.
//
// # How far this is Q.2120
//
// Its text was not at hand, only its table of contents: the six messages, the
// eleven parameters, the procedures and the clause numbers cited here are from
// there. That a message is one cell, and its CRC-32, reference identifier and
// SPID, are from memory. All else is ours, and must be compared with the text
// before this package meets another's implementation:
//
//   - where parameters stand and how long they are, and the values of
//     discriminator, version, message types, configurations and causes: all of
//     it in the tables of table.go and the constants of message.go;
//   - the CRC's generator and preset, which are taken from AAL5;
//   - what timers T01 to T05 are for, and their values, in the manner of
//     Q.921's management of terminal endpoint identifiers;
//   - that parameters are of fixed place, and zero where a message lacks them.
//
// A message REMOVE REQUEST, which some descriptions have, is not in the table
// of contents: REMOVED is sent by either side. Annex C (dynamic control of the
// signalling configuration) is not there.
package meta
