// Package sscf is the signalling AAL at the user-network interface: SSCF for
// the UNI (ITU-T Q.2130) on top of SSCOP, which package sscop is. What
// Q.2931 speaks to is this.
//
//	     AAL-ESTABLISH, AAL-RELEASE, AAL-DATA, AAL-UNITDATA     Q.2931
//	              Establish  Release  Data │ ▲ Actions
//	                                       ▼ │
//	HandleTimeout(now) ─▶ ┌──────────────────────┐ ─▶ Timeout()
//	                      │ Machine              │
//	                      │   SSCF  state × signal (table.go)
//	                      │    │ ▲  AA-ESTABLISH, AA-RECOVER, ...
//	                      │    ▼ │               │
//	                      │   SSCOP              │
//	                      └──────────────────────┘
//	                         Receive(pdu)  │ ▲ Actions: Send
//	                     a CPCS-SDU of AAL5, VC 0/5
//
// It is driven as sscop.Machine is: see there for how time passes, who owns
// what memory (in steady state nothing is allocated here either), and why N(SQ)
// must survive a restart.
//
// SSCF answers for its user what SSCOP asks: an incoming connection is
// accepted, a recovery and a resynchronization are confirmed. To the user each
// is AAL-ESTABLISH.indication. One that comes while the connection is
// established therefore means that messages may have been lost (Q.2931: "AAL
// connection reset"); the user's own AAL-ESTABLISH.request does the same to
// the peer. Messages that were not acknowledged are always forgotten.
package sscf

//go:generate go test -run TestConformancePage . -rewrite
