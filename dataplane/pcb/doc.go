// Package pcb is the protocol control blocks of connections: one pure machine for every
// connection that an application has asked for or been offered, between the application
// (the user), the hub that holds the block, and the port's manager, which signals.
//
//	user                     PCB                      manager
//	CONNECT ───────────────▶ connecting ────────────▶ CONNECT
//	                                   ◀───────────── ATM ADD   (maps written: BindVC)
//	OKAY ◀────────────────── connected ◀───────────── OKAY
//	CLOSE ─────────────────▶ closing ───────────────▶ CLOSE
//	                                   ◀───────────── ATM DEL   (maps cleared: UnbindVC)
//	RELEASED ◀────────────── dead ◀────────────────── RELEASED  (generation and 1)
//
// What happens in every state on every event is the one table of transitions.go. The
// machine does no I/O and knows no clock: [Table.Step] gives the actions that the hub has
// to carry out in their order, and time is a parameter.
//
// A [Table] holds the blocks and their ids, which are opaque to others: an index, and how
// often it was given. Old ids are ESTALE, invented ones ENOTCONN.
package pcb
