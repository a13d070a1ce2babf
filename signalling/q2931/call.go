package q2931

import (
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
)

// State is the state of a call, as call state elements carry it (Q.2931, 2.1).
// U and N of a number are the same call seen from the user and the network.
type State uint8

// Call states.
const (
	Null               State = 0
	CallInitiated      State = 1 // the user has sent SETUP
	OutgoingProceeding State = 3
	CallDelivered      State = 4
	CallPresent        State = 6 // the network has sent SETUP
	CallReceived       State = 7
	ConnectRequest     State = 8 // the user has sent CONNECT
	IncomingProceeding State = 9
	Active             State = 10
	ReleaseRequested   State = 11 // the user has sent RELEASE
	ReleaseIndicated   State = 12 // the network has sent RELEASE

	stateCount = 13
)

func (s State) String() string {
	switch s {
	case Null:
		return "null"
	case CallInitiated:
		return "call initiated"
	case OutgoingProceeding:
		return "outgoing call proceeding"
	case CallDelivered:
		return "call delivered"
	case CallPresent:
		return "call present"
	case CallReceived:
		return "call received"
	case ConnectRequest:
		return "connect request"
	case IncomingProceeding:
		return "incoming call proceeding"
	case Active:
		return "active"
	case ReleaseRequested:
		return "release request"
	case ReleaseIndicated:
		return "release indication"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// call is one call. Between messages it keeps what a retransmission needs and
// nothing of what call control was told.
type call struct {
	id      Call
	state   State
	timer   timer // of the state
	enquiry timer // T322
	// repeats counts retransmissions of the message that timer guards.
	repeats int
	// sent is the SETUP until it is answered.
	sent []byte
	// causes of the RELEASE, for T308; or for the RELEASE COMPLETE to come.
	causes []*ie.Cause
	// vc is the VPCI and VCI; hasVC says that they are known.
	vc    ie.Connection
	hasVC bool
	// multi is a point-to-multipoint call; parties by endpoint reference.
	multi     bool
	parties   map[uint16]*party
	lastParty uint16
	enquiries int
	asked     ask
	toAsk     []uint16
}

// ask is whom the outstanding STATUS ENQUIRY is about.
type ask struct {
	running bool
	active  bool // the call was when it was sent
	party   uint16
	multi   bool
}

// Info is what is known of a call.
type Info struct {
	Call  Call
	State State
	// Connection is nil until VPCI and VCI are known.
	Connection *ie.Connection
	Multi      bool
	Parties    []PartyInfo // of a point-to-multipoint call, by reference
}

// PartyInfo is a party and its state.
type PartyInfo struct {
	Party uint16
	State PartyState
}

// Info looks a call up.
func (m *Machine) Info(id Call) (Info, bool) {
	c := m.calls[id]
	if c == nil {
		return Info{}, false
	}
	return c.info(), true
}

func (c *call) info() Info {
	i := Info{Call: c.id, State: c.state, Multi: c.multi}
	if c.hasVC {
		vc := c.vc
		i.Connection = &vc
	}
	for _, p := range c.parties {
		i.Parties = append(i.Parties, PartyInfo{p.id, p.state})
	}
	slices.SortFunc(i.Parties, func(a, b PartyInfo) int { return int(a.Party) - int(b.Party) })
	return i
}

// Calls are all calls, in no order.
func (m *Machine) Calls() []Info {
	list := make([]Info, 0, len(m.calls))
	for _, c := range m.calls {
		list = append(list, c.info())
	}
	return list
}

// Restore puts a call into the machine that another has had: after a restart
// of the process, with the other side none the wiser. The call must be Active,
// and so must be its parties. When the link is established next, STATUS
// ENQUIRY checks it (5.6.9).
func (m *Machine) Restore(i Info) error {
	switch {
	case i.State != Active || i.Call.Reference() == GlobalReference || i.Call.Reference() == dummyReference:
		return ErrState
	case m.calls[i.Call] != nil:
		return ErrState
	case len(m.calls) >= m.config.MaxCalls:
		return ErrTooManyCalls
	case len(i.Parties) > m.config.MaxParties:
		return ErrTooMany
	}
	for _, p := range i.Parties {
		if p.State != PartyActive || !i.Multi {
			return ErrState
		}
	}
	c := m.add(i.Call)
	c.state, c.multi = Active, i.Multi
	if i.Connection != nil {
		c.vc, c.hasVC = *i.Connection, true
	}
	for _, p := range i.Parties {
		m.addParty(c, p.Party).state = PartyActive
	}
	if m.link.state != linkEstablished { // it may have been asked for already
		m.hold()
	}
	return nil
}

// add makes a call in state Null.
func (m *Machine) add(id Call) *call {
	c := &call{id: id}
	c.timer.call, c.enquiry.call = c, c
	m.calls[id] = c
	return c
}

// allocate finds a call reference that is free (4.3). References go round, so
// that one is not used again at once.
func (m *Machine) allocate() (Call, error) {
	if len(m.calls) >= m.config.MaxCalls {
		return 0, ErrTooManyCalls
	}
	for {
		m.last++
		if m.last >= dummyReference {
			m.last = 1
		}
		if id := CallOf(m.last, true); m.calls[id] == nil {
			return id, nil
		}
	}
}

// reference is the call reference of messages that are sent (4.3): the flag is
// 0 from the side that chose it.
func (c *call) reference() Reference {
	return Reference{c.id.Reference(), !c.id.Originated()}
}

// role is the states that a call goes through, for the side that sent SETUP
// and for the one that received it.
type role struct{ present, proceeding, alerting State }

var (
	fromUser    = role{CallInitiated, OutgoingProceeding, CallDelivered}
	fromNetwork = role{CallPresent, IncomingProceeding, CallReceived}
)

// role of the call: SETUP went from user to network, or the other way.
func (m *Machine) role(c *call) role {
	if c.id.Originated() == (m.config.Side == User) {
		return fromUser
	}
	return fromNetwork
}

// clearing is the state after sending RELEASE, cleared that after receiving it.
func (m *Machine) clearing() State {
	if m.config.Side == User {
		return ReleaseRequested
	}
	return ReleaseIndicated
}

func (m *Machine) cleared() State {
	if m.config.Side == User {
		return ReleaseIndicated
	}
	return ReleaseRequested
}

// enter changes the state and stops the timer of the old one.
func (m *Machine) enter(c *call, s State) {
	m.timers.stop(&c.timer)
	c.state = s
}

// remove frees the call reference and tells call control, which frees the VC.
func (m *Machine) remove(c *call, cause *ie.Cause, elements []ie.Element) {
	m.timers.stop(&c.timer)
	m.timers.stop(&c.enquiry)
	for _, p := range c.parties {
		m.timers.stop(&p.timer)
	}
	delete(m.calls, c.id)
	c.state = Null
	m.do(Event{Kind: ReleaseConfirm, Call: c.id, Cause: cause, Elements: elements})
}

// send encodes a message of the call and gives it to the link. With an error
// nothing was sent.
func (m *Machine) send(c *call, t Type, elements []ie.Element) error {
	if m.busy() {
		return ErrBusy
	}
	b, err := m.encode(c.reference(), t, elements)
	if err != nil {
		return err
	}
	m.transmit(b)
	return nil
}

// encode makes the octets of a message that this version has, with all its
// mandatory elements and no others than it may have.
func (m *Machine) encode(r Reference, t Type, elements []ie.Element) ([]byte, error) {
	d := descriptions[t]
	if d.in&m.config.Version == 0 {
		return nil, ErrVersion
	}
	if err := d.complete(m.config.Version, m.outward(), elements); err != nil {
		return nil, err
	}
	message := Message{Reference: r, Type: t, Elements: elements}
	return message.Append(make([]byte, 0, 64+32*len(elements)))
}

// complete checks elements that call control wants to send: those that must be
// there are, and known ones are where they may be. Others are its own affair.
func (d *description) complete(v Version, to Direction, elements []ie.Element) error {
	var counts [256]int
	for j := range elements {
		e := &elements[j]
		switch {
		case j > 0 && elements[j-1].ID == ie.NonLockingShiftID: // of another codeset
		case e.ID == ie.NonLockingShiftID || !e.Known():
		case d.use(e.ID) == nil:
			return fmt.Errorf("%w: %v in %s", ErrElement, e.ID, d.name)
		default:
			counts[e.ID]++
		}
	}
	for i := range d.uses {
		u := &d.uses[i]
		n := counts[u.id]
		if u.mandatory(v, to) && n == 0 || n > 0 && !u.allowed(v, to) || n > u.most {
			return fmt.Errorf("%w: %v in %s", ErrElement, u.id, d.name)
		}
	}
	return nil
}

func (m *Machine) outward() Direction {
	if m.config.Side == User {
		return ToNetwork
	}
	return ToUser
}

func (m *Machine) inward() Direction { return m.outward() ^ both }

// withCauses is elements without their causes, causes in front.
func withCauses(causes []*ie.Cause, elements []ie.Element) []ie.Element {
	out := make([]ie.Element, 0, len(causes)+len(elements))
	for _, c := range causes {
		if c != nil {
			out = append(out, ie.New(c))
		}
	}
	for i := range elements {
		if elements[i].ID != ie.CauseID {
			out = append(out, elements[i])
		}
	}
	return out
}

// causeOf is the cause that call control gave, or 31.
func (m *Machine) causeOf(elements []ie.Element) *ie.Cause {
	if c := ie.Find[ie.Cause](elements); c != nil {
		return c
	}
	return m.cause(ie.CauseUnspecified)
}

// learn takes the VPCI and VCI from the message that settles them (5.1.2,
// 5.2.3).
func (c *call) learn(elements []ie.Element) {
	if v := ie.Find[ie.Connection](elements); v != nil {
		c.vc, c.hasVC = *v, true
	}
}
