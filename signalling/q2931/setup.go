package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// The calling side: the user at the originating interface (5.1), the network
// at the destination interface (5.2).

// setupRequest sends SETUP (5.1.1, 5.2.1).
func (m *Machine) setupRequest(e *Event) error {
	if m.busy() {
		return ErrBusy
	}
	id, err := m.allocate()
	if err != nil {
		return err
	}
	elements := e.Elements
	bearer := ie.Find[ie.BearerCapability](elements)
	multi := bearer != nil && bearer.Multipoint != 0
	if ie.Index(elements, ie.EndpointReferenceID) >= 0 {
		return ErrElement
	}
	probe := call{id: id}
	if multi {
		elements = probe.withParty(elements, firstParty)
	}
	b, err := m.encode(probe.reference(), Setup, elements)
	if err != nil {
		return err
	}
	c := m.add(id)
	c.multi, c.sent = multi, b
	c.learn(elements)
	m.enter(c, m.role(c).present)
	m.transmit(b)
	m.run(&c.timer, t303)
	if multi {
		m.addParty(c, firstParty).state = PartyAddInitiated
	}
	e.Call = id
	return nil
}

// noResponse: T303. SETUP is sent once more, then the call is cleared (5.1.1,
// 5.2.1).
func (m *Machine) noResponse(c *call, _ *input) {
	if c.repeats == 0 {
		c.repeats++
		if m.link.state == linkEstablished {
			m.transmit(c.sent)
		}
		m.run(&c.timer, t303)
		return
	}
	cause := m.expired("303")
	m.reply(c.reference(), ReleaseComplete, ie.New(cause))
	if m.config.Side == Network {
		cause = m.cause(ie.CauseNoResponse) // 5.2.5.4: what the calling user is told
	}
	m.remove(c, cause, nil)
}

// response is the first part of every response to SETUP. The first one settles
// the VPCI and VCI; a user that has not been given any by then clears the call
// (5.1.2, 5.6.7.1).
func (m *Machine) response(c *call, in *input) bool {
	c.sent, c.repeats = nil, 0
	c.learn(in.message.Elements)
	if !c.hasVC {
		m.clear(c, m.cause(ie.CauseMandatoryMissing, byte(ie.ConnectionID)))
		return false
	}
	return true
}

// proceeding: CALL PROCEEDING (5.1.5, 5.2.5.2).
func (m *Machine) proceeding(c *call, in *input) {
	if !m.response(c, in) {
		return
	}
	m.enter(c, m.role(c).proceeding)
	m.run(&c.timer, t310)
	m.indicate(ProceedingIndication, c, in)
}

// noProgress: T310 (5.1.5, 5.2.5.4).
func (m *Machine) noProgress(c *call, _ *input) { m.clear(c, m.expired("310")) }

// alerting: ALERTING (5.1.6, 5.2.5.2).
func (m *Machine) alerting(c *call, in *input) {
	if !m.response(c, in) {
		return
	}
	m.enter(c, m.role(c).alerting)
	m.run(&c.timer, t301)
	if p := c.parties[firstParty]; p != nil {
		p.state = PartyAlertingReceived
	}
	m.indicate(AlertingIndication, c, in)
}

// noAnswer: T301 (5.1.6, 5.2.5.4).
func (m *Machine) noAnswer(c *call, _ *input) { m.clear(c, m.expired("301")) }

// connected: CONNECT at the calling user, who acknowledges (5.1.7).
func (m *Machine) connected(c *call, in *input) {
	if !m.response(c, in) {
		return
	}
	m.enter(c, Active)
	m.reply(c.reference(), ConnectAck)
	m.firstActive(c)
	m.indicate(SetupConfirm, c, in)
}

// answered: CONNECT from the called user (5.2.6). The network acknowledges when
// call control says so.
func (m *Machine) answered(c *call, in *input) {
	if !m.response(c, in) {
		return
	}
	m.enter(c, ConnectRequest)
	m.indicate(SetupConfirm, c, in)
}

// completeRequest: the network awards the call to the user (5.2.7).
func (m *Machine) completeRequest(c *call, in *input) {
	if in.err = m.send(c, ConnectAck, in.event.Elements); in.err == nil {
		m.enter(c, Active)
		m.firstActive(c)
	}
}

// The called side: the network at the originating interface, the user at the
// destination interface.

// setup: SETUP that starts a call (5.1.1, 5.2.1).
func (m *Machine) setup(id Call, in *input) *call {
	c := m.add(id)
	c.multi = in.multi
	c.learn(in.message.Elements)
	m.enter(c, m.role(c).present)
	if c.multi {
		m.addParty(c, in.party).state = PartyAddReceived
	}
	m.leafJoined(in.message.Elements)
	m.indicate(SetupIndication, c, in)
	return c
}

// answer sends a response to SETUP.
func (m *Machine) answer(c *call, in *input, t Type) bool {
	elements := in.event.Elements
	if c.multi {
		if ie.Index(elements, ie.EndpointReferenceID) >= 0 {
			in.err = ErrElement
			return false
		}
		elements = c.withParty(elements, c.first())
	}
	if ie.Index(elements, ie.ConnectionID) < 0 && !c.hasVC && m.config.Side == Network {
		in.err = ErrElement // 5.1.2: the first response carries VPCI and VCI
		return false
	}
	if in.err = m.send(c, t, elements); in.err != nil {
		return false
	}
	c.learn(elements)
	return true
}

// proceedingRequest sends CALL PROCEEDING (5.1.5, 5.2.5.1).
func (m *Machine) proceedingRequest(c *call, in *input) {
	if m.answer(c, in, CallProceeding) {
		m.enter(c, m.role(c).proceeding)
	}
}

// alertingRequest sends ALERTING (5.1.6, 5.2.5.1).
func (m *Machine) alertingRequest(c *call, in *input) {
	if !m.answer(c, in, Alerting) {
		return
	}
	m.enter(c, m.role(c).alerting)
	if p := c.parties[c.first()]; p != nil {
		p.state = PartyAlertingDelivered
	}
}

// connectRequest: the network tells the calling user that the call is accepted
// (5.1.7).
func (m *Machine) connectRequest(c *call, in *input) {
	if m.answer(c, in, Connect) {
		m.enter(c, Active)
		m.firstActive(c)
	}
}

// answerRequest: the called user accepts (5.2.6).
func (m *Machine) answerRequest(c *call, in *input) {
	if m.answer(c, in, Connect) {
		m.enter(c, ConnectRequest)
		m.run(&c.timer, t313)
	}
}

// acknowledged: CONNECT ACKNOWLEDGE at the called user (5.2.7).
func (m *Machine) acknowledged(c *call, in *input) {
	m.enter(c, Active)
	m.firstActive(c)
	m.indicate(SetupCompleteIndication, c, in)
}

// noAcknowledgement: T313 (5.2.6).
func (m *Machine) noAcknowledgement(c *call, _ *input) { m.clear(c, m.expired("313")) }

// ignore does nothing.
func (m *Machine) ignore(_ *call, in *input) {
	if in.message != nil {
		m.counters.Ignored++
	}
}
