package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// Leaf initiated join (UNI 4.0, 6). The messages belong to no call; the leaf
// sequence number joins request and answer. They are sent with the global call
// reference, and taken with the dummy one too.

type leaf struct {
	sequence uint32
	timer    timer // T331
	sent     []byte
	repeats  int
}

// leafRequest sends LEAF SETUP REQUEST. A leaf sequence number is added when
// there is none, and is in Event.Leaf afterwards. The answer is SETUP or ADD
// PARTY with the number, or LeafFailureIndication.
func (m *Machine) leafRequest(e *Event) error {
	switch {
	case m.config.Version != UNI40:
		return ErrVersion
	case len(m.leaves) >= MaxLeaves:
		return ErrTooMany
	case m.busy():
		return ErrBusy
	}
	elements := e.Elements
	if s := ie.Find[ie.LeafSequence](elements); s != nil {
		e.Leaf = s.Number
	} else {
		for m.lastLeaf++; m.leaves[m.lastLeaf] != nil; m.lastLeaf++ {
		}
		e.Leaf = m.lastLeaf
		elements = append(append([]ie.Element(nil), elements...), ie.New(&ie.LeafSequence{Number: e.Leaf}))
	}
	if m.leaves[e.Leaf] != nil {
		return ErrState
	}
	b, err := m.encode(Reference{}, LeafSetupRequest, elements)
	if err != nil {
		return err
	}
	l := &leaf{sequence: e.Leaf, sent: b}
	l.timer.leaf = l
	m.leaves[l.sequence] = l
	m.transmit(b)
	if m.config.Side == User { // a network's request to the root is its user's: T331 is the leaf's
		m.run(&l.timer, t331)
	} else {
		delete(m.leaves, l.sequence)
	}
	return nil
}

// leafExpired: T331. The request is sent once more, then given up (UNI 4.0,
// 6.2).
func (m *Machine) leafExpired(l *leaf) {
	if l.repeats == 0 {
		l.repeats++
		if !m.busy() {
			m.transmit(l.sent)
		}
		m.run(&l.timer, t331)
		return
	}
	delete(m.leaves, l.sequence)
	m.do(Event{Kind: LeafFailureIndication, Leaf: l.sequence, Cause: m.expired("331")})
}

// leafFailureRequest sends LEAF SETUP FAILURE.
func (m *Machine) leafFailureRequest(e *Event) error {
	if m.config.Version != UNI40 {
		return ErrVersion
	}
	if m.busy() {
		return ErrBusy
	}
	elements := withCauses([]*ie.Cause{m.causeOf(e.Elements)}, e.Elements)
	if ie.Find[ie.LeafSequence](elements) == nil {
		elements = append(elements, ie.New(&ie.LeafSequence{Number: e.Leaf}))
	}
	b, err := m.encode(Reference{}, LeafSetupFailure, elements)
	if err == nil {
		m.transmit(b)
	}
	return err
}

// leafMessage: LEAF SETUP REQUEST or LEAF SETUP FAILURE. Faulty ones are
// ignored: there is no call to report about (UNI 4.0, 6.3).
func (m *Machine) leafMessage(msg *Message) {
	v := m.check(msg, descriptions[msg.Type])
	s := find[ie.LeafSequence](msg)
	if v.discard || v.clear || v.mandatory != nil {
		if msg.Type == LeafSetupRequest && s != nil && v.mandatory != nil {
			m.reply(Reference{}, LeafSetupFailure, ie.New(v.mandatory), ie.New(s))
			return
		}
		m.counters.Ignored++
		return
	}
	if msg.Type == LeafSetupRequest {
		m.do(Event{Kind: LeafIndication, Leaf: s.Number, Elements: msg.Elements})
		return
	}
	if !m.leafAnswered(s.Number) && m.config.Side == User {
		m.counters.Ignored++
		return
	}
	m.do(Event{Kind: LeafFailureIndication, Leaf: s.Number, Cause: find[ie.Cause](msg), Elements: msg.Elements})
}

// leafAnswered stops T331 of a request.
func (m *Machine) leafAnswered(sequence uint32) bool {
	l := m.leaves[sequence]
	if l == nil {
		return false
	}
	m.timers.stop(&l.timer)
	delete(m.leaves, sequence)
	return true
}

// leafJoined stops T331 when SETUP or ADD PARTY carries the number of a
// request.
func (m *Machine) leafJoined(elements []ie.Element) {
	if s := ie.Find[ie.LeafSequence](elements); s != nil {
		m.leafAnswered(s.Number)
	}
}
