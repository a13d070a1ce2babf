// Package dlpi is two service interfaces of a device with frames, as machines without I/O: the
// Data Link Provider Interface (DLPI, version 2.0.0: style 2, connectionless) over IEEE 802.2
// type 1 and Ethernet, and the Communications Device Interface (CDI), which has the bare line.
//
//	user ── primitives ──▶ Machine ── frames ──▶ device
//	     ◀── acks, inds ──         ◀── frames ──
//
// A primitive is a Prim, read by Decode and written by Append as octets: its words, big-endian
// and 32 bits each, its addresses, then the user's data, which STREAMS would carry in M_DATA
// blocks of their own. Data begins where the block ends: behind the words or the last address.
package dlpi
