package q2931

import (
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
)

// The signalling link, as the SAAL's primitives show it (Q.2130; 5.6.9,
// 5.6.10).

type linkState uint8

const (
	linkReleased linkState = iota
	linkAwaiting           // AAL-ESTABLISH-request has been given
	linkEstablished
)

type link struct {
	state   linkState
	pending [][]byte // messages that wait for the link
	hold    timer    // T309
	retry   timer
}

// busy says that no more messages can wait for the link.
func (m *Machine) busy() bool {
	return m.link.state != linkEstablished && len(m.link.pending) >= MaxPending
}

// transmit sends a message, or lets it wait for the link.
func (m *Machine) transmit(b []byte) {
	if m.link.state == linkEstablished {
		m.do(Event{Kind: DataRequest, Data: b})
		return
	}
	m.link.pending = append(m.link.pending, b)
	m.establish()
}

func (m *Machine) establish() {
	if m.link.state == linkReleased {
		m.link.state = linkAwaiting
		m.do(Event{Kind: EstablishRequest})
	}
}

func (m *Machine) fromSAAL(e *Event) {
	switch e.Kind {
	case EstablishConfirm, EstablishIndication:
		if m.link.state != linkEstablished {
			m.linkUp()
		} else if e.Kind == EstablishIndication {
			m.linkReset()
		}
	case LinkReleased:
		m.linkDown()
	case DataIndication:
		if m.link.state != linkEstablished {
			m.counters.Ignored++
			return
		}
		m.receive(e.Data)
	}
}

// order is all calls, by reference: what is done to all is done in an order
// that only depends on the state.
func (m *Machine) order() []*call {
	list := make([]*call, 0, len(m.calls))
	for _, c := range m.calls {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *call) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return list
}

// linkUp: the link is established. Messages that waited go out; calls that
// were held are checked (5.6.10).
func (m *Machine) linkUp() {
	m.link.state = linkEstablished
	m.timers.stop(&m.link.retry)
	m.do(Event{Kind: LinkUp})
	waiting := m.link.pending
	m.link.pending = nil
	for _, b := range waiting {
		m.do(Event{Kind: DataRequest, Data: b})
	}
	if m.link.hold.place == 0 {
		return
	}
	m.timers.stop(&m.link.hold)
	for _, c := range m.order() {
		if c.state == Active {
			m.askAll(c)
		}
	}
}

// linkReset: the SAAL has reset the link and may have lost messages (5.6.9).
// Active calls are checked. Calls that come up or go down are left to their
// timers: to ask about them could clear a call whose SETUP was lost and will be
// sent again.
func (m *Machine) linkReset() {
	for _, c := range m.order() {
		if c.state == Active {
			m.askAll(c)
		}
	}
}

// linkDown: the link has failed (5.6.10). Calls that are not active are
// cleared here; active ones are held for T309 while the link is asked for
// again.
func (m *Machine) linkDown() {
	was := m.link.state
	m.link.state, m.link.pending = linkReleased, nil
	if was == linkEstablished {
		m.do(Event{Kind: LinkDown})
	}
	held := false
	for _, c := range m.order() {
		m.timers.stop(&c.enquiry)
		c.asked, c.toAsk = ask{}, nil
		if c.state != Active || !m.holdParties(c) {
			m.remove(c, m.cause(ie.CauseDestinationOut), nil)
			continue
		}
		held = true
	}
	switch {
	case !held:
		m.timers.stop(&m.link.hold)
	case was == linkAwaiting: // not at once again
		m.timers.start(&m.link.retry, m.now+min(retryLink, m.config.Timers.T309), t309)
		m.holdCalls()
	default:
		m.hold()
	}
}

// hold starts T309, and asks for the link.
func (m *Machine) hold() {
	m.holdCalls()
	m.establish()
}

func (m *Machine) holdCalls() {
	if m.link.hold.place == 0 {
		m.run(&m.link.hold, t309)
	}
}

// linkExpired: T309, or it is time to ask for the link again.
func (m *Machine) linkExpired(t *timer) {
	if t == &m.link.retry {
		m.establish()
		return
	}
	m.timers.stop(&m.link.retry)
	for _, c := range m.order() { // 5.6.10
		m.remove(c, m.cause(ie.CauseDestinationOut), nil)
	}
	m.link.pending = nil
}
