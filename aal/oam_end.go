package aal

import "time"

// OAMLoopbackTimeout is when a loopback cell that has not come back is given up (I.610,
// 9.2.1.3): the standard has the next one wait for it.
const OAMLoopbackTimeout = 5 * time.Second

// OAMAction is what becomes of an OAM cell at a point.
type OAMAction uint8

// The actions.
const (
	OAMTake     OAMAction = iota // it ends here
	OAMPass                      // it goes on as it came
	OAMLoop                      // it ends here, and goes back the way it came, turned round
	OAMLoopPass                  // it goes on as it came, and a copy goes back, turned round
)

// OAMEnd is what one point of a connection does about one flow: an end of the connection or of
// a segment, or a connecting point that has an identifier. It answers loopback, asks for it
// itself, and at an end keeps the defects. The clock is as for [OAMMonitor]. Use [MakeOAMEnd].
type OAMEnd struct {
	Monitor OAMMonitor // of an end point; its methods may be called as one likes

	flow    OAMFlow
	point   OAMPoint
	id      OAMID
	tag     uint32
	asked   time.Duration
	waiting bool
	counts  OAMCounts
}

// OAMCounts is what a point has counted.
type OAMCounts struct {
	Bad      uint64        // cells whose CRC-10 was wrong: they are dropped
	Other    uint64        // cells that an end has no use for, as those of other functions: they are dropped
	Looped   uint64        // requests answered
	Sent     uint64        // requests sent
	Returned uint64        // of those, answered in time
	Lost     uint64        // of those, not
	Last     time.Duration // round trip of the last one answered
}

// MakeOAMEnd gives a point of a flow. id is its own identifier, [FilledOAMID] of [OAMIDNone]
// where it has none.
func MakeOAMEnd(f OAMFlow, point OAMPoint, id OAMID) OAMEnd {
	return OAMEnd{flow: f, point: point, id: id}
}

// Flow is the flow that the point looks at.
func (e *OAMEnd) Flow() OAMFlow { return e.flow }

// Counts is what it has counted.
func (e *OAMEnd) Counts() OAMCounts { return e.counts }

// Waiting tells whether a request is out.
func (e *OAMEnd) Waiting() bool { return e.waiting }

// Cell takes the payload of an OAM cell of the flow and tells what becomes of the cell. With
// OAMLoop and OAMLoopPass reply is filled with the payload to be sent back; it has 48 octets
// and may be the payload itself where the point is an end.
func (e *OAMEnd) Cell(now time.Duration, payload, reply []byte) OAMAction {
	kind, err := ReadOAM(payload)
	if err != nil {
		e.counts.Bad++
		return OAMTake // I.610, 10.1: a cell with an error is not processed further
	}
	if kind == OAMLB {
		return e.loopback(now, payload, reply)
	}
	if e.point == OAMConnectingPoint {
		return OAMPass
	}
	if kind != OAMAIS && kind != OAMRDI && kind != OAMCC {
		e.counts.Other++
	}
	e.Monitor.Cell(now, kind)
	return OAMTake
}

func (e *OAMEnd) loopback(now time.Duration, payload, reply []byte) OAMAction {
	var c OAMLoopback
	if err := c.Decode(payload); err != nil {
		return OAMTake
	}
	end := e.point == OAMEndPoint
	switch {
	case c.LoopsAt(e.id, e.point, e.flow):
		copy(reply, payload)
		_ = LoopOAM(reply) // it is a loopback request
		e.counts.Looped++
		if !end && c.Location == FilledOAMID(OAMIDAll) {
			return OAMLoopPass
		}
		return OAMLoop
	case !c.Request && e.waiting && c.Tag == e.tag && c.Source == e.id:
		e.waiting = false
		e.counts.Returned++
		e.counts.Last = now - e.asked
		return OAMTake
	case end:
		e.counts.Other++
		return OAMTake // an end lets nothing of its flow by
	}
	return OAMPass
}

// Ask writes the payload of a loopback request to a location: [FilledOAMID] of [OAMIDEnd] is
// the far end. false: one is out already.
func (e *OAMEnd) Ask(now time.Duration, location OAMID, payload []byte) bool {
	if e.waiting && now-e.asked < OAMLoopbackTimeout {
		return false
	}
	e.expire(now)
	e.tag++
	c := OAMLoopback{Request: true, Tag: e.tag, Location: location, Source: e.id}
	if c.Encode(payload) != nil {
		return false
	}
	e.asked, e.waiting = now, true
	e.counts.Sent++
	return true
}

func (e *OAMEnd) expire(now time.Duration) {
	if e.waiting && now-e.asked >= OAMLoopbackTimeout {
		e.waiting = false
		e.counts.Lost++
	}
}

// Poll advances the clock and tells the cells to send now, once each; see [OAMMonitor.Poll].
func (e *OAMEnd) Poll(now time.Duration) OAMDue {
	e.expire(now)
	if e.point != OAMEndPoint {
		return 0
	}
	return e.Monitor.Poll(now)
}

// Put writes the payload of a cell that is due.
func (d OAMDue) Put(payload []byte) error {
	if d == OAMDueRDI {
		c := MakeOAMFault(OAMRDI)
		return c.Encode(payload)
	}
	return PutOAMContinuity(payload)
}
