// Package q2931 is the signalling of switched ATM calls as a machine without
// I/O: ITU-T Q.2931 and Q.2971, and the ATM Forum's UNI 3.0, UNI 3.1 and UNI
// Signalling 4.0, at the user and at the network side of an interface.
//
//	  call control:  who may call whom, VPCI and VCI, traffic
//	        │ Event                            ▲ Event
//	        │ Setup.request, Release.response  │ Setup.indication, Release.confirm …
//	   Step ▼                                  │ Ready
//	┌──────────────────────────────────────────┴────────────┐
//	│ Machine     calls by reference, parties, leaves       │ ◄── Tick, when Deadline is due
//	│   receive → check → states[side][state][signal]       │
//	│             5.6.6…    one handler a cell              │
//	└──────┬───────────────────────────────────────▲────────┘
//	       │ Ready                                 │ Step
//	       ▼ AAL-DATA-request: octets              │ AAL-DATA-indication, AAL-RELEASE-indication
//	  SAAL:  SSCF and SSCOP, in order, nothing lost while the link is up
//
// # Driving it
//
// A machine is one side of one interface. All of its life is in three methods:
//
//	err := m.Step(now, &event)   // something happened
//	m.Tick(now)                  // time has passed
//	for _, e := range m.Ready()  // what has to be done about it, in order
//
// After each Step and Tick do what Ready returns. Time is a parameter, the
// duration since any fixed moment; it may not go back. Deadline says when Tick
// is due next, so that one timer of the caller serves all timers of all calls.
// Nothing blocks, and nothing runs by itself. The same events at the same times
// give the same actions.
//
// # Calls
//
// A call begins with SetupRequest (Step fills in Call) or SetupIndication, and
// ends with ReleaseConfirm, always: only then is its VC free. Between them, in
// the order of time:
//
//	calling user                 network                            called user
//	SetupRequest    ── SETUP ──▶ SetupIndication
//	                             SetupRequest      ── SETUP ──▶     SetupIndication
//	ProceedingInd.  ◀── CALL P.  ProceedingRequest
//	                             SetupConfirm      ◀── CONNECT ──   SetupResponse
//	                             SetupCompleteReq. ── CONN. ACK ──▶ SetupCompleteInd.
//	SetupConfirm    ◀── CONNECT  SetupResponse
//	ReleaseRequest  ── REL. ──▶  ReleaseIndication
//	ReleaseConfirm  ◀── REL. C.  ReleaseResponse, ReleaseConfirm
//
// The network chooses VPCI and VCI: in its SETUP, or in its first response to
// one. A refusal is ReleaseRequest before any response.
//
// When a ReleaseIndication comes, from the peer or because a timer of the
// machine has run out, answer by ReleaseResponse once the VC has been given up.
//
// A call to many is a SETUP whose bearer capability says so. Its parties are
// numbered by the machine: the first is 0, AddPartyRequest fills in Party. The
// call is cleared with its last party.
//
// When the link fails, calls that are not active are cleared, and active ones
// held for T309; when it is back they are checked by STATUS ENQUIRY, parties
// too. Restore lets a new process take over calls in the same way.
//
// # Messages alone
//
// Decode, Message.Append, Message.String and Message.Text work without a
// machine. Which elements a message has, in which version and direction, is in
// one table (table.go); Type.Rows shows it.
//
// # Clauses
//
// Comments cite Q.2931, and Q.2971 or UNI 4.0 by name. The clauses of UNI 3.0
// and 3.1 for the same procedures are 5.5.x for Q.2931's 5.x, and 5.6 for
// Q.2971's 9.
//
// # Limits
//
// Config.MaxCalls and MaxParties, MaxPending messages that wait for the link,
// MaxLeaves, MaxEnquiries. A call costs one struct of some 250 octets and no
// goroutine; its timers are in a heap. PROGRESS, SETUP ACKNOWLEDGE and
// INFORMATION (interworking with the narrowband ISDN) are decoded and printed,
// and unknown to the machine, as at every UNI. Traffic modification (Q.2963)
// and generic functional protocol (Q.2932) are not here.
//
// Tests are listed clause by clause in CONFORMANCE.md.
package q2931
