// Package daemon is the signalling daemon: package node at the hub's control socket, in
// the role of MANAGER.
//
//	control socket                        this package                 package node
//	SIG RX  VC 0/5, 0/16     ──▶  ┐                            ┌─▶ Receive, ReceiveManagement
//	SOCK up: CONNECT …       ──▶  ├─▶ one goroutine, a lock,   ├─▶ Step
//	replies                  ──▶  ┘   all that has come a turn └─▶ Tick, by one timer
//	SIG TX, ATM ADD, XCONNECT,               │
//	DEL, SOCK down           ◀───────────────┘ Actions, in their order
//
// All that a call needs goes over the one socket, and the hub does what it is asked for
// in the order in which it was asked: so a VC is taken away before the message leaves
// that frees its number, and works before the one that says so.
//
// A daemon that is to take calls over asks the hub by RESYNC what it holds (takeover.go), has the
// node rebuild them, claims them, and says DONE, after which the hub lets go of the rest.
//
// What must outlive the process is in a Store: the sequence numbers of SSCOP, without
// which a peer takes a new connection for an old one, and what was provisioned.
package daemon
