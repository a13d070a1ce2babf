package aal

import (
	"math/rand/v2"
	"testing"
	"time"
)

// pmLine carries cells between two ends, and does harm to user cells of the way from a to b.
type pmLine struct {
	t      *testing.T
	a, b   OAMPerformance
	rng    *rand.Rand
	lose   int // of the next cells of a
	insert int
	flip   int
}

// send sends user cells from a to b, with the monitoring cells that are due.
func (l *pmLine) send(cells int) {
	l.t.Helper()
	for range cells {
		p := randomOctets(l.rng, PayloadSize)
		due := l.a.Sent(p, false)
		switch {
		case l.lose > 0:
			l.lose--
		default:
			if l.flip > 0 {
				p[l.flip%PayloadSize] ^= 1
				l.flip--
			}
			l.b.Received(p, false)
		}
		if l.insert > 0 {
			l.insert--
			l.b.Received(randomOctets(l.rng, PayloadSize), false)
		}
		if due {
			p := make([]byte, PayloadSize)
			must(l.t, l.a.Forward(p))
			if l.b.Cell(p, p) {
				l.a.Cell(p, nil)
			}
		}
	}
}

// I.610, 9.2.1: what is lost, misinserted and errored between two ends is told at the near end, and by backward
// reporting at the far one, block by block.
func TestOAMPerformanceBothEnds(t *testing.T) {
	l := &pmLine{t: t, rng: rand.New(rand.NewPCG(4, 4))}
	l.a.Configure(128, false, false)
	l.b.Configure(0, true, false)
	l.send(2 * 128) // the first block starts, the second counts
	l.lose = 5
	l.send(128)
	l.insert = 3
	l.send(128)
	l.flip = 2
	l.send(128)
	want := OAMTotals{Blocks: 4, Cells: 4 * 128, Lost: 5, Misinserted: 3, Errored: 2, Severe: 1}
	if l.b.Near != want {
		t.Errorf("received: %+v, want %+v", l.b.Near, want)
	}
	if l.a.Far != want {
		t.Errorf("reported: %+v, want %+v", l.a.Far, want)
	}
	if l.a.Near != (OAMTotals{}) || l.b.Far != (OAMTotals{}) || l.a.Left() != 128 {
		t.Errorf("%+v %+v %d", l.a.Near, l.b.Far, l.a.Left())
	}
	for range 3 { // three monitoring cells are lost: the block is of four
		for range 128 {
			p := randomOctets(l.rng, PayloadSize)
			l.a.Sent(p, false)
			l.b.Received(p, false)
		}
		must(t, l.a.Forward(make([]byte, PayloadSize)))
	}
	l.send(128)
	if n := l.b.Near; n.Missed != 3 || n.Lost != 5 || n.Cells != 8*128 {
		t.Errorf("monitoring cells lost: %+v", n)
	}
	if n := l.a.Far; n.Missed != 3 || n.Cells != 8*128 {
		t.Errorf("monitoring cells lost, reported: %+v", n)
	}
}

// I.610, 9.2.3 and 10.4: activation is asked for, again after five seconds, granted, denied, and ended.
func TestOAMPerformanceActivation(t *testing.T) {
	at := func(s int) time.Duration { return time.Duration(s) * time.Second }
	p := make([]byte, PayloadSize)
	exchange := func(a, b *OAMPerformance, now time.Duration) bool {
		if !a.Poll(now, p) {
			return false
		}
		if b.Cell(p, p) {
			a.Cell(p, nil)
		}
		return true
	}
	var a, b OAMPerformance
	a.Configure(0, false, false)
	b.Configure(0, false, true)
	if a.Ask(100, 7) || !a.Ask(512, 7) || a.State() != OAMAsked {
		t.Fatalf("state %v", a.State())
	}
	if !a.Poll(at(1), p) || a.Poll(at(5), p) { // the first request is lost
		t.Error("asked again before five seconds")
	}
	var c OAMActivation
	must(t, c.Decode(p))
	if c != (OAMActivation{Kind: OAMActPM, Message: OAMActivate, Direction: OAMBothWays, Tag: 7, BlockAB: OAMBlock512, BlockBA: OAMBlock512}) {
		t.Errorf("%v", &c)
	}
	if !exchange(&a, &b, at(6)) || a.State() != OAMGranted || a.Block() != 512 || b.Block() != 512 || !a.judges || !b.judges {
		t.Errorf("%v: blocks %d and %d", a.State(), a.Block(), b.Block())
	}
	a.Release()
	if !exchange(&a, &b, at(7)) || a.On() || b.On() || a.State() != OAMNotAsked {
		t.Errorf("released: %v, on %v and %v", a.State(), a.On(), b.On())
	}
	var closed OAMPerformance // the zero value refuses
	a.Ask(128, 8)
	if !exchange(&a, &closed, at(8)) || a.State() != OAMDenied || a.On() || closed.On() {
		t.Errorf("denied: %v", a.State())
	}
	late := OAMActivation{Kind: OAMActPM, Message: OAMActivateConfirm, Tag: 8, BlockAB: 1, BlockBA: 1}
	must(t, late.Encode(p))
	if a.Cell(p, nil); a.On() {
		t.Error("a late confirmation begins it")
	}
	offer := OAMActivation{Kind: OAMActFPM, Message: OAMActivate, Direction: OAMBToA, Tag: 9, BlockBA: OAMBlock1024 | OAMBlock256}
	must(t, offer.Encode(p))
	if !b.Cell(p, p) || b.Block() != 256 || b.judges {
		t.Errorf("of an offer the smallest: %d", b.Block())
	}
	must(t, c.Decode(p))
	if c.Message != OAMActivateConfirm || c.Tag != 9 || c.BlockBA != OAMBlock256 || c.Kind != OAMActFPM {
		t.Errorf("%v", &c)
	}
	nothing := OAMActivation{Kind: OAMActPM, Message: OAMActivate, Direction: OAMAToB, Tag: 1}
	must(t, nothing.Encode(p))
	if b.Cell(p, p); c.Decode(p) != nil || c.Message != OAMActivateDenied {
		t.Errorf("an offer of no size: %v", &c)
	}
}

// A request for all points is answered by each with its own identifier, and all answers are kept (I.610, annex C).
func TestOAMTrace(t *testing.T) {
	asker := MakeOAMEnd(OAMF5Segment, OAMConnectingPoint, noID)
	points := []OAMEnd{
		MakeOAMEnd(OAMF5Segment, OAMConnectingPoint, ownID), MakeOAMEnd(OAMF5Segment, OAMConnectingPoint, otherID), MakeOAMEnd(OAMF5Segment, OAMEndPoint, noID),
	}
	for range 2 {
		start := time.Duration(0)
		if asker.asked > 0 {
			start = asker.asked + OAMTraceWait
		}
		cell := make([]byte, PayloadSize)
		if !asker.Ask(start+1, allID, cell) || asker.Ask(start+2, allID, make([]byte, PayloadSize)) {
			t.Fatal("asked twice, or not at all")
		}
		for i := range points {
			reply := make([]byte, PayloadSize)
			want := OAMLoopPass
			if i == 2 {
				want = OAMLoop
			}
			if got := points[i].Cell(0, cell, reply); got != want {
				t.Fatalf("point %d: %v", i, got)
			}
			if asker.Cell(start+time.Duration(i+2), reply, nil) != OAMTake {
				t.Fatalf("the answer of point %d is not taken", i)
			}
		}
		hops := asker.Hops()
		if len(hops) != 3 || hops[0] != (OAMHop{ownID, 1}) || hops[1] != (OAMHop{otherID, 2}) || hops[2] != (OAMHop{allID, 3}) {
			t.Errorf("%v", hops)
		}
	}
	if asker.Ask(asker.asked+OAMTraceWait, endID, make([]byte, PayloadSize)); !asker.Waiting() || asker.Counts().Lost != 0 {
		t.Errorf("%+v", asker.Counts())
	}
}

// Any cells, in any order, leave counts that go together: no more blocks than monitoring cells, and an answer that is
// itself a good cell.
func FuzzOAMPerformance(f *testing.F) {
	cell := func(c interface{ Encode([]byte) error }) []byte {
		p := make([]byte, PayloadSize)
		if err := c.Encode(p); err != nil {
			f.Fatal(err)
		}
		return p
	}
	f.Add(cell(&OAMForward{MCSN: 1, TUC01: 128}), uint16(128), uint8(3))
	f.Add(cell(&OAMBackward{MCSN: 9, TUC01: 128, BLER: 3}), uint16(300), uint8(7))
	f.Add(cell(&OAMActivation{Kind: OAMActPM, Message: OAMActivate, Direction: OAMBothWays, BlockAB: 3, BlockBA: 12}), uint16(1), uint8(4))
	f.Add(cell(&OAMActivation{Kind: OAMActFPM, Message: OAMDeactivate, Direction: OAMAToB}), uint16(0), uint8(7))
	f.Fuzz(func(t *testing.T, payload []byte, users uint16, how uint8) {
		if len(payload) != PayloadSize {
			return
		}
		var m OAMPerformance
		m.Configure(uint32(how&1)*128, how&2 != 0, how&4 != 0)
		for range 3 {
			var reply, forward [PayloadSize]byte
			if m.Cell(payload, reply[:]) {
				if k, err := ReadOAM(reply[:]); err != nil || !OAMPerformanceKind(k) {
					t.Fatalf("answered by %v, %v", k, err)
				}
			}
			for range users % 1024 {
				m.Received(payload, false)
				if m.Sent(payload, true) && m.Forward(forward[:]) != nil {
					t.Fatal("no monitoring cell")
				}
			}
		}
		if m.Near.Blocks > 3 || m.Far.Blocks > 3 || m.Near.Lost > 0 && m.Near.Blocks == 0 || m.Left() > m.Block() {
			t.Fatalf("%+v %+v, %d left", m.Near, m.Far, m.Left())
		}
	})
}
