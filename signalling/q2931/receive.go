package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// dummyReference is the call reference that belongs to no call; it is never
// given to one.
const dummyReference = MaxReference

// receive takes a message from the peer (5.6.1 to 5.6.4).
func (m *Machine) receive(data []byte) {
	msg, err := Decode(data)
	switch err {
	case nil:
	case ErrDiscriminator:
		m.counters.BadDiscriminator++ // 5.6.1
		return
	case ErrReference:
		m.counters.BadReference++ // 5.6.3.1
		return
	default:
		m.counters.TooShort++ // 5.6.2
		return
	}
	leafs := msg.Type == LeafSetupRequest || msg.Type == LeafSetupFailure
	switch {
	case leafs && (msg.Reference.Value == GlobalReference || msg.Reference.Value == dummyReference) && m.config.Version == UNI40:
		m.leafMessage(&msg)
	case msg.Reference.Value == GlobalReference:
		m.globalMessage(&msg)
	default:
		// The flag is 1 in messages to the side that chose the reference.
		id := CallOf(msg.Reference.Value, msg.Reference.Flag)
		if c := m.calls[id]; c != nil {
			m.callMessage(c, &msg)
		} else {
			m.unknownReference(id, &msg)
		}
	}
}

// reply sends a message that the machine itself decides on.
func (m *Machine) reply(r Reference, t Type, elements ...ie.Element) {
	if m.busy() {
		m.counters.PendingDropped++
		return
	}
	message := Message{Reference: r, Type: t, Elements: elements}
	b, err := message.Append(make([]byte, 0, 32))
	if err != nil {
		panic(err) // our own elements always fit
	}
	m.transmit(b)
}

// unknownReference: the call reference is that of no call (5.6.3.2).
func (m *Machine) unknownReference(id Call, msg *Message) {
	back := Reference{msg.Reference.Value, !msg.Reference.Flag}
	switch msg.Type {
	case Setup:
		if msg.Reference.Flag || id.Reference() == dummyReference {
			m.counters.Ignored++ // 5.6.3.2 c
			return
		}
		m.newCall(id, msg)
	case ReleaseComplete:
		m.counters.Ignored++ // 5.6.3.2 b
	case Status: // 5.6.12
		if s := find[ie.CallState](msg); s != nil && State(s.State) != Null {
			m.reply(back, ReleaseComplete, ie.New(m.cause(ie.CauseMessageIncompatible)))
		}
	case StatusEnquiry: // 5.6.11
		m.reply(back, Status, ie.New(&ie.CallState{}), ie.New(m.cause(ie.CauseStatusResponse)))
	default: // 5.6.3.2 a
		m.reply(back, ReleaseComplete, ie.New(m.cause(ie.CauseInvalidCallReference)))
	}
}

// newCall: SETUP with a new call reference.
func (m *Machine) newCall(id Call, msg *Message) {
	back := Reference{msg.Reference.Value, true}
	refuse := func(c *ie.Cause) { m.reply(back, ReleaseComplete, ie.New(c)) }
	v := m.check(msg, descriptions[Setup])
	in := &input{message: msg, report: v.report}
	bearer := find[ie.BearerCapability](msg)
	if p := find[ie.EndpointReference](msg); p != nil {
		in.party = p.Value
	}
	if bearer != nil && bearer.Multipoint != 0 {
		in.multi = true
		if find[ie.EndpointReference](msg) == nil && v.mandatory == nil {
			v.mandatory = m.cause(ie.CauseMandatoryMissing, byte(ie.EndpointReferenceID)) // Q.2971 9.5
		}
	}
	switch {
	case v.clear:
		refuse(v.report)
	case v.discard:
		if v.report != nil {
			m.reply(back, Status, ie.New(&ie.CallState{}), ie.New(v.report))
		}
	case v.mandatory != nil: // 5.6.7
		refuse(v.mandatory)
	case len(m.calls) >= m.config.MaxCalls:
		refuse(m.cause(ie.CauseNoResource))
	default:
		c := m.setup(id, in)
		if in.report != nil {
			m.sendStatus(c, in.report, 0, false) // 5.6.8
		}
	}
}

// callMessage: a message for a call that there is.
func (m *Machine) callMessage(c *call, msg *Message) {
	d := descriptions[msg.Type]
	on, belongs := messageSignals[msg.Type]
	if d == nil || d.in&m.config.Version == 0 {
		m.unexpected(c, msg, ie.CauseMessageUnknown)
		return
	}
	if !belongs || states[m.config.Side][c.state][on].do == nil {
		m.unexpected(c, msg, ie.CauseMessageIncompatible)
		return
	}
	v := m.check(msg, d)
	in := &input{message: msg, report: v.report}
	if p := find[ie.EndpointReference](msg); p != nil {
		in.party, in.multi = p.Value, true
		if p.Flag != c.id.Originated() { // Q.2971 9.5: the flag is wrong
			m.counters.Ignored++
			return
		}
	}
	if !m.accept(c, in, v) {
		return
	}
	states[m.config.Side][c.state][on].do(m, c, in)
	if in.report != nil && m.calls[c.id] == c {
		m.sendStatus(c, in.report, in.party, in.multi) // 5.6.8: the new state
	}
}

// accept acts on the verdict, and says whether the message is to be handled.
func (m *Machine) accept(c *call, in *input, v verdict) bool {
	leaving := in.message.Type == Release || in.message.Type == ReleaseComplete
	switch {
	case v.clear && !leaving:
		m.clear(c, v.report)
		return false
	case v.discard:
		if v.report != nil {
			m.sendStatus(c, v.report, in.party, in.multi)
		}
		return false
	case v.mandatory == nil:
		return true
	}
	switch in.message.Type {
	case Release, ReleaseComplete: // 5.6.7: as if the cause were 31
		in.report = v.mandatory
		in.message.Elements = append(in.message.Elements, ie.New(m.cause(ie.CauseUnspecified)))
		return true
	case DropParty, AddPartyReject: // Q.2971 9.5: the same
		if in.multi {
			in.report = v.mandatory
			in.message.Elements = append(in.message.Elements, ie.New(m.cause(ie.CauseUnspecified)))
			return true
		}
	case AddParty: // Q.2971 9.5
		if in.multi && c.parties[in.party] == nil {
			m.reply(c.reference(), AddPartyReject, ie.New(v.mandatory), c.endpoint(in.party))
			return false
		}
	}
	m.sendStatus(c, v.mandatory, in.party, in.multi)
	return false
}

// unexpected: a message type that is not known, or not in this state (5.6.4);
// with an explicit action when the flag says so (5.7.1).
func (m *Machine) unexpected(c *call, msg *Message, value uint8) {
	cause := m.cause(value, byte(msg.Type))
	if msg.Flag {
		switch msg.Action {
		case ActionClear:
			m.clear(c, cause)
			return
		case ActionDiscard:
			m.counters.Ignored++
			return
		}
	}
	m.sendStatus(c, cause, 0, false)
}
