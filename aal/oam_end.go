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
	OAMLoop                      // it ends here, and an answer goes back the way it came
	OAMLoopPass                  // it goes on as it came, and a copy goes back, turned round
)

// OAMEnd is what one point of a connection does about one flow: an end of the connection or of
// a segment, or a connecting point that has an identifier. It answers loopback, asks for it
// itself, and at an end keeps the defects. The clock is as for [OAMMonitor]. Use [MakeOAMEnd].
type OAMEnd struct {
	Monitor     OAMMonitor     // of an end point; its methods may be called as one likes
	Performance OAMPerformance // likewise

	flow    OAMFlow
	point   OAMPoint
	id      OAMID
	tag     uint32
	asked   time.Duration
	waiting bool
	tracing bool // the request is for all points: each answers
	hops    []OAMHop
	counts  OAMCounts
}

// OAMHop is one answer to a request for all points of a segment.
type OAMHop struct {
	ID  OAMID         // the point's; zeros where it has none, as a segment's end may
	RTT time.Duration // round trip
}

// Limits of a request for all points.
const (
	MaxOAMHops   = 64          // answers that are kept; the rest is counted
	OAMTraceWait = time.Second // how long answers are taken
)

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

// Name gives the point another identifier.
func (e *OAMEnd) Name(id OAMID) { e.id = id }

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
	if OAMPerformanceKind(kind) {
		if e.Performance.Cell(payload, reply) {
			return OAMLoop
		}
		if (kind == OAMFPM || kind == OAMBR) && !e.Performance.On() {
			e.counts.Other++
		}
		return OAMTake
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
		all := c.Location == FilledOAMID(OAMIDAll)
		if all && e.id != FilledOAMID(OAMIDNone) {
			nameLoop(reply, e.id)
		}
		e.counts.Looped++
		if !end && all {
			return OAMLoopPass
		}
		return OAMLoop
	case !c.Request && e.waiting && c.Tag == e.tag && c.Source == e.id:
		e.returned(now, &c)
		return OAMTake
	case end:
		e.counts.Other++
		return OAMTake // an end lets nothing of its flow by
	}
	return OAMPass
}

// returned takes an answer to our own request.
func (e *OAMEnd) returned(now time.Duration, c *OAMLoopback) {
	if e.waiting = e.tracing; e.tracing && len(e.hops) < MaxOAMHops {
		e.hops = append(e.hops, OAMHop{c.Location, now - e.asked})
	}
	e.counts.Returned++
	e.counts.Last = now - e.asked
}

// Hops are the answers to the last request for all points, in the order in which they came. They are the machine's,
// until it is asked again.
func (e *OAMEnd) Hops() []OAMHop { return e.hops }

// Ask writes the payload of a loopback request to a location: [FilledOAMID] of [OAMIDEnd] is
// the far end, of [OAMIDAll] every point of a segment, for OAMTraceWait. false: one is out already.
func (e *OAMEnd) Ask(now time.Duration, location OAMID, payload []byte) bool {
	if e.expire(now); e.waiting {
		return false
	}
	e.tracing = location == FilledOAMID(OAMIDAll)
	e.hops = e.hops[:0]
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
	switch {
	case !e.waiting:
	case e.tracing && now-e.asked >= OAMTraceWait:
		if e.waiting = false; len(e.hops) == 0 {
			e.counts.Lost++
		}
	case !e.tracing && now-e.asked >= OAMLoopbackTimeout:
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
