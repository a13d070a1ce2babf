package q2931

import (
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Notification and status (5.9, 5.6.11, 5.6.12).

func (m *Machine) notified(c *call, in *input) { m.indicate(NotifyIndication, c, in) }

// notifyRequest sends NOTIFY (5.9).
func (m *Machine) notifyRequest(c *call, in *input) {
	elements := in.event.Elements
	if in.event.Multi {
		if c.parties[in.event.Party] == nil {
			in.err = ErrNoParty
			return
		}
		elements = c.withParty(elements, in.event.Party)
	}
	in.err = m.send(c, Notify, elements)
}

// sendStatus reports the state of the call, or of one party (5.6.11, Q.2971
// 9.5).
func (m *Machine) sendStatus(c *call, cause *ie.Cause, party uint16, multi bool) {
	elements := []ie.Element{ie.New(&ie.CallState{State: uint8(c.state)}), ie.New(cause)}
	if multi {
		s := PartyNull
		if p := c.parties[party]; p != nil {
			s = p.state
		}
		elements = append(elements, c.endpoint(party), ie.New(&ie.EndpointState{State: uint8(s)}))
	}
	m.reply(c.reference(), Status, elements...)
}

// enquired: STATUS ENQUIRY is answered (5.6.11).
func (m *Machine) enquired(c *call, in *input) {
	m.sendStatus(c, m.cause(ie.CauseStatusResponse), in.party, in.multi)
}

// enquiryRequest asks for the state of the call or of a party (5.6.11).
func (m *Machine) enquiryRequest(c *call, in *input) {
	e := in.event
	switch {
	case e.Multi && c.parties[e.Party] == nil:
		in.err = ErrNoParty
	case m.busy():
		in.err = ErrBusy
	case c.asked.running: // 5.6.11: one at a time
		if e.Multi && !slices.Contains(c.toAsk, e.Party) {
			c.toAsk = append(c.toAsk, e.Party)
		}
	default:
		m.ask(c, ask{party: e.Party, multi: e.Multi})
	}
}

// ask sends STATUS ENQUIRY and starts T322.
func (m *Machine) ask(c *call, a ask) {
	a.running, a.active = true, c.state == Active
	c.asked, c.enquiries = a, 1
	m.sendEnquiry(c)
}

func (m *Machine) sendEnquiry(c *call) {
	var elements []ie.Element
	if c.asked.multi {
		elements = append(elements, c.endpoint(c.asked.party))
	}
	m.reply(c.reference(), StatusEnquiry, elements...)
	m.run(&c.enquiry, t322)
}

// askAll asks about the call and all its parties, one after the other.
func (m *Machine) askAll(c *call) {
	c.toAsk = c.toAsk[:0]
	for _, p := range c.info().Parties {
		c.toAsk = append(c.toAsk, p.Party)
	}
	if !c.asked.running {
		m.ask(c, ask{})
	}
}

// noStatus: T322. Ask again, then clear the call by cause 41 (5.6.11).
func (m *Machine) noStatus(c *call, _ *input) {
	if c.enquiries < MaxEnquiries {
		c.enquiries++
		m.sendEnquiry(c)
		return
	}
	c.asked = ask{}
	m.clear(c, m.cause(ie.CauseTemporaryFailure))
}

// told: an answer to STATUS ENQUIRY has come; the next party is asked about.
func (m *Machine) told(c *call) {
	m.timers.stop(&c.enquiry)
	c.asked = ask{}
	for len(c.toAsk) > 0 && c.state == Active {
		party := c.toAsk[0]
		c.toAsk = c.toAsk[1:]
		if c.parties[party] != nil {
			m.ask(c, ask{party: party, multi: true})
			return
		}
	}
}

// status: STATUS. The call is cleared when the peer has none, or one in a
// state that does not go with ours (5.6.12).
func (m *Machine) status(c *call, in *input) {
	in.report = nil // no STATUS answers STATUS
	theirs := State(find[ie.CallState](in.message).State)
	cause := find[ie.Cause](in.message)
	answers := c.asked.running && (cause.Value == ie.CauseStatusResponse || cause.Value == ie.CauseMessageUnknown)
	switch {
	case theirs == Null:
		m.remove(c, m.cause(ie.CauseMessageIncompatible), nil)
		return
	case answers && c.asked.active && theirs != Active && theirs != ReleaseRequested && theirs != ReleaseIndicated:
		// What made the call active went before the enquiry: a reset of the link has lost it.
		m.clear(c, m.cause(ie.CauseMessageIncompatible))
		return
	case !m.compatible(c, theirs):
		m.clear(c, m.cause(ie.CauseMessageIncompatible))
		return
	}
	if in.multi {
		m.partyStatus(c, in, cause)
		if m.calls[c.id] != c {
			return
		}
	}
	if answers {
		m.told(c)
	}
	if cause.Value != ie.CauseStatusResponse {
		m.indicate(StatusIndication, c, in) // 5.6.12: call control decides about reports
	}
}

// compatible says whether the peer may be in that state while we are in ours.
// SAAL keeps the order, so the only difference there can be is a message under
// way (5.6.12 leaves the choice to the implementation).
func (m *Machine) compatible(c *call, theirs State) bool {
	mine := c.state
	switch {
	case mine == ReleaseRequested || mine == ReleaseIndicated:
		return true
	case theirs == ReleaseRequested || theirs == ReleaseIndicated:
		return false // its RELEASE would have come before: a reset of the link has lost it
	}
	r := m.role(c)
	if theirs == Active {
		// Our answer or theirs is under way: not while we have only seen SETUP
		// come in.
		return mine == Active || c.id.Originated() || mine == ConnectRequest
	}
	if r == fromUser {
		return theirs <= CallDelivered && (mine <= CallDelivered || !c.id.Originated())
	}
	return theirs >= CallPresent && (mine != Active || theirs == ConnectRequest)
}
