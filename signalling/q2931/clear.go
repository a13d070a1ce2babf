package q2931

import "github.com/cellhub/cellhub/signalling/ie"

// Clearing (5.4).

// tonesAvailable is the progress description that in-band information is
// there, for which T306 waits (5.4.4).
const tonesAvailable = 8

// releaseRequest sends RELEASE (5.4.3, 5.4.4).
func (m *Machine) releaseRequest(c *call, in *input) {
	cause := m.causeOf(in.event.Elements)
	elements := withCauses([]*ie.Cause{cause}, in.event.Elements)
	if in.err = m.send(c, Release, elements); in.err != nil {
		return
	}
	m.awaitComplete(c, cause)
	if p := ie.Find[ie.ProgressIndicator](elements); p != nil && p.Description == tonesAvailable && m.config.Side == Network {
		m.run(&c.timer, t306)
	}
}

// awaitComplete is the state after RELEASE.
func (m *Machine) awaitComplete(c *call, cause *ie.Cause) {
	m.enter(c, m.clearing())
	m.timers.stop(&c.enquiry)
	for _, p := range c.parties {
		m.timers.stop(&p.timer)
	}
	c.sent, c.repeats, c.causes = nil, 0, []*ie.Cause{cause}
	m.run(&c.timer, t308)
}

// clear clears the call because of an error or a timer: call control is told,
// and the peer.
func (m *Machine) clear(c *call, cause *ie.Cause) {
	switch c.state {
	case ReleaseRequested, ReleaseIndicated:
		return
	case m.role(c).present:
		if !c.id.Originated() { // no response has been sent: 5.2.5.3, 5.1.8
			m.reply(c.reference(), ReleaseComplete, ie.New(cause))
			m.remove(c, cause, nil)
			return
		}
	}
	m.reply(c.reference(), Release, ie.New(cause))
	m.awaitComplete(c, cause)
	m.do(Event{Kind: ReleaseIndication, Call: c.id, Cause: cause})
}

// reject refuses a call that has not been answered: RELEASE COMPLETE (5.1.8,
// 5.2.5.3).
func (m *Machine) reject(c *call, in *input) {
	cause := m.causeOf(in.event.Elements)
	if in.err = m.send(c, ReleaseComplete, withCauses([]*ie.Cause{cause}, in.event.Elements)); in.err == nil {
		m.remove(c, cause, nil)
	}
}

// released: RELEASE (5.4.3, 5.4.4).
func (m *Machine) released(c *call, in *input) {
	m.enter(c, m.cleared())
	m.timers.stop(&c.enquiry)
	for _, p := range c.parties {
		m.timers.stop(&p.timer)
	}
	c.causes = nil
	if in.report != nil { // 5.6.7, 5.6.8: the RELEASE COMPLETE says what was wrong
		c.causes = []*ie.Cause{in.report}
		in.report = nil
	}
	m.indicate(ReleaseIndication, c, in)
}

// releaseResponse: the VC has been given up; RELEASE COMPLETE (5.4.3, 5.4.4).
func (m *Machine) releaseResponse(c *call, in *input) {
	elements := in.event.Elements
	if len(c.causes) > 0 {
		elements = withCauses(c.causes, elements)
	}
	if in.err = m.send(c, ReleaseComplete, elements); in.err == nil {
		m.remove(c, nil, nil)
	}
}

// collided: both sides have sent RELEASE (5.4.5). Nothing is sent.
func (m *Machine) collided(c *call, in *input) {
	cause := find[ie.Cause](in.message)
	in.report = nil
	m.remove(c, cause, in.message.Elements)
}

// gone: RELEASE COMPLETE (5.4.3, 5.4.4; as first response 5.1.8, 5.2.5.3).
func (m *Machine) gone(c *call, in *input) {
	cause := find[ie.Cause](in.message)
	if cause == nil && len(c.causes) > 0 && c.state == m.clearing() {
		cause = c.causes[0]
	}
	in.report = nil
	m.remove(c, cause, in.message.Elements)
}

// notReleased: T308. RELEASE is sent once more, with cause 102 beside the first
// cause; then the call reference is freed (5.4.3, 5.4.4).
func (m *Machine) notReleased(c *call, _ *input) {
	if c.repeats > 0 {
		m.remove(c, m.expired("308"), nil)
		return
	}
	c.repeats++
	if m.link.state == linkEstablished {
		m.reply(c.reference(), Release, ie.New(c.causes[0]), ie.New(m.expired("308")))
	}
	m.run(&c.timer, t308)
}

// tonesEnd: T306. The tones end, and RELEASE without them is sent (5.4.4).
func (m *Machine) tonesEnd(c *call, _ *input) {
	m.reply(c.reference(), Release, ie.New(c.causes[0]))
	m.run(&c.timer, t308)
}
