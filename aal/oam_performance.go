package aal

import (
	"slices"
	"time"
)

// OAMBlockSizes are the nominal sizes of blocks, in user cells, that activation can agree on (I.610, 10.4); bit i
// of an OAMActivation stands for entry i.
var OAMBlockSizes = [...]uint32{128, 256, 512, 1024}

// OAMPerformance is performance monitoring at one end of a connection or a segment, both ways: it tells when a
// forward monitoring cell is due among the user cells sent, judges those received and reports on them, and keeps what
// the far end reports. It starts and ends as it is told, or by activation cells. The clock is as for [OAMMonitor]. The
// zero value does nothing, and refuses activation.
type OAMPerformance struct {
	Near OAMTotals // of what was received
	Far  OAMTotals // of what was sent, by the far end's reports

	source  OAMSource
	sink    OAMSink
	block   uint32 // of the source; 0: none is sent
	judges  bool   // the sink is on
	answers bool   // activation is granted

	last   OAMBackward // the report before
	knows  bool        // there was one
	asking OAMActivation
	asked  time.Duration
	state  OAMActivationState
}

// OAMTotals is the sum of what monitoring cells have told.
type OAMTotals struct {
	Blocks      uint64 // with their monitoring cell
	Cells       uint64 // user cells that were sent in them
	Lost        uint64 // user cells
	Misinserted uint64 // user cells more than were sent
	Errored     uint64 // BIP-16 bits, of blocks that were whole
	Severe      uint64 // blocks
	Missed      uint64 // monitoring cells
}

// OAMActivationState is what has become of the request of our own.
type OAMActivationState uint8

// The states.
const (
	OAMNotAsked OAMActivationState = iota
	OAMAsked
	OAMGranted
	OAMDenied
)

var oamActivationStateNames = [...]string{"not asked", "asked", "granted", "denied"}

func (s OAMActivationState) String() string { return oamActivationStateNames[s&3] }

// OAMSevere are the thresholds of a severely errored block: of 1,024 cells more than 16 lost, of 48 octets 4 BIP-16
// bits in error (I.356 leaves them to the network).
var OAMSevere = OAMThresholds{Errors: 4, Lost: 16, Misinserted: 2}

// OAMActivationRetry is how long an answer to activation is waited for before it is asked again (I.610, 9.2.3).
const OAMActivationRetry = 5 * time.Second

// Configure sets what is done: block is the nominal size of the blocks that are sent, 0 none; judge has those that
// are received judged and reported on; answer grants what the far end asks for. What has been counted starts anew.
func (m *OAMPerformance) Configure(block uint32, judge, answer bool) {
	*m = OAMPerformance{block: block, judges: judge, answers: answer}
	m.sink.Thresholds = OAMSevere
}

// Ask has activation asked for, both ways, in blocks of a size of [OAMBlockSizes]; false: it is none of them.
func (m *OAMPerformance) Ask(block uint32, tag uint8) bool {
	i := slices.Index(OAMBlockSizes[:], block)
	if i < 0 {
		return false
	}
	m.asking = OAMActivation{Kind: OAMActPM, Message: OAMActivate, Direction: OAMBothWays, Tag: tag, BlockAB: 1 << i, BlockBA: 1 << i}
	m.state, m.asked = OAMAsked, -OAMActivationRetry
	return true
}

// Release asks for the end of what was granted.
func (m *OAMPerformance) Release() {
	m.asking.Message, m.asking.BlockAB, m.asking.BlockBA = OAMDeactivate, 0, 0
	m.state, m.asked = OAMAsked, -OAMActivationRetry
}

// State is what has become of the request.
func (m *OAMPerformance) State() OAMActivationState { return m.state }

// Block is the nominal size of the blocks that are sent; 0: none.
func (m *OAMPerformance) Block() uint32 { return m.block }

// On tells whether user cells are to be counted, sent or received.
func (m *OAMPerformance) On() bool { return m.block > 0 || m.judges }

// Left is how many user cells may be sent before a forward monitoring cell is due.
func (m *OAMPerformance) Left() uint32 { return m.block - min(m.source.Block(), m.block) }

// Sent counts a user cell sent and tells whether a forward monitoring cell is due behind it.
func (m *OAMPerformance) Sent(payload []byte, clp bool) (due bool) {
	return m.block > 0 && m.source.User(payload, clp) == nil && m.source.Block() >= m.block
}

// Forward writes the payload of the forward monitoring cell that is due; it goes before the next user cell.
func (m *OAMPerformance) Forward(payload []byte) error {
	c := m.source.Forward(OAMNoTimestamp)
	return c.Encode(payload)
}

// Received counts a user cell received.
func (m *OAMPerformance) Received(payload []byte, clp bool) {
	if m.judges {
		_ = m.sink.User(payload, clp) // a cell's payload has its size
	}
}

// Cell takes the payload of a cell of performance management or activation; reply is filled when it is true that
// one is to go back, and may be the payload itself.
func (m *OAMPerformance) Cell(payload, reply []byte) (answer bool) {
	kind, err := ReadOAM(payload)
	if err != nil {
		return false
	}
	switch kind {
	case OAMFPM:
		return m.forward(payload, reply)
	case OAMBR:
		m.backward(payload)
	case OAMActPM, OAMActFPM:
		return m.activation(payload, reply)
	}
	return false
}

// OAMPerformanceKind tells whether Cell is the one to take a kind of cell.
func OAMPerformanceKind(k OAMKind) bool {
	return k == OAMFPM || k == OAMBR || k == OAMActPM || k == OAMActFPM
}

func (m *OAMPerformance) forward(payload, reply []byte) bool {
	var c OAMForward
	if !m.judges || c.Decode(payload) != nil {
		return false
	}
	b, ok := m.sink.Forward(c)
	if ok {
		m.Near.block(int(b.Sent), b.Lost(), b.BLER, b.Severe, b.Missed)
	}
	r := m.sink.Backward(OAMNoTimestamp)
	return r.Encode(reply) == nil
}

// backward takes a report: its counts run on, so a report that was lost costs only what is in it alone.
func (m *OAMPerformance) backward(payload []byte) {
	var c OAMBackward
	if m.block == 0 || c.Decode(payload) != nil {
		return
	}
	if m.knows {
		sent := c.TUC01 - m.last.TUC01
		received := c.TRCC01 - m.last.TRCC01
		m.Far.block(int(sent), int(int16(sent-received)), c.BLER, c.SECBC != m.last.SECBC, c.RMCSN-m.last.RMCSN-1)
	}
	m.last, m.knows = c, true
}

func (t *OAMTotals) block(sent, lost int, bler uint8, severe bool, missed uint8) {
	t.Blocks++
	t.Cells += uint64(sent)
	t.Missed += uint64(missed)
	if lost > 0 {
		t.Lost += uint64(lost)
	} else {
		t.Misinserted += uint64(-lost)
	}
	if bler != OAMNoBLER {
		t.Errored += uint64(bler)
	}
	if severe {
		t.Severe++
	}
}

func (m *OAMPerformance) activation(payload, reply []byte) bool {
	var c OAMActivation
	if c.Decode(payload) != nil {
		return false
	}
	switch c.Message {
	case OAMActivate:
		return m.activate(&c, reply)
	case OAMDeactivate:
		if m.answers {
			m.start(&c, 0, 0)
		}
		a := c.Answer(OAMDeactivateConfirm, 0, 0)
		return a.Encode(reply) == nil
	}
	if m.state != OAMAsked || c.Kind != m.asking.Kind || c.Tag != m.asking.Tag {
		return false // not to us, or late
	}
	switch {
	case c.Message == OAMActivateConfirm && m.asking.Message == OAMActivate:
		m.state = OAMGranted
		m.block, m.judges = blockOf(c.BlockAB), true
	case c.Message == OAMDeactivateConfirm && m.asking.Message == OAMDeactivate:
		m.state = OAMNotAsked
		m.block, m.judges = 0, false
	case c.Message == OAMActivateDenied, c.Message == OAMDeactivateDenied:
		m.state = OAMDenied
	}
	return false
}

// activate answers a request: of the sizes that it offers the smallest is taken, which finds faults the soonest.
func (m *OAMPerformance) activate(c *OAMActivation, reply []byte) bool {
	ab, ba := smallest(c.BlockAB), smallest(c.BlockBA)
	to, from := c.Direction == OAMAToB || c.Direction == OAMBothWays, c.Direction == OAMBToA || c.Direction == OAMBothWays
	if !m.answers || !to && !from || to && ab == 0 || from && ba == 0 {
		a := c.Answer(OAMActivateDenied, 0, 0)
		return a.Encode(reply) == nil
	}
	m.start(c, blockOf(ab), blockOf(ba))
	a := c.Answer(OAMActivateConfirm, ab, ba)
	return a.Encode(reply) == nil
}

// start begins, or with sizes of 0 ends, what the far end has asked for: A is the far end.
func (m *OAMPerformance) start(c *OAMActivation, ab, ba uint32) {
	if c.Direction == OAMAToB || c.Direction == OAMBothWays {
		if on := ab > 0; on != m.judges {
			m.sink = OAMSink{Thresholds: OAMSevere}
			m.judges = on
		}
	}
	if c.Direction == OAMBToA || c.Direction == OAMBothWays {
		if ba != m.block {
			m.block, m.knows = ba, false
		}
	}
}

// smallest is the lowest bit of a choice of block sizes, alone.
func smallest(bits uint8) uint8 { return bits & -bits & 0xF }

// blockOf is the size that one bit stands for; 0: none.
func blockOf(bit uint8) uint32 {
	for i, size := range OAMBlockSizes {
		if bit>>i&1 != 0 {
			return size
		}
	}
	return 0
}

// Poll writes the payload of a request that is due, and tells whether one is.
func (m *OAMPerformance) Poll(now time.Duration, payload []byte) bool {
	if m.state != OAMAsked || now-m.asked < OAMActivationRetry {
		return false
	}
	m.asked = now
	return m.asking.Encode(payload) == nil
}
