package q2931

import (
	"bytes"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Restart (5.5). Two machines stand side by side, one for RESTART sent and one
// for RESTART received; both use the global call reference.

type restarter struct {
	timer   timer // T316, running in state REST1
	sent    []byte
	repeats int
	class   uint8
	vc      *ie.Connection
}

type responder struct {
	timer    timer // T317, running in state REST2
	elements []ie.Element
}

func (r *restarter) requesting() bool { return r.sent != nil }
func (r *responder) restarting() bool { return r.elements != nil }

// covers says whether a restart is about the call's VC.
func covers(class uint8, vc *ie.Connection, c *call) bool {
	switch {
	case class == ie.RestartAll:
		return true
	case !c.hasVC || vc == nil:
		return false
	case class == ie.RestartVP:
		return c.vc.VPCI == vc.VPCI
	}
	return c.vc.VPCI == vc.VPCI && c.vc.VCI == vc.VCI
}

// restartCalls frees the calls of a restart, without a message (5.5.1, 5.5.2).
func (m *Machine) restartCalls(class uint8, vc *ie.Connection) {
	for _, c := range m.order() {
		if covers(class, vc, c) {
			m.remove(c, m.cause(ie.CauseTemporaryFailure), nil)
		}
	}
}

// restartRequest sends RESTART (5.5.1).
func (m *Machine) restartRequest(e *Event) error {
	r := &m.start
	indicator := ie.Find[ie.Restart](e.Elements)
	vc := ie.Find[ie.Connection](e.Elements)
	switch {
	case r.requesting():
		return ErrState
	case m.busy():
		return ErrBusy
	case indicator == nil || indicator.Class != ie.RestartAll && vc == nil:
		return ErrElement
	}
	b, err := m.encode(Reference{}, Restart, e.Elements)
	if err != nil {
		return err
	}
	r.sent, r.repeats, r.class, r.vc = b, 0, indicator.Class, vc
	m.restartCalls(r.class, vc)
	m.transmit(b)
	m.run(&r.timer, t316)
	return nil
}

// restartUnanswered: T316. RESTART is sent once more; then maintenance is told
// (5.5.1.2).
func (m *Machine) restartUnanswered() {
	r := &m.start
	if r.repeats == 0 {
		r.repeats++
		m.restartCalls(r.class, r.vc) // the peer may clear what came up since
		if !m.busy() {
			m.transmit(r.sent)
		}
		m.run(&r.timer, t316)
		return
	}
	r.sent = nil
	m.do(Event{Kind: RestartFailure, Cause: m.expired("316")})
}

// globalMessage: a message with the global call reference.
func (m *Machine) globalMessage(msg *Message) {
	d := descriptions[msg.Type]
	switch msg.Type {
	case Restart, RestartAck:
		v := m.check(msg, d)
		switch {
		case v.mandatory != nil:
			m.globalStatus(v.mandatory)
		case v.discard || v.clear:
			if v.report != nil {
				m.globalStatus(v.report)
			}
		case msg.Type == Restart && !msg.Reference.Flag:
			m.restartArrived(msg)
		case msg.Type == RestartAck && msg.Reference.Flag:
			m.restartAcknowledged(msg)
		default:
			m.counters.Ignored++
		}
	case Status:
		m.counters.Ignored++ // 5.6.12 leaves a mismatch to the implementation
	default: // 5.6.3.2 e
		m.globalStatus(m.cause(ie.CauseInvalidCallReference))
	}
}

// globalStatus reports the state of the restart machines.
func (m *Machine) globalStatus(cause *ie.Cause) {
	s := ie.StateRestartNull
	switch {
	case m.respond.restarting():
		s = ie.StateRestart
	case m.start.requesting():
		s = ie.StateRestartRequest
	}
	m.reply(Reference{Flag: true}, Status, ie.New(&ie.CallState{State: s}), ie.New(cause))
}

// restartArrived: RESTART (5.5.2). Its calls are freed; when call control has
// given up the VCs, it says RestartResponse.
func (m *Machine) restartArrived(msg *Message) {
	class := find[ie.Restart](msg).Class
	vc := find[ie.Connection](msg)
	if class != ie.RestartAll && vc == nil {
		m.globalStatus(m.cause(ie.CauseMandatoryMissing, byte(ie.ConnectionID)))
		return
	}
	m.restartCalls(class, vc)
	// A RESTART that comes again is the sender's T316: same answer.
	m.respond.elements = restartElements(class, vc)
	m.run(&m.respond.timer, t317)
	m.do(Event{Kind: RestartIndication, Elements: m.respond.elements})
}

// restartElements are the elements of the acknowledgement: the same as those
// of RESTART, in memory of their own.
func restartElements(class uint8, vc *ie.Connection) []ie.Element {
	var elements []ie.Element
	if vc != nil && class != ie.RestartAll {
		copied := *vc
		elements = append(elements, ie.New(&copied))
	}
	return append(elements, ie.New(&ie.Restart{Class: class}))
}

// restartResponse sends RESTART ACKNOWLEDGE (5.5.2).
func (m *Machine) restartResponse() error {
	r := &m.respond
	if !r.restarting() {
		return ErrState
	}
	if m.busy() {
		return ErrBusy
	}
	m.timers.stop(&r.timer)
	m.reply(Reference{Flag: true}, RestartAck, r.elements...)
	r.elements = nil
	return nil
}

// restartOverdue: T317. Call control has not given up the VCs in time (5.5.2).
func (m *Machine) restartOverdue() {
	m.respond.elements = nil
	m.do(Event{Kind: RestartFailure, Cause: m.expired("317")})
}

// restartAcknowledged: RESTART ACKNOWLEDGE (5.5.1).
func (m *Machine) restartAcknowledged(msg *Message) {
	r := &m.start
	if !r.requesting() {
		m.globalStatus(m.cause(ie.CauseMessageIncompatible, byte(RestartAck)))
		return
	}
	class, vc := find[ie.Restart](msg).Class, find[ie.Connection](msg)
	mine, _ := ie.Append(nil, restartElements(r.class, r.vc)...)
	theirs, _ := ie.Append(nil, restartElements(class, vc)...)
	if !bytes.Equal(mine, theirs) {
		m.counters.Ignored++ // it answers something else
		return
	}
	m.timers.stop(&r.timer)
	r.sent = nil
	m.do(Event{Kind: RestartConfirm, Elements: msg.Elements})
}
