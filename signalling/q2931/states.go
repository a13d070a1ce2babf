package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// signal is an event of the state table: a message, a request of call control
// or a timer.
type signal uint8

const (
	inSetup signal = iota
	inProceeding
	inAlerting
	inConnect
	inConnectAck
	inRelease
	inReleaseComplete
	inNotify
	inStatus
	inEnquiry
	inAddParty
	inAddPartyAck
	inPartyAlerting
	inAddPartyReject
	inDropParty
	inDropPartyAck

	reqProceeding
	reqAlerting
	reqConnect
	reqComplete
	reqRelease
	reqAnswer
	reqNotify
	reqEnquiry
	reqAddParty
	reqAddPartyAck
	reqPartyAlerting
	reqAddPartyReject
	reqDropParty
	reqDropPartyAck

	// In the order of Timers.
	t301
	t303
	t306
	t308
	t309
	t310
	t313
	t316
	t317
	t322
	t331
	t397
	t398
	t399

	signals
)

// messageSignals are the signals of the messages that belong to a call.
var messageSignals = map[Type]signal{
	Setup: inSetup, CallProceeding: inProceeding, Alerting: inAlerting, Connect: inConnect, ConnectAck: inConnectAck,
	Release: inRelease, ReleaseComplete: inReleaseComplete, Notify: inNotify, Status: inStatus, StatusEnquiry: inEnquiry,
	AddParty: inAddParty, AddPartyAck: inAddPartyAck, PartyAlerting: inPartyAlerting, AddPartyReject: inAddPartyReject,
	DropParty: inDropParty, DropPartyAck: inDropPartyAck,
}

var requestSignals = map[Kind]signal{
	ProceedingRequest: reqProceeding, AlertingRequest: reqAlerting, SetupResponse: reqConnect,
	SetupCompleteRequest: reqComplete, ReleaseRequest: reqRelease, ReleaseResponse: reqAnswer, NotifyRequest: reqNotify,
	EnquiryRequest: reqEnquiry, AddPartyRequest: reqAddParty, AddPartyResponse: reqAddPartyAck,
	PartyAlertingRequest: reqPartyAlerting, AddPartyRefusal: reqAddPartyReject, DropPartyRequest: reqDropParty,
	DropPartyResponse: reqDropPartyAck,
}

// input is what a handler works on: a message that passed the checks, or a
// request; neither for a timer.
type input struct {
	message *Message
	event   *Event
	party   uint16 // endpoint reference of the message
	multi   bool   // there is one
	// report is for the peer, about elements of the message that were left out
	// (5.6.8).
	report *ie.Cause
	err    error // what call control gets
}

// handler is what a cell of the table does.
type handler func(*Machine, *call, *input)

// cell is one entry of the table. An empty cell is, for a message, the
// procedure of 5.6.4, and for a request ErrState.
type cell struct {
	clause string
	do     handler
}

// row fills cells of one signal in some states of one or both sides.
type row struct {
	on     signal
	clause string
	do     handler
	user   []State
	net    []State
}

// states is the state table of the call, by side, state and signal.
var states [2][stateCount][signals]cell

func init() {
	for _, r := range rows() {
		for side, list := range [2][]State{r.user, r.net} {
			for _, s := range list {
				if states[side][s][r.on].do != nil {
					panic("q2931: two handlers for one cell")
				}
				states[side][s][r.on] = cell{r.clause, r.do}
			}
		}
	}
}

// live are all states but Null; open those in which the call is not being
// cleared.
var (
	open = []State{CallInitiated, OutgoingProceeding, CallDelivered, CallPresent, CallReceived, ConnectRequest, IncomingProceeding, Active}
	live = append([]State{ReleaseRequested, ReleaseIndicated}, open...)
)

func in(s ...State) []State { return s }

// rows is the table, one row a handler. Clauses are of Q.2931 unless another
// is named.
func rows() []row {
	var table []row
	for _, part := range [][]row{setupRows(), clearingRows(), statusRows(), partyRows()} {
		table = append(table, part...)
	}
	return table
}

func setupRows() []row {
	return []row{
		// The calling side: SETUP has been sent.
		{inProceeding, "5.1.5", (*Machine).proceeding, in(CallInitiated), nil},
		{inProceeding, "5.2.5.2", (*Machine).proceeding, nil, in(CallPresent)},
		{inAlerting, "5.1.6", (*Machine).alerting, in(CallInitiated, OutgoingProceeding), nil},
		{inAlerting, "5.2.5.2", (*Machine).alerting, nil, in(CallPresent, IncomingProceeding)},
		{inConnect, "5.1.7", (*Machine).connected, in(CallInitiated, OutgoingProceeding, CallDelivered), nil},
		{inConnect, "5.2.6", (*Machine).answered, nil, in(CallPresent, IncomingProceeding, CallReceived)},
		{reqComplete, "5.2.7", (*Machine).completeRequest, nil, in(ConnectRequest)},
		{t303, "5.1.1", (*Machine).noResponse, in(CallInitiated), nil},
		{t303, "5.2.1", (*Machine).noResponse, nil, in(CallPresent)},
		{t310, "5.1.5", (*Machine).noProgress, in(OutgoingProceeding), nil},
		{t310, "5.2.5.4", (*Machine).noProgress, nil, in(IncomingProceeding)},
		{t301, "5.1.6", (*Machine).noAnswer, in(CallDelivered), nil},
		{t301, "5.2.5.4", (*Machine).noAnswer, nil, in(CallReceived)},
		// The called side: SETUP has been received.
		{inSetup, "5.6.3.2 d", (*Machine).ignore, live, live},
		{reqProceeding, "5.2.5.1", (*Machine).proceedingRequest, in(CallPresent), nil},
		{reqProceeding, "5.1.5", (*Machine).proceedingRequest, nil, in(CallInitiated)},
		{reqAlerting, "5.2.5.1", (*Machine).alertingRequest, in(CallPresent, IncomingProceeding), nil},
		{reqAlerting, "5.1.6", (*Machine).alertingRequest, nil, in(CallInitiated, OutgoingProceeding)},
		{reqConnect, "5.2.6", (*Machine).answerRequest, in(CallPresent, IncomingProceeding, CallReceived), nil},
		{reqConnect, "5.1.7", (*Machine).connectRequest, nil, in(CallInitiated, OutgoingProceeding, CallDelivered)},
		{inConnectAck, "5.2.7", (*Machine).acknowledged, in(ConnectRequest), nil},
		{inConnectAck, "5.1.7", (*Machine).ignore, nil, in(Active)},
		{t313, "5.2.6", (*Machine).noAcknowledgement, in(ConnectRequest), nil},
	}
}

func clearingRows() []row {
	return []row{
		{reqRelease, "5.2.5.3", (*Machine).reject, in(CallPresent), nil},
		{reqRelease, "5.1.8", (*Machine).reject, nil, in(CallInitiated)},
		{reqRelease, "5.4.3", (*Machine).releaseRequest, in(CallInitiated, OutgoingProceeding, CallDelivered, CallReceived, ConnectRequest, IncomingProceeding, Active), nil},
		{reqRelease, "5.4.4", (*Machine).releaseRequest, nil, in(OutgoingProceeding, CallDelivered, CallPresent, CallReceived, ConnectRequest, IncomingProceeding, Active)},
		{reqRelease, "5.4.4", (*Machine).releaseResponse, in(ReleaseIndicated), nil},
		{reqRelease, "5.4.3", (*Machine).releaseResponse, nil, in(ReleaseRequested)},
		{reqAnswer, "5.4.4", (*Machine).releaseResponse, in(ReleaseIndicated), nil},
		{reqAnswer, "5.4.3", (*Machine).releaseResponse, nil, in(ReleaseRequested)},
		{reqAnswer, "5.4.3", (*Machine).ignore, in(ReleaseRequested), nil},
		{reqAnswer, "5.4.4", (*Machine).ignore, nil, in(ReleaseIndicated)},
		{inRelease, "5.4.4", (*Machine).released, open, nil},
		{inRelease, "5.4.3", (*Machine).released, nil, open},
		{inRelease, "5.4.5", (*Machine).collided, in(ReleaseRequested), in(ReleaseIndicated)},
		{inRelease, "5.4.4", (*Machine).ignore, in(ReleaseIndicated), nil},
		{inRelease, "5.4.3", (*Machine).ignore, nil, in(ReleaseRequested)},
		{inReleaseComplete, "5.4.3", (*Machine).gone, live, nil},
		{inReleaseComplete, "5.4.4", (*Machine).gone, nil, live},
		{t308, "5.4.3", (*Machine).notReleased, in(ReleaseRequested), nil},
		{t308, "5.4.4", (*Machine).notReleased, nil, in(ReleaseIndicated)},
		{t306, "5.4.4", (*Machine).tonesEnd, nil, in(ReleaseIndicated)},
	}
}

func statusRows() []row {
	notifiable := in(OutgoingProceeding, CallDelivered, CallReceived, ConnectRequest, IncomingProceeding, Active)
	return []row{
		{inNotify, "5.9", (*Machine).notified, open, open},
		{reqNotify, "5.9", (*Machine).notifyRequest, notifiable, notifiable},
		{inEnquiry, "5.6.11", (*Machine).enquired, live, live},
		{inStatus, "5.6.12", (*Machine).status, live, live},
		{reqEnquiry, "5.6.11", (*Machine).enquiryRequest, live, live},
		{t322, "5.6.11", (*Machine).noStatus, live, live},
	}
}

func partyRows() []row {
	active := in(Active)
	return []row{
		{reqAddParty, "Q.2971 9.2", (*Machine).addPartyRequest, active, active},
		{inAddParty, "Q.2971 9.2", (*Machine).partyMessage, active, active},
		{inAddPartyAck, "Q.2971 9.2", (*Machine).partyMessage, active, active},
		{inPartyAlerting, "Q.2971 9.2", (*Machine).partyMessage, active, active},
		{inAddPartyReject, "Q.2971 9.2", (*Machine).partyMessage, active, active},
		{inDropParty, "Q.2971 9.3", (*Machine).partyMessage, active, active},
		{inDropPartyAck, "Q.2971 9.3", (*Machine).partyMessage, active, active},
		{reqAddPartyAck, "Q.2971 9.2", (*Machine).partyRequest, active, active},
		{reqPartyAlerting, "Q.2971 9.2", (*Machine).partyRequest, active, active},
		{reqAddPartyReject, "Q.2971 9.2", (*Machine).partyRequest, active, active},
		{reqDropParty, "Q.2971 9.3", (*Machine).partyRequest, active, active},
		{reqDropPartyAck, "Q.2971 9.3", (*Machine).partyRequest, active, active},
	}
}
