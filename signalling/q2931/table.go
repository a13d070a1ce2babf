package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// Direction is where a message goes.
type Direction uint8

// Directions, at the interface of a user with a network.
const (
	ToNetwork Direction = 1 << iota
	ToUser
)

const both = ToNetwork | ToUser

const (
	since30 = UNI30 | UNI31 | UNI40
	since31 = UNI31 | UNI40
	only40  = UNI40
	until31 = UNI30 | UNI31
)

// use is an element's place in a message.
type use struct {
	id ie.ID
	// in are the versions that have the element in the message, must those
	// that make it mandatory.
	in, must Version
	// to and mustTo are the same for directions; mustTo 0 is to.
	to, mustTo Direction
	// most is how often it may come.
	most int
}

// opt is an element that may be there, man one that must.
func opt(id ie.ID, in Version) use { return use{id: id, in: in, to: both, most: 1} }
func man(id ie.ID, in Version) use { return use{id: id, in: in, must: in, to: both, most: 1} }

func (u use) times(n int) use        { u.most = n; return u }
func (u use) only(d Direction) use   { u.to = d; return u }
func (u use) mustBe(v Version) use   { u.must = v; return u }
func (u use) mustGo(d Direction) use { u.mustTo = d; return u }
func (u *use) allowed(v Version, d Direction) bool {
	return u.in&v != 0 && u.to&d != 0
}

func (u *use) mandatory(v Version, d Direction) bool {
	to := u.mustTo
	if to == 0 {
		to = u.to
	}
	return u.must&v != 0 && to&d != 0
}

// description is a message type in the table.
type description struct {
	kind   Type
	name   string
	clause string
	in     Version // 0: Q.2931 has it for interworking, no UNI does
	to     Direction
	uses   []use
}

// messages is the table of all messages: which elements, in which version and
// direction. Elements are in the order of Q.2931; a receiver takes any.
var messages = []description{
	{Alerting, "ALERTING", "Q.2931 3.1.1", only40, both, []use{
		opt(ie.ConnectionID, only40), opt(ie.EndpointReferenceID, only40), opt(ie.NotificationID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
		opt(ie.NarrowbandBearerID, only40), opt(ie.NarrowbandHighLayerID, only40), opt(ie.ProgressIndicatorID, only40).times(2),
	}},
	{CallProceeding, "CALL PROCEEDING", "Q.2931 3.1.2", since30, both, []use{
		opt(ie.ConnectionID, since30), opt(ie.EndpointReferenceID, since30), opt(ie.NotificationID, only40),
		opt(ie.NarrowbandBearerID, only40), opt(ie.NarrowbandHighLayerID, only40), opt(ie.ProgressIndicatorID, only40).times(2),
	}},
	{Connect, "CONNECT", "Q.2931 3.1.3", since30, both, []use{
		opt(ie.AALParametersID, since30), opt(ie.LowLayerID, since30), opt(ie.ConnectionID, since30),
		opt(ie.EndpointReferenceID, since30), opt(ie.NotificationID, only40), opt(ie.TransitDelayID, only40),
		opt(ie.ConnectedNumberID, only40), opt(ie.ConnectedSubaddressID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
		opt(ie.TrafficDescriptorID, only40), opt(ie.ExtendedQoSID, only40),
		opt(ie.ABRSetupID, only40), opt(ie.ABRAdditionalID, only40), opt(ie.OAMTrafficID, only40),
		opt(ie.NarrowbandBearerID, only40), opt(ie.NarrowbandHighLayerID, only40), opt(ie.NarrowbandLowLayerID, only40),
		opt(ie.ProgressIndicatorID, only40).times(2),
	}},
	{ConnectAck, "CONNECT ACKNOWLEDGE", "Q.2931 3.1.4", since30, both, []use{
		opt(ie.NotificationID, only40),
	}},
	{Release, "RELEASE", "Q.2931 3.1.5", since30, both, []use{
		man(ie.CauseID, since30).times(2), opt(ie.NotificationID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40), opt(ie.ProgressIndicatorID, only40).times(2),
	}},
	{ReleaseComplete, "RELEASE COMPLETE", "Q.2931 3.1.6", since30, both, []use{
		opt(ie.CauseID, since30).times(2),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{Setup, "SETUP", "Q.2931 3.1.7", since30, both, []use{
		opt(ie.AALParametersID, since30), man(ie.TrafficDescriptorID, since30), man(ie.BearerCapabilityID, since30),
		opt(ie.HighLayerID, since30), opt(ie.RepeatIndicatorID, since30), opt(ie.LowLayerID, since30).times(3),
		man(ie.CalledNumberID, since30), opt(ie.CalledSubaddressID, since30).times(2),
		opt(ie.CallingNumberID, since30), opt(ie.CallingSubaddressID, since30).times(2),
		opt(ie.ConnectionID, since30).mustBe(since30).mustGo(ToUser),
		opt(ie.QoSParameterID, since30).mustBe(until31), opt(ie.SendingCompleteID, since30),
		opt(ie.TransitNetworkID, since30).times(4).only(ToNetwork), opt(ie.EndpointReferenceID, since30),
		opt(ie.TransitDelayID, only40), opt(ie.NotificationID, only40), opt(ie.OAMTrafficID, only40),
		opt(ie.AlternativeTrafficID, only40), opt(ie.MinimumTrafficID, only40), opt(ie.MinimumDesiredRateID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
		opt(ie.LeafCallIdentifierID, only40), opt(ie.LeafParametersID, only40), opt(ie.LeafSequenceID, only40),
		opt(ie.ExtendedQoSID, only40), opt(ie.ABRSetupID, only40), opt(ie.ABRAdditionalID, only40),
		opt(ie.ConnectionScopeID, only40), opt(ie.ReportTypeID, only40),
		opt(ie.NarrowbandBearerID, only40).times(3), opt(ie.NarrowbandHighLayerID, only40).times(2),
		opt(ie.NarrowbandLowLayerID, only40).times(3), opt(ie.ProgressIndicatorID, only40).times(2),
	}},
	{Status, "STATUS", "Q.2931 3.1.8", since30, both, []use{
		man(ie.CallStateID, since30), man(ie.CauseID, since30),
		opt(ie.EndpointReferenceID, since30), opt(ie.EndpointStateID, since30),
	}},
	{StatusEnquiry, "STATUS ENQUIRY", "Q.2931 3.1.9", since30, both, []use{
		opt(ie.EndpointReferenceID, since30),
	}},
	{Notify, "NOTIFY", "Q.2931 3.1.10", only40, both, []use{
		man(ie.NotificationID, only40), opt(ie.EndpointReferenceID, only40),
	}},
	{Progress, "PROGRESS", "Q.2931 3.2.5", 0, both, []use{
		man(ie.ProgressIndicatorID, 0).times(2), opt(ie.NotificationID, 0),
	}},
	{SetupAck, "SETUP ACKNOWLEDGE", "Q.2931 3.2.8", 0, both, []use{
		opt(ie.ConnectionID, 0), opt(ie.ProgressIndicatorID, 0).times(2),
	}},
	{Information, "INFORMATION", "Q.2931 3.2.4", 0, both, []use{
		opt(ie.SendingCompleteID, 0), opt(ie.CalledNumberID, 0),
	}},
	{Restart, "RESTART", "Q.2931 3.3.1", since30, both, []use{
		opt(ie.ConnectionID, since30), man(ie.RestartIndicatorID, since30),
	}},
	{RestartAck, "RESTART ACKNOWLEDGE", "Q.2931 3.3.2", since30, both, []use{
		opt(ie.ConnectionID, since30), man(ie.RestartIndicatorID, since30),
	}},
	{AddParty, "ADD PARTY", "Q.2971 8.1.1", since30, both, []use{
		opt(ie.AALParametersID, since30), opt(ie.HighLayerID, since30), opt(ie.LowLayerID, since30),
		man(ie.CalledNumberID, since30), opt(ie.CalledSubaddressID, since30).times(2),
		opt(ie.CallingNumberID, since30), opt(ie.CallingSubaddressID, since30).times(2),
		opt(ie.SendingCompleteID, since30), opt(ie.TransitNetworkID, since30).times(4).only(ToNetwork),
		man(ie.EndpointReferenceID, since30), opt(ie.NotificationID, only40), opt(ie.TransitDelayID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40), opt(ie.LeafSequenceID, only40),
	}},
	{AddPartyAck, "ADD PARTY ACKNOWLEDGE", "Q.2971 8.1.2", since30, both, []use{
		man(ie.EndpointReferenceID, since30), opt(ie.AALParametersID, only40), opt(ie.LowLayerID, only40),
		opt(ie.NotificationID, only40), opt(ie.TransitDelayID, only40), opt(ie.ConnectedNumberID, only40),
		opt(ie.ConnectedSubaddressID, only40), opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{PartyAlerting, "PARTY ALERTING", "Q.2971 8.1.3", only40, both, []use{
		man(ie.EndpointReferenceID, only40), opt(ie.NotificationID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{AddPartyReject, "ADD PARTY REJECT", "Q.2971 8.1.4", since30, both, []use{
		man(ie.CauseID, since30), man(ie.EndpointReferenceID, since30),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{DropParty, "DROP PARTY", "Q.2971 8.1.5", since30, both, []use{
		man(ie.CauseID, since30), man(ie.EndpointReferenceID, since30), opt(ie.NotificationID, only40),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{DropPartyAck, "DROP PARTY ACKNOWLEDGE", "Q.2971 8.1.6", since30, both, []use{
		man(ie.EndpointReferenceID, since30), opt(ie.CauseID, since30),
		opt(ie.GenericIdentifierID, only40).times(3), opt(ie.UserUserID, only40),
	}},
	{LeafSetupFailure, "LEAF SETUP FAILURE", "UNI 4.0 6.1.1.1", only40, both, []use{
		man(ie.CauseID, only40), opt(ie.CalledNumberID, only40), opt(ie.CalledSubaddressID, only40),
		man(ie.LeafSequenceID, only40), opt(ie.TransitNetworkID, only40).only(ToNetwork),
	}},
	{LeafSetupRequest, "LEAF SETUP REQUEST", "UNI 4.0 6.1.1.2", only40, both, []use{
		opt(ie.TransitNetworkID, only40).times(4).only(ToNetwork), opt(ie.CallingNumberID, only40).mustBe(only40).mustGo(ToUser),
		opt(ie.CallingSubaddressID, only40).times(2), man(ie.CalledNumberID, only40),
		opt(ie.CalledSubaddressID, only40).times(2), man(ie.LeafCallIdentifierID, only40), man(ie.LeafSequenceID, only40),
	}},
}

// descriptions has the table by message type. It is only read.
var descriptions = func() (t [256]*description) {
	for i := range messages {
		t[messages[i].kind] = &messages[i]
	}
	return t
}()

// uses is the element's place in the message, or nil.
func (d *description) use(id ie.ID) *use {
	for i := range d.uses {
		if d.uses[i].id == id {
			return &d.uses[i]
		}
	}
	return nil
}

// Types are all message types of the table.
func Types() []Type {
	types := make([]Type, len(messages))
	for i := range messages {
		types[i] = messages[i].kind
	}
	return types
}

// Row is what the table says about one element in a message.
type Row struct {
	ID        ie.ID
	Mandatory bool
	Most      int // how often it may come
}

// Rows are the elements of the message in this version and direction, in the
// order in which they are sent; nil when there is no such message.
func (t Type) Rows(v Version, d Direction) []Row {
	m := descriptions[t]
	if m == nil || m.in&v == 0 || m.to&d == 0 {
		return nil
	}
	rows := []Row{}
	for i := range m.uses {
		if u := &m.uses[i]; u.allowed(v, d) {
			rows = append(rows, Row{u.id, u.mandatory(v, d), u.most})
		}
	}
	return rows
}

// Clause is where the message is defined.
func (t Type) Clause() string {
	if descriptions[t] == nil {
		return ""
	}
	return descriptions[t].clause
}
