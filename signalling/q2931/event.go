package q2931

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Kind says what an Event is. The names are the primitives of Q.2931 (annex
// with the SDL diagrams) and Q.2130: a request or response comes from above, an
// indication or confirm goes there.
type Kind uint8

// Events from call control, given to Step. Elements are those of the message
// that will be sent; the machine adds the endpoint reference, and a cause where
// one must be and is not there.
const (
	_                    Kind = iota
	SetupRequest              // start a call; Call is 0. Step returns the new call
	ProceedingRequest         // CALL PROCEEDING: the call is being set up
	AlertingRequest           // ALERTING: the called user is being alerted (UNI 4.0)
	SetupResponse             // CONNECT: the call is accepted
	SetupCompleteRequest      // CONNECT ACKNOWLEDGE, network side: the calling user has been told
	ReleaseRequest            // clear the call
	ReleaseResponse           // after ReleaseIndication: the VC has been given up
	NotifyRequest             // NOTIFY (UNI 4.0)
	EnquiryRequest            // STATUS ENQUIRY; about Party when Multi is set
	AddPartyRequest           // ADD PARTY; Party is 0. The new party is in Event.Party
	AddPartyResponse          // ADD PARTY ACKNOWLEDGE
	PartyAlertingRequest      // PARTY ALERTING (UNI 4.0)
	AddPartyRefusal           // ADD PARTY REJECT
	DropPartyRequest          // DROP PARTY, or RELEASE for the last party
	DropPartyResponse         // after DropPartyIndication: the party is gone
	RestartRequest            // RESTART; Elements are restart indicator and connection identifier
	RestartResponse           // after RestartIndication: the VCs have been given up
	LeafRequest               // LEAF SETUP REQUEST (UNI 4.0)
	LeafFailureRequest        // LEAF SETUP FAILURE (UNI 4.0)
	LinkRequest               // establish the signalling link before the first call needs it

	// Events from the SAAL, given to Step (Q.2130).
	EstablishConfirm    // AAL-ESTABLISH-confirm
	EstablishIndication // AAL-ESTABLISH-indication: also a reset of the link
	LinkReleased        // AAL-RELEASE-indication or -confirm: the link has failed
	DataIndication      // AAL-DATA-indication: Data is a message

	lastInput

	// Actions for call control. ReleaseConfirm is the last of each call, and
	// the only one after which its VC is free.
	SetupIndication         // a call arrives
	ProceedingIndication    // CALL PROCEEDING came
	AlertingIndication      // ALERTING came
	SetupConfirm            // CONNECT came; a network side answers by SetupCompleteRequest
	SetupCompleteIndication // CONNECT ACKNOWLEDGE came
	ReleaseIndication       // the peer clears; answer by ReleaseResponse
	ReleaseConfirm          // the call is gone; Cause says why
	NotifyIndication        // NOTIFY came
	StatusIndication        // STATUS came that has a report: Cause
	AddPartyIndication      // ADD PARTY came; answer it
	AddPartyConfirm         // ADD PARTY ACKNOWLEDGE came
	PartyAlertingIndication // PARTY ALERTING came
	DropPartyIndication     // the peer drops a party; answer by DropPartyResponse
	DropPartyConfirm        // the party is gone, refused or dropped; Cause says why
	RestartIndication       // RESTART came; its calls have been cleared; answer by RestartResponse
	RestartConfirm          // RESTART ACKNOWLEDGE came
	RestartFailure          // no acknowledgement, or no RestartResponse in time: maintenance is due
	LeafIndication          // LEAF SETUP REQUEST came
	LeafFailureIndication   // LEAF SETUP FAILURE came, or nothing: Cause 102
	LinkUp                  // the signalling link is established
	LinkDown                // it is not; active calls are held for T309

	// Actions for the SAAL.
	EstablishRequest // AAL-ESTABLISH-request
	DataRequest      // AAL-DATA-request: Data is a message, the caller's from now on

	lastKind
)

var kindNames = [lastKind]string{
	SetupRequest: "Setup.request", ProceedingRequest: "Proceeding.request", AlertingRequest: "Alerting.request",
	SetupResponse: "Setup.response", SetupCompleteRequest: "Setup-complete.request", ReleaseRequest: "Release.request",
	ReleaseResponse: "Release.response", NotifyRequest: "Notify.request", EnquiryRequest: "Status-enquiry.request",
	AddPartyRequest: "Add-party.request", AddPartyResponse: "Add-party.response", PartyAlertingRequest: "Party-alerting.request",
	AddPartyRefusal: "Add-party-reject.request", DropPartyRequest: "Drop-party.request", DropPartyResponse: "Drop-party.response",
	RestartRequest: "Restart.request", RestartResponse: "Restart.response", LeafRequest: "Leaf-setup.request",
	LeafFailureRequest: "Leaf-setup-failure.request", LinkRequest: "Link.request",
	EstablishConfirm: "AAL-ESTABLISH-confirm", EstablishIndication: "AAL-ESTABLISH-indication",
	LinkReleased: "AAL-RELEASE-indication", DataIndication: "AAL-DATA-indication",
	SetupIndication: "Setup.indication", ProceedingIndication: "Proceeding.indication", AlertingIndication: "Alerting.indication",
	SetupConfirm: "Setup.confirm", SetupCompleteIndication: "Setup-complete.indication",
	ReleaseIndication: "Release.indication", ReleaseConfirm: "Release.confirm", NotifyIndication: "Notify.indication",
	StatusIndication: "Status.indication", AddPartyIndication: "Add-party.indication", AddPartyConfirm: "Add-party.confirm",
	PartyAlertingIndication: "Party-alerting.indication", DropPartyIndication: "Drop-party.indication",
	DropPartyConfirm: "Drop-party.confirm", RestartIndication: "Restart.indication", RestartConfirm: "Restart.confirm",
	RestartFailure: "Restart-failure.indication", LeafIndication: "Leaf-setup.indication",
	LeafFailureIndication: "Leaf-setup-failure.indication", LinkUp: "Link-up.indication", LinkDown: "Link-down.indication",
	EstablishRequest: "AAL-ESTABLISH-request", DataRequest: "AAL-DATA-request",
}

func (k Kind) String() string {
	if k < lastKind && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Call names a call of one machine: its call reference, and who chose it. It
// is the machine's until ReleaseConfirm.
type Call uint32

const ours Call = 1 << 31

// Reference is the call reference value.
func (c Call) Reference() uint32 { return uint32(c) & MaxReference }

// Originated says that this side chose the reference, and so started the call.
func (c Call) Originated() bool { return c&ours != 0 }

func (c Call) String() string {
	if c.Originated() {
		return fmt.Sprintf("%d out", c.Reference())
	}
	return fmt.Sprintf("%d in", c.Reference())
}

// CallOf is the call with this reference value.
func CallOf(reference uint32, originated bool) Call {
	c := Call(reference & MaxReference)
	if originated {
		c |= ours
	}
	return c
}

// Event is one event, in either direction.
type Event struct {
	Kind Kind
	Call Call
	// Party is the endpoint reference, when Multi is set or the kind is about
	// a party.
	Party uint16
	Multi bool
	// Leaf is the leaf sequence number, for Leaf… kinds.
	Leaf uint32
	// Cause of ReleaseConfirm, DropPartyConfirm and others; nil when none is
	// known.
	Cause *ie.Cause
	// Elements of the message. Those of an indication share memory with the
	// Data in which they came, and leave out what was faulty.
	Elements []ie.Element
	Data     []byte
}

func (e Event) String() string {
	s := e.Kind.String()
	if e.Call != 0 {
		s += " " + e.Call.String()
	}
	if e.Multi {
		s += fmt.Sprintf(" party %d", e.Party)
	}
	if e.Cause != nil {
		s += fmt.Sprintf(" cause %d", e.Cause.Value)
	}
	if e.Kind == DataRequest || e.Kind == DataIndication {
		if m, err := Decode(e.Data); err == nil {
			s += " " + m.String()
		}
	}
	return s
}
