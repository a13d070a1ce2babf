package aal

import (
	"testing"
	"time"
)

var (
	ownID   = FilledOAMID(0x11)
	otherID = FilledOAMID(0x22)
	noID    = FilledOAMID(OAMIDNone)
	endID   = FilledOAMID(OAMIDEnd)
	allID   = FilledOAMID(OAMIDAll)
)

func loopbackCell(t *testing.T, c OAMLoopback) []byte {
	t.Helper()
	p := make([]byte, PayloadSize)
	must(t, c.Encode(p))
	return p
}

// Where a loopback request is looped, taken or passed: I.610, 9.2.1.3 and annex C.
func TestLoopbackAtAPoint(t *testing.T) {
	for _, test := range []struct {
		name     string
		flow     OAMFlow
		point    OAMPoint
		location OAMID
		request  bool
		want     OAMAction
	}{
		{"C: all ones is looped at the end of the connection", OAMF5EndToEnd, OAMEndPoint, endID, true, OAMLoop},
		{"C: all ones passes a connecting point", OAMF5EndToEnd, OAMConnectingPoint, endID, true, OAMPass},
		{"C: all ones is looped at the end of the segment", OAMF5Segment, OAMEndPoint, endID, true, OAMLoop},
		{"C: all ones, F4", OAMF4EndToEnd, OAMEndPoint, endID, true, OAMLoop},
		{"C: zeros are looped at every connecting point of a segment, and pass", OAMF5Segment, OAMConnectingPoint, allID, true, OAMLoopPass},
		{"C: zeros are looped at the segment's end", OAMF4Segment, OAMEndPoint, allID, true, OAMLoop},
		{"C: zeros mean nothing end to end", OAMF5EndToEnd, OAMConnectingPoint, allID, true, OAMPass},
		{"C: the own identifier, in a segment", OAMF5Segment, OAMConnectingPoint, ownID, true, OAMLoop},
		{"C: the own identifier, end to end, at a connecting point", OAMF5EndToEnd, OAMConnectingPoint, ownID, true, OAMPass},
		{"C: another's identifier passes", OAMF5Segment, OAMConnectingPoint, otherID, true, OAMPass},
		{"another's identifier ends with the segment", OAMF5Segment, OAMEndPoint, otherID, true, OAMTake},
		{"C: 6A is no location", OAMF5EndToEnd, OAMEndPoint, noID, true, OAMTake},
		{"an answer is not looped again", OAMF5EndToEnd, OAMEndPoint, endID, false, OAMTake},
		{"an answer for somebody else passes", OAMF5Segment, OAMConnectingPoint, endID, false, OAMPass},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := MakeOAMEnd(test.flow, test.point, ownID)
			cell := loopbackCell(t, OAMLoopback{Request: test.request, Tag: 0xCAFE, Location: test.location, Source: otherID})
			var reply [PayloadSize]byte
			if got := e.Cell(0, cell, reply[:]); got != test.want {
				t.Fatalf("action %d, want %d", got, test.want)
			}
			if test.want != OAMLoop && test.want != OAMLoopPass {
				return
			}
			var c OAMLoopback
			must(t, c.Decode(reply[:]))
			if c.Request || c.Tag != 0xCAFE || c.Source != otherID || e.Counts().Looped != 1 {
				t.Errorf("%v", &c)
			}
			must(t, c.Decode(cell))
			if !c.Request {
				t.Error("what passes has been changed")
			}
		})
	}
}

// A request is asked for and comes back, or is given up after five seconds: I.610, 9.2.1.3.
func TestLoopbackAsked(t *testing.T) {
	near, far := MakeOAMEnd(OAMF5EndToEnd, OAMEndPoint, ownID), MakeOAMEnd(OAMF5EndToEnd, OAMEndPoint, otherID)
	var cell [PayloadSize]byte
	now := 100 * time.Second
	if !near.Ask(now, endID, cell[:]) || near.Ask(now, endID, cell[:]) {
		t.Fatal("one request is out, and only one")
	}
	now += 3 * time.Millisecond
	if got := far.Cell(now, cell[:], cell[:]); got != OAMLoop {
		t.Fatal(got)
	}
	early := loopbackCell(t, OAMLoopback{Tag: 99, Location: endID, Source: ownID})
	if got := near.Cell(now, early, cell[:]); got != OAMTake || !near.Waiting() {
		t.Fatal("an answer to another request has been taken for ours")
	}
	if got := near.Cell(now+2*time.Millisecond, cell[:], cell[:]); got != OAMTake || near.Waiting() {
		t.Fatal(got)
	}
	if c := near.Counts(); c.Sent != 1 || c.Returned != 1 || c.Last != 5*time.Millisecond {
		t.Errorf("%+v", c)
	}
	near.Ask(now, endID, cell[:])
	if near.Poll(now + OAMLoopbackTimeout - 1); !near.Waiting() {
		t.Error("given up too early")
	}
	if near.Poll(now + OAMLoopbackTimeout); near.Waiting() || near.Counts().Lost != 1 {
		t.Errorf("%+v", near.Counts())
	}
}

// Faults at a connection's end: I.610, 9.2.1.1.1 (AIS), 9.2.1.1.2 (RDI), 9.2.1.2 (continuity).
func TestFaultsAtAnEnd(t *testing.T) {
	fault := func(k OAMKind) []byte {
		p := make([]byte, PayloadSize)
		c := MakeOAMFault(k)
		must(t, c.Encode(p))
		return p
	}
	e := MakeOAMEnd(OAMF4EndToEnd, OAMEndPoint, noID)
	now := time.Duration(0)
	state := func(clause string, want OAMState, due OAMDue) {
		t.Helper()
		if got := e.Poll(now); got != due || e.Monitor.State() != want {
			t.Errorf("%s: at %v state %v, due %d; want %v, %d", clause, now, e.Monitor.State(), got, want, due)
		}
	}
	state("in the beginning", 0, 0)
	if got := e.Cell(now, fault(OAMAIS), nil); got != OAMTake {
		t.Errorf("AIS ends here: %d", got)
	}
	state("AIS state as soon as a cell has come; RDI is sent at once", OAMStateAIS, OAMDueRDI)
	now += 900 * time.Millisecond
	state("RDI once a second", OAMStateAIS, 0)
	now += 100 * time.Millisecond
	state("RDI once a second", OAMStateAIS, OAMDueRDI)
	now += 1400 * time.Millisecond
	e.Poll(now)
	now += 200 * time.Millisecond
	state("released after 2.5 s without AIS", 0, 0)
	e.Cell(now, fault(OAMAIS), nil)
	e.Poll(now)
	e.Monitor.User()
	state("released by a user cell", 0, 0)
	e.Cell(now, fault(OAMRDI), nil)
	state("RDI state as soon as a cell has come", OAMStateRDI, 0)
	now += 2600 * time.Millisecond
	state("released after 2.5 s without RDI", 0, 0)
	e.Monitor.Sink(now, true)
	now += 3400 * time.Millisecond
	state("continuity", 0, 0)
	now += 200 * time.Millisecond
	state("lost after 3.5 s without a cell; RDI is sent", OAMStateLOC, OAMDueRDI)
	cc := make([]byte, PayloadSize)
	must(t, OAMDueCC.Put(cc))
	e.Cell(now, cc, nil)
	state("found by a continuity cell", 0, 0)
	e.Monitor.Sink(now, false)
	e.Monitor.Source(now, true)
	state("a source sends", 0, OAMDueCC)
	now += time.Second
	e.Monitor.Sent(now)
	state("not while user cells are", 0, 0)
}

// A cell with an error is dropped and counted, and what passes a connecting point is not
// looked at: I.610, 10.1.
func TestBadCellAtAPoint(t *testing.T) {
	cell := loopbackCell(t, OAMLoopback{Request: true, Location: endID})
	cell[20] ^= 1
	e := MakeOAMEnd(OAMF5EndToEnd, OAMEndPoint, noID)
	if got := e.Cell(0, cell, nil); got != OAMTake || e.Counts().Bad != 1 {
		t.Errorf("%d, %+v", got, e.Counts())
	}
	ais := make([]byte, PayloadSize)
	c := MakeOAMFault(OAMAIS)
	must(t, c.Encode(ais))
	p := MakeOAMEnd(OAMF5EndToEnd, OAMConnectingPoint, ownID)
	if got := p.Cell(0, ais, nil); got != OAMPass || p.Monitor.State() != 0 {
		t.Errorf("AIS at a connecting point: %d", got)
	}
}

// Whatever 48 octets come, a point does not panic, and what it turns round is a good cell.
func FuzzOAMEnd(f *testing.F) {
	for _, c := range []OAMLoopback{{Request: true, Location: endID}, {Request: true, Location: allID}, {Tag: 1, Source: ownID}} {
		p := make([]byte, PayloadSize)
		if err := c.Encode(p); err != nil {
			f.Fatal(err)
		}
		f.Add(p, uint8(0), uint8(1))
	}
	f.Fuzz(func(t *testing.T, payload []byte, flow, point uint8) {
		e := MakeOAMEnd(OAMFlow(flow%uint8(numOAMFlows)), OAMPoint(point&1), ownID)
		e.Ask(0, endID, make([]byte, PayloadSize))
		var reply [PayloadSize]byte
		switch e.Cell(1, payload, reply[:]) {
		case OAMLoop, OAMLoopPass:
			if k, err := ReadOAM(reply[:]); err != nil || k != OAMLB {
				t.Errorf("%v, %v", k, err)
			}
		}
	})
}
