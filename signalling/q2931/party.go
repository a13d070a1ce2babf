package q2931

import (
	"fmt"

	"github.com/cellhub/cellhub/signalling/ie"
)

// PartyState is the state of a party of a point-to-multipoint call, as
// endpoint state elements carry it (Q.2971, 7).
type PartyState uint8

// Party states. Received and delivered are as Q.2971 has them: alerting is
// received by the root's side, delivered by the leaf's.
const (
	PartyNull              PartyState = 0
	PartyAddInitiated      PartyState = 1 // ADD PARTY, or SETUP, has been sent
	PartyAlertingDelivered PartyState = 4
	PartyAddReceived       PartyState = 6 // ADD PARTY, or SETUP, has been received
	PartyAlertingReceived  PartyState = 7
	PartyActive            PartyState = 10
	PartyDropInitiated     PartyState = 11 // DROP PARTY has been sent
	PartyDropReceived      PartyState = 12

	partyStateCount = 13
)

func (s PartyState) String() string {
	switch s {
	case PartyNull:
		return "null"
	case PartyAddInitiated:
		return "add party initiated"
	case PartyAlertingDelivered:
		return "party alerting delivered"
	case PartyAddReceived:
		return "add party received"
	case PartyAlertingReceived:
		return "party alerting received"
	case PartyActive:
		return "active"
	case PartyDropInitiated:
		return "drop party initiated"
	case PartyDropReceived:
		return "drop party received"
	}
	return fmt.Sprintf("party state %d", uint8(s))
}

// firstParty is the endpoint reference of the party of a SETUP that we send.
// Others follow; maxParty is the highest.
const (
	firstParty uint16 = 0
	maxParty   uint16 = 1<<15 - 1
)

type party struct {
	id    uint16
	state PartyState
	timer timer
	// report goes into the DROP PARTY ACKNOWLEDGE to come.
	report *ie.Cause
}

func (m *Machine) addParty(c *call, id uint16) *party {
	p := &party{id: id}
	p.timer.call, p.timer.party = c, p
	if c.parties == nil {
		c.parties = map[uint16]*party{}
	}
	c.parties[id] = p
	if id > c.lastParty {
		c.lastParty = id
	}
	return p
}

// first is the party of the SETUP, which is the only one until the call is
// active.
func (c *call) first() uint16 {
	for id := range c.parties {
		return id
	}
	return firstParty
}

// endpoint is the endpoint reference element of a party: the flag is 0 from
// the side that chose the reference, which is the root's.
func (c *call) endpoint(id uint16) ie.Element {
	return ie.New(&ie.EndpointReference{Flag: !c.id.Originated(), Value: id})
}

// withParty adds the endpoint reference to elements.
func (c *call) withParty(elements []ie.Element, id uint16) []ie.Element {
	return append(append(make([]ie.Element, 0, len(elements)+1), elements...), c.endpoint(id))
}

// firstActive: the call has become active, and its first party with it.
func (m *Machine) firstActive(c *call) {
	for _, p := range c.parties {
		p.state = PartyActive
	}
}

// partyCell is an entry of the party's state table. An empty one is, for a
// message, STATUS with cause 101 (Q.2971, 9.5), and ErrState for a request.
type partyCell struct {
	clause string
	do     func(*Machine, *call, *party, *input)
}

type partyRow struct {
	on     signal
	clause string
	do     func(*Machine, *call, *party, *input)
	in     []PartyState
}

var partyStates [partyStateCount][signals]partyCell

func init() {
	for _, r := range partyTable() {
		for _, s := range r.in {
			if partyStates[s][r.on].do != nil {
				panic("q2931: two handlers for one cell of a party")
			}
			partyStates[s][r.on] = partyCell{r.clause, r.do}
		}
	}
}

func at(s ...PartyState) []PartyState { return s }

// partyTable is the state table of a party, the same on both sides. The call
// is active.
func partyTable() []partyRow {
	all := at(PartyAddInitiated, PartyAlertingDelivered, PartyAddReceived, PartyAlertingReceived, PartyActive, PartyDropReceived)
	return []partyRow{
		{inAddParty, "Q.2971 9.5", (*Machine).partyRepeated, at(PartyAddReceived)},
		{inPartyAlerting, "Q.2971 9.2.2", (*Machine).partyAlerting, at(PartyAddInitiated)},
		{inAddPartyAck, "Q.2971 9.2.2", (*Machine).partyAdded, at(PartyAddInitiated, PartyAlertingReceived)},
		{inAddPartyReject, "Q.2971 9.2.2", (*Machine).partyGone, at(PartyAddInitiated, PartyDropInitiated)},
		{inDropParty, "Q.2971 9.3.3", (*Machine).partyDropped, at(PartyAddInitiated, PartyAlertingDelivered, PartyAddReceived, PartyAlertingReceived, PartyActive)},
		{inDropParty, "Q.2971 9.3.5", (*Machine).partyGone, at(PartyDropInitiated)},
		{inDropParty, "Q.2971 9.3.3", (*Machine).partyRepeated, at(PartyDropReceived)},
		{inDropPartyAck, "Q.2971 9.3.3", (*Machine).partyGone, append(all, PartyDropInitiated)},
		{reqPartyAlerting, "Q.2971 9.2.3", (*Machine).partyAlertingRequest, at(PartyAddReceived)},
		{reqAddPartyAck, "Q.2971 9.2.3", (*Machine).partyAcceptRequest, at(PartyAddReceived, PartyAlertingDelivered)},
		{reqAddPartyReject, "Q.2971 9.2.3", (*Machine).partyRejectRequest, at(PartyAddReceived)},
		{reqDropParty, "Q.2971 9.3.3", (*Machine).partyDropRequest, at(PartyAddInitiated, PartyAlertingDelivered, PartyAlertingReceived, PartyActive)},
		{reqDropParty, "Q.2971 9.2.3", (*Machine).partyRejectRequest, at(PartyAddReceived)},
		{reqDropParty, "Q.2971 9.3.3", (*Machine).partyDropResponse, at(PartyDropReceived)},
		{reqDropPartyAck, "Q.2971 9.3.3", (*Machine).partyDropResponse, at(PartyDropReceived)},
		{reqDropPartyAck, "Q.2971 9.3.3", (*Machine).partyLetGo, at(PartyDropInitiated)},
		{t399, "Q.2971 9.2.2", (*Machine).partyNoResponse, at(PartyAddInitiated)},
		{t397, "Q.2971 9.2.2", (*Machine).partyNoAnswer, at(PartyAlertingReceived)},
		{t398, "Q.2971 9.3.3", (*Machine).partyNotDropped, at(PartyDropInitiated)},
	}
}

// addPartyRequest sends ADD PARTY (Q.2971, 9.2.2).
func (m *Machine) addPartyRequest(c *call, in *input) {
	if !c.multi || !c.id.Originated() {
		in.err = ErrState
		return
	}
	if len(c.parties) >= m.config.MaxParties {
		in.err = ErrTooMany
		return
	}
	id := c.lastParty
	for {
		if id++; id > maxParty {
			id = firstParty
		}
		if c.parties[id] == nil {
			break
		}
	}
	if ie.Index(in.event.Elements, ie.EndpointReferenceID) >= 0 {
		in.err = ErrElement
		return
	}
	if in.err = m.send(c, AddParty, c.withParty(in.event.Elements, id)); in.err != nil {
		return
	}
	p := m.addParty(c, id)
	c.lastParty = id
	p.state = PartyAddInitiated
	m.run(&p.timer, t399)
	in.event.Party = id
}

// partyMessage: a message about a party of an active call.
func (m *Machine) partyMessage(c *call, in *input) {
	if !c.multi {
		m.unexpected(c, in.message, ie.CauseMessageIncompatible)
		in.report = nil
		return
	}
	p := c.parties[in.party]
	if p == nil {
		m.unknownParty(c, in)
		return
	}
	cell := &partyStates[p.state][messageSignals[in.message.Type]]
	if cell.do == nil {
		m.sendStatus(c, m.cause(ie.CauseMessageIncompatible, byte(in.message.Type)), p.id, true)
		in.report = nil
		return
	}
	cell.do(m, c, p, in)
}

// unknownParty: the endpoint reference is that of no party (Q.2971, 9.5).
func (m *Machine) unknownParty(c *call, in *input) {
	switch in.message.Type {
	case AddParty:
		m.partyArrived(c, in)
	case DropPartyAck, AddPartyReject:
		m.counters.Ignored++
		in.report = nil
	default:
		m.reply(c.reference(), DropPartyAck, c.endpoint(in.party), ie.New(m.cause(ie.CauseInvalidEndpoint)))
		in.report = nil
	}
}

// partyArrived: ADD PARTY (Q.2971, 9.2.3). It comes from the root's side only.
func (m *Machine) partyArrived(c *call, in *input) {
	if c.id.Originated() {
		m.unexpected(c, in.message, ie.CauseMessageIncompatible)
		in.report = nil
		return
	}
	if len(c.parties) >= m.config.MaxParties {
		m.reply(c.reference(), AddPartyReject, ie.New(m.cause(ie.CauseNoResource)), c.endpoint(in.party))
		in.report = nil
		return
	}
	m.addParty(c, in.party).state = PartyAddReceived
	m.leafJoined(in.message.Elements)
	m.indicate(AddPartyIndication, c, in)
}

func (m *Machine) partyRepeated(*call, *party, *input) { m.counters.Ignored++ }

// partyAlerting: PARTY ALERTING (Q.2971, 9.2.2).
func (m *Machine) partyAlerting(c *call, p *party, in *input) {
	p.state = PartyAlertingReceived
	m.run(&p.timer, t397)
	m.indicate(PartyAlertingIndication, c, in)
}

// partyAdded: ADD PARTY ACKNOWLEDGE (Q.2971, 9.2.2).
func (m *Machine) partyAdded(c *call, p *party, in *input) {
	m.timers.stop(&p.timer)
	p.state = PartyActive
	m.indicate(AddPartyConfirm, c, in)
}

// partyGone: ADD PARTY REJECT, DROP PARTY ACKNOWLEDGE, or DROP PARTY that met
// ours (Q.2971, 9.2.2, 9.3.3, 9.3.5).
func (m *Machine) partyGone(c *call, p *party, in *input) {
	in.report = nil
	cause := find[ie.Cause](in.message)
	m.removeParty(c, p, cause, in.message.Elements)
	m.lastGone(c, cause)
}

// removeParty frees the endpoint reference.
func (m *Machine) removeParty(c *call, p *party, cause *ie.Cause, elements []ie.Element) {
	m.timers.stop(&p.timer)
	delete(c.parties, p.id)
	m.do(Event{Kind: DropPartyConfirm, Call: c.id, Party: p.id, Multi: true, Cause: cause, Elements: elements})
}

// remain says whether any other party is active or on its way (Q.2971, 9.3).
func (c *call) remain(but *party) bool {
	for _, p := range c.parties {
		if p != but && p.state != PartyDropInitiated && p.state != PartyDropReceived {
			return true
		}
	}
	return false
}

// lastGone clears the call when its last party has gone (Q.2971, 9.3).
func (m *Machine) lastGone(c *call, cause *ie.Cause) {
	if len(c.parties) > 0 {
		return
	}
	if cause == nil {
		cause = m.cause(ie.CauseNormal)
	}
	m.clear(c, &ie.Cause{Location: cause.Location, Value: cause.Value, Diagnostics: append([]byte(nil), cause.Diagnostics...)})
}

// partyDropped: DROP PARTY (Q.2971, 9.3.3).
func (m *Machine) partyDropped(c *call, p *party, in *input) {
	m.timers.stop(&p.timer)
	p.state = PartyDropReceived
	p.report, in.report = in.report, nil
	m.indicate(DropPartyIndication, c, in)
}

// partyRequest: a request of call control about a party.
func (m *Machine) partyRequest(c *call, in *input) {
	p := c.parties[in.event.Party]
	switch {
	case p == nil:
		in.err = ErrNoParty
	case ie.Index(in.event.Elements, ie.EndpointReferenceID) >= 0:
		in.err = ErrElement
	default:
		cell := &partyStates[p.state][requestSignals[in.event.Kind]]
		if cell.do == nil {
			in.err = ErrState
			return
		}
		cell.do(m, c, p, in)
	}
}

// partyAlertingRequest sends PARTY ALERTING (Q.2971, 9.2.3).
func (m *Machine) partyAlertingRequest(c *call, p *party, in *input) {
	if in.err = m.send(c, PartyAlerting, c.withParty(in.event.Elements, p.id)); in.err == nil {
		p.state = PartyAlertingDelivered
	}
}

// partyAcceptRequest sends ADD PARTY ACKNOWLEDGE (Q.2971, 9.2.3).
func (m *Machine) partyAcceptRequest(c *call, p *party, in *input) {
	if in.err = m.send(c, AddPartyAck, c.withParty(in.event.Elements, p.id)); in.err == nil {
		p.state = PartyActive
	}
}

// partyRejectRequest sends ADD PARTY REJECT (Q.2971, 9.2.3).
func (m *Machine) partyRejectRequest(c *call, p *party, in *input) {
	cause := m.causeOf(in.event.Elements)
	elements := c.withParty(withCauses([]*ie.Cause{cause}, in.event.Elements), p.id)
	if in.err = m.send(c, AddPartyReject, elements); in.err == nil {
		m.removeParty(c, p, cause, nil)
		m.lastGone(c, cause)
	}
}

// partyDropRequest sends DROP PARTY, or RELEASE when no other party remains
// (Q.2971, 9.3.3).
func (m *Machine) partyDropRequest(c *call, p *party, in *input) {
	cause := m.causeOf(in.event.Elements)
	if !c.remain(p) {
		m.releaseRequest(c, in)
		return
	}
	elements := c.withParty(withCauses([]*ie.Cause{cause}, in.event.Elements), p.id)
	if in.err = m.send(c, DropParty, elements); in.err == nil {
		p.state = PartyDropInitiated
		m.run(&p.timer, t398)
	}
}

// partyDropResponse sends DROP PARTY ACKNOWLEDGE, or RELEASE when no other
// party remains (Q.2971, 9.3.3).
func (m *Machine) partyDropResponse(c *call, p *party, in *input) {
	if !c.remain(p) {
		if m.releaseRequest(c, in); in.err == nil {
			m.removeParty(c, p, nil, nil)
		}
		return
	}
	elements := c.withParty(in.event.Elements, p.id)
	if p.report != nil {
		elements = withCauses([]*ie.Cause{p.report}, elements)
	}
	if in.err = m.send(c, DropPartyAck, elements); in.err == nil {
		m.removeParty(c, p, nil, nil)
	}
}

// partyLetGo: call control agrees to a drop that the machine began.
func (m *Machine) partyLetGo(*call, *party, *input) {}

// dropParty drops a party because of a timer or an error.
func (m *Machine) dropParty(c *call, p *party, cause *ie.Cause) {
	if !c.remain(p) {
		m.clear(c, cause)
		return
	}
	m.reply(c.reference(), DropParty, ie.New(cause), c.endpoint(p.id))
	p.state = PartyDropInitiated
	m.run(&p.timer, t398)
	m.do(Event{Kind: DropPartyIndication, Call: c.id, Party: p.id, Multi: true, Cause: cause})
}

func (m *Machine) partyExpired(c *call, p *party, what signal) {
	if cell := &partyStates[p.state][what]; cell.do != nil {
		cell.do(m, c, p, nil)
	}
}

// partyNoResponse: T399 (Q.2971, 9.2.2).
func (m *Machine) partyNoResponse(c *call, p *party, _ *input) { m.dropParty(c, p, m.expired("399")) }

// partyNoAnswer: T397 (Q.2971, 9.2.2).
func (m *Machine) partyNoAnswer(c *call, p *party, _ *input) { m.dropParty(c, p, m.expired("397")) }

// partyNotDropped: T398. The peer is told that the party is gone (Q.2971,
// 9.3.3).
func (m *Machine) partyNotDropped(c *call, p *party, _ *input) {
	cause := m.expired("398")
	m.reply(c.reference(), DropPartyAck, c.endpoint(p.id), ie.New(cause))
	m.removeParty(c, p, cause, nil)
	m.lastGone(c, cause)
}

// partyStatus: STATUS about a party (Q.2971, 9.5).
func (m *Machine) partyStatus(c *call, in *input, cause *ie.Cause) {
	p := c.parties[in.party]
	s := find[ie.EndpointState](in.message)
	if p == nil || s == nil || c.state != Active {
		return
	}
	theirs := PartyState(s.State)
	switch {
	case theirs == PartyNull && cause.Value != ie.CauseMandatoryMissing:
		m.removeParty(c, p, m.cause(ie.CauseMessageIncompatible), nil)
		m.lastGone(c, m.cause(ie.CauseMessageIncompatible))
	case p.state == PartyDropInitiated || p.state == PartyDropReceived || theirs == PartyDropInitiated || theirs == PartyDropReceived:
	case !c.partyCompatible(p, theirs):
		m.dropParty(c, p, m.cause(ie.CauseMessageIncompatible))
	}
}

// partyCompatible says whether the peer's party may be in that state.
func (c *call) partyCompatible(p *party, theirs PartyState) bool {
	if c.id.Originated() { // we are the root's side: the leaf's is ahead of us, or level
		switch p.state {
		case PartyAddInitiated:
			return theirs != PartyAddInitiated && theirs != PartyAlertingReceived
		case PartyAlertingReceived:
			return theirs == PartyAlertingDelivered || theirs == PartyActive
		}
		return theirs == PartyActive
	}
	switch p.state {
	case PartyAddReceived:
		return theirs == PartyAddInitiated
	case PartyAlertingDelivered:
		return theirs == PartyAddInitiated || theirs == PartyAlertingReceived
	}
	return theirs == PartyAddInitiated || theirs == PartyAlertingReceived || theirs == PartyActive
}

// holdParties lets go of parties that are not active, when the link has
// failed, and says whether the call has any left (Q.2971, 9.5; 5.6.10).
func (m *Machine) holdParties(c *call) bool {
	if !c.multi {
		return true
	}
	for _, i := range c.info().Parties {
		if p := c.parties[i.Party]; p.state != PartyActive {
			m.removeParty(c, p, m.cause(ie.CauseDestinationOut), nil)
		}
	}
	return len(c.parties) > 0
}
