package sscop

import (
	"testing"
	"time"
)

// 7.4: VT(SQ) grows by one before each first BGN, RS and ER, not before a
// repeated one, and wraps.
func TestConnectionSequence(t *testing.T) {
	c := testConfig()
	c.LastSQ = 254
	b := newBench(t, c)
	b.must(b.Establish(0, nil, true)).want(`SQ 255; [BGN N(SQ)=255 N(MR)=30] -> 2 C`)
	b.expire().want(`[BGN N(SQ)=255 N(MR)=30] -> 2 C`)
	b.in(PDU{Type: BGAK, MR: 20}).drain()
	b.must(b.Resync(b.at, nil)).want(`SQ 0; [RS N(SQ)=0 N(MR)=30] -> 5 C`)
	b.in(PDU{Type: RSAK, MR: 20}).drain()
	b.in(PDU{Type: STAT, PS: 9, MR: 20}).want(`error R; SQ 1; [ER N(SQ)=1 N(MR)=30] -> 7 C`)
}

// link carries PDUs between two machines at once and without loss, and gives
// what both users are told.
func link(t *testing.T, a, z *bench) (toA, toZ []Action) {
	t.Helper()
	pass := func(from, to *bench, told *[]Action) (any bool) {
		for _, act := range from.Actions() {
			if act.Kind == Send {
				to.must(to.Receive(to.at, act.Data))
				any = true
			} else if act.Kind != SequenceUsed {
				*told = append(*told, act)
			}
		}
		return any
	}
	for pass(a, z, &toA) || pass(z, a, &toZ) {
	}
	return toA, toZ
}

// 7.4: why N(SQ) is kept over a restart. One that is forgotten makes the first
// BGN of the next life a repetition: the peer stays in its old connection.
func TestRestart(t *testing.T) {
	for _, kept := range []bool{true, false} {
		a, z := newBench(t, testConfig()), newBench(t, testConfig())
		a.must(a.Establish(0, nil, true))
		link(t, a, z)
		z.must(z.EstablishResponse(0, nil, true))
		link(t, a, z)
		a.messages(3)
		link(t, a, z)

		c := testConfig()
		if kept {
			c.LastSQ = a.vtSQ
		}
		a = newBench(t, c) // a new life
		a.must(a.Establish(0, nil, true))
		_, told := link(t, a, z)
		if kept {
			if got := show(told); got != `RELEASE.ind user; ESTABLISH.ind` {
				t.Errorf("with N(SQ) kept the peer is told %s", got)
			}
			continue
		}
		if len(told) > 0 || a.state != Ready || z.state != Ready {
			t.Errorf("without: %s, %v and %v", show(told), a.state, z.state)
		}
		if a.vtS == z.vrR {
			t.Error("without, numbers agree by chance")
		}
	}
}

// ATM Forum 97-0216, by AcceptAnyBGN: in Idle only.
func TestAcceptAnyBGN(t *testing.T) {
	c := testConfig()
	c.AcceptAnyBGN = true
	b := newBench(t, c)
	b.in(PDU{Type: BGN, SQ: 0, MR: 20}).want(`ESTABLISH.ind -> 3 -`)
	b.in(PDU{Type: BGN, SQ: 0, MR: 20}).want(`nothing -> 3 -`)
}

// 8.1: both begin at once, with user-to-user data.
func TestEstablishCollision(t *testing.T) {
	a, z := newBench(t, testConfig()), newBench(t, testConfig())
	a.must(a.Establish(0, []byte("from a"), true))
	z.must(z.Establish(0, []byte("from z"), true))
	bgnA, bgnZ := a.Actions()[1].Data, z.Actions()[1].Data
	a.must(a.Receive(0, bgnZ))
	z.must(z.Receive(0, bgnA))
	toA, toZ := link(t, a, z)
	if show(toA) != `ESTABLISH.conf "from z"` || show(toZ) != `ESTABLISH.conf "from a"` {
		t.Errorf("told %s and %s", show(toA), show(toZ))
	}
	a.messages(2)
	if _, toZ := link(t, a, z); show(toZ) != `DATA.ind 0 "m0"; DATA.ind 1 "m1"` {
		t.Errorf("then %s", show(toZ))
	}
}

// p. 37, 61: BGAK lost; the repeated BGN gets the same BGAK.
func TestBGAKRepeated(t *testing.T) {
	b := newBench(t, testConfig())
	b.in(PDU{Type: BGN, SQ: 1, MR: 20}).drain()
	b.must(b.EstablishResponse(0, []byte("yes"), true)).want(`[BGAK N(MR)=30 "yes"] -> 10 PN`)
	b.in(PDU{Type: BGN, SQ: 1, MR: 20}).want(`[BGAK N(MR)=30 "yes"] -> 10 PN`)
}

// p. 31, 37: BGREJ lost; the repeated BGN gets the same BGREJ.
func TestBGREJRepeated(t *testing.T) {
	b := newBench(t, testConfig())
	b.in(PDU{Type: BGN, SQ: 1, MR: 20}).drain()
	b.must(b.Release(0, []byte("no"))).want(`[BGREJ "no"] -> 1 -`)
	b.in(PDU{Type: BGN, SQ: 1, MR: 20}).want(`[BGREJ "no"] -> 1 -`)
}

// p. 41: BGN, then END, of which every sending is counted together with the
// first: MaxCC of them.
func TestTimerCC(t *testing.T) {
	b := newBench(t, testConfig())
	b.must(b.Establish(0, nil, true)).drain()
	for range 3 {
		b.expire().want(`[BGN N(SQ)=1 N(MR)=30] -> 2 C`)
	}
	b.expire().want(`error O; [END source=SSCOP]; RELEASE.ind SSCOP -> 1 -`)
	if b.at != 4*time.Second {
		t.Errorf("given up at %v", b.at)
	}
	b.must(b.Establish(b.at, nil, true)).must(b.Release(b.at, nil)).drain()
	for range 3 {
		b.expire().want(`[END source=user] -> 4 C`)
	}
	b.expire().want(`error O; RELEASE.conf -> 1 -`)
}

// keeping gives a machine in state 10 that keeps its messages: five sent, of
// which the peer has 0, 1 and 3, and two that wait for credit.
func keeping(t *testing.T) *bench {
	b := ready(t, testConfig(), 5, false).messages(7).expire()
	b.in(PDU{Type: STAT, PS: 1, R: 2, MR: 5, List: list(2, 3, 4, 5)})
	return b.drain()
}

// p. 76: what AA-RETRIEVE gives, by its parameter RN, after a release.
func TestRetrieve(t *testing.T) {
	for _, k := range []struct {
		name string
		rn   uint32
		want string
	}{
		{"unknown: the queue", RetrieveUnknown, `RETRIEVE.ind "m5"; RETRIEVE.ind "m6"; RETRIEVE COMPLETE.ind -> 4 C`},
		{"total", RetrieveTotal, `RETRIEVE.ind "m2"; RETRIEVE.ind "m3"; RETRIEVE.ind "m4"; RETRIEVE.ind "m5"; RETRIEVE.ind "m6"; RETRIEVE COMPLETE.ind -> 4 C`},
		{"after 3", 3, `RETRIEVE.ind "m4"; RETRIEVE.ind "m5"; RETRIEVE.ind "m6"; RETRIEVE COMPLETE.ind -> 4 C`},
		{"after what was never sent", 77, `RETRIEVE.ind "m5"; RETRIEVE.ind "m6"; RETRIEVE COMPLETE.ind -> 4 C`},
	} {
		b := keeping(t)
		b.must(b.Release(b.at, nil)).drain()
		if b.must(b.Retrieve(b.at, k.rn)); true {
			if got := b.look(); got != k.want {
				t.Errorf("%s:\ngot  %s\nwant %s", k.name, got, k.want)
			}
		}
		b.must(b.Retrieve(b.at, RetrieveUnknown)).want(`RETRIEVE COMPLETE.ind -> 4 C`)
	}
	b := keeping(t) // with nothing retrieved, a new connection forgets
	b.must(b.Release(b.at, nil)).must(b.Establish(b.at, nil, true)).in(PDU{Type: BGAK, MR: 20}).drain()
	if b.Pending() != 0 {
		t.Errorf("%d messages left", b.Pending())
	}
}

// p. 49, 54, 67, 75: recovery when messages are kept. The user gets what came
// out of turn; what was sent is forgotten, what was queued and what is queued
// meanwhile goes on, with new numbers.
func TestRecoverKeeping(t *testing.T) {
	b := keeping(t)
	b.in(sd(0)).in(sd(2)).in(sd(4)).drain()
	b.in(PDU{Type: STAT, PS: 9, MR: 20}).want(`error R; SQ 1; [ER N(SQ)=1 N(MR)=30] -> 7 C`)
	b.must(b.Data(b.at, []byte("late"))).want(`nothing -> 7 C`)
	b.in(PDU{Type: ERAK, MR: 20}).want(`DATA.ind 2 "m2"; DATA.ind 4 "m4"; RECOVER.ind -> 8 -`)
	b.must(b.RecoverResponse(b.at)).want(`[SD N(S)=0 "m5"]; [SD N(S)=1 "m6"]; [SD N(S)=2 "late"] -> 10 PN`)
	b.in(sd(0)).want(`DATA.ind 0 "m0" -> 10 PN`)
}

// p. 61, 56: the same at the end that did not start it, and retrieval between.
func TestRecoverKeepingIncoming(t *testing.T) {
	b := keeping(t)
	b.in(sd(1)).drain()
	b.in(PDU{Type: ER, SQ: 2, MR: 20}).want(`DATA.ind 1 "m1"; RECOVER.ind -> 9 -`)
	b.must(b.Retrieve(b.at, 3)).want(`RETRIEVE.ind "m4"; RETRIEVE.ind "m5"; RETRIEVE.ind "m6"; RETRIEVE COMPLETE.ind -> 9 -`)
	b.must(b.RecoverResponse(b.at)).want(`[ERAK N(MR)=30] -> 10 PN`)
	b.messages(1).want(`[SD N(S)=0 "m0"] -> 10 PN`)
}

// The same with Clear-buffers: all is forgotten, data given meanwhile too, and
// counted.
func TestRecoverClearing(t *testing.T) {
	b := ready(t, testConfig(), 5, true).messages(7).in(sd(1)).drain()
	b.in(PDU{Type: STAT, PS: 9, MR: 20}).drain()
	b.must(b.Data(b.at, []byte("late"))).in(PDU{Type: ERAK, MR: 20}).want(`RECOVER.ind -> 8 -`)
	b.must(b.RecoverResponse(b.at)).want(`nothing -> 10 PN`)
	if b.Pending() != 0 || b.Counters().Discarded != 1 {
		t.Errorf("%d pending, %d discarded", b.Pending(), b.Counters().Discarded)
	}
}

// p. 51: both recover at once.
func TestRecoverCollision(t *testing.T) {
	a, z := newBench(t, testConfig()), newBench(t, testConfig())
	a.must(a.Establish(0, nil, true))
	link(t, a, z)
	z.must(z.EstablishResponse(0, nil, true))
	link(t, a, z)
	for _, b := range []*bench{a, z} {
		b.in(PDU{Type: STAT, PS: 9, MR: 20})
	}
	toA, toZ := link(t, a, z)
	if want := "error R; RECOVER.ind"; show(toA) != want || show(toZ) != want {
		t.Errorf("told %s and %s", show(toA), show(toZ))
	}
	a.must(a.RecoverResponse(0)).messages(1)
	z.must(z.RecoverResponse(0))
	if _, toZ := link(t, a, z); show(toZ) != `DATA.ind 0 "m0"` {
		t.Errorf("then %s", show(toZ))
	}
}

// p. 60, 75: AA-RESYNC forgets everything, whoever keeps messages.
func TestResyncForgets(t *testing.T) {
	b := keeping(t)
	b.must(b.Resync(b.at, nil)).drain()
	if b.Pending() != 0 {
		t.Errorf("%d messages pending", b.Pending())
	}
	b.in(PDU{Type: RSAK, MR: 20}).want(`RESYNC.conf -> 10 PN`)

	// p. 62, 46: at the other end they can be retrieved until the answer.
	b = keeping(t)
	b.in(PDU{Type: RS, SQ: 2, MR: 20}).want(`RESYNC.ind -> 6 -`)
	if b.Pending() != 5 {
		t.Errorf("%d messages kept", b.Pending())
	}
	b.must(b.ResyncResponse(b.at)).want(`[RSAK N(MR)=30] -> 10 PN`)
	if b.Pending() != 0 {
		t.Errorf("%d messages pending", b.Pending())
	}
}

// 7.6: a late call makes each timer expire once, in the order of deadlines;
// time that goes back stands still.
func TestLateAndBackwardTime(t *testing.T) {
	b := ready(t, testConfig(), 20, true).messages(1).drain()
	b.HandleTimeout(time.Minute) // POLL was due before NO-RESPONSE
	b.want(`[POLL N(PS)=1 N(S)=1]; error P; [END source=SSCOP]; RELEASE.ind SSCOP -> 1 -`)
	b.must(b.Establish(0, nil, true)).drain()
	if at, _ := b.Timeout(); at != time.Minute+time.Second {
		t.Errorf("Timer_CC until %v", at)
	}
	b.HandleTimeout(time.Minute)
	b.want(`nothing -> 2 C`)
}

// VT(CC) counts anew for each procedure (p. 51, 60, 67), however many BGNs the
// connection took.
func TestTimerCCAnew(t *testing.T) {
	for name, begin := range map[string]func(b *bench) error{
		"RS":  func(b *bench) error { return b.Resync(b.at, nil) },
		"END": func(b *bench) error { return b.Release(b.at, nil) },
		"ER":  func(b *bench) error { return b.Receive(b.at, encode(t, PDU{Type: STAT, PS: 9, MR: 20})) },
	} {
		b := newBench(t, testConfig())
		b.must(b.Establish(0, nil, true)).expire().expire().expire()
		b.in(PDU{Type: BGAK, MR: 20}).must(begin(b)).drain()
		again := 0
		for b.expire(); b.state != Idle; b.expire() {
			again++
		}
		if again != 3 {
			t.Errorf("%s is repeated %d times", name, again)
		}
	}
}

// p. 34 to 36: BGAK carries the user's data of this connection, never of the
// last one.
func TestNoOldUserData(t *testing.T) {
	old := func() *bench {
		b := newBench(t, testConfig())
		b.in(PDU{Type: BGN, SQ: 1, MR: 20})
		b.must(b.EstablishResponse(0, []byte("old"), true)).in(PDU{Type: END})
		b.must(b.Establish(0, nil, true)).drain()
		return b
	}
	b := old()
	b.in(PDU{Type: BGN, SQ: 2, MR: 20}).want(`[BGAK N(MR)=30]; ESTABLISH.conf -> 10 PN`)
	b = old()
	b.in(PDU{Type: BGAK, MR: 20}).drain()
	b.in(PDU{Type: BGN, SQ: 1, MR: 20}).want(`[BGAK N(MR)=30] -> 10 PN`)
}

// 6.1: BR of AA-ESTABLISH.request decides what can be retrieved.
func TestBufferRelease(t *testing.T) {
	for _, release := range []bool{true, false} {
		b := newBench(t, testConfig())
		b.must(b.Establish(0, nil, release)).in(PDU{Type: BGAK, MR: 20}).messages(1)
		b.must(b.Release(0, nil)).in(PDU{Type: ENDAK}).drain()
		want := `RETRIEVE COMPLETE.ind -> 1 -`
		if !release {
			want = `RETRIEVE.ind "m0"; ` + want
		}
		b.must(b.Retrieve(0, RetrieveTotal)).want(want)
	}
}

// N(MR) of each PDU that makes a connection ready is the credit (7.5).
func TestCreditOfTheFirstPDU(t *testing.T) {
	for name, do := range map[string]func(b *bench){
		"BGAK": func(b *bench) { b.must(b.Establish(0, nil, true)).in(PDU{Type: BGAK, MR: 1}) },
		"BGN both ways": func(b *bench) {
			b.must(b.Establish(0, nil, true)).in(PDU{Type: BGN, SQ: 1, MR: 1})
		},
		"BGN": func(b *bench) { b.in(PDU{Type: BGN, SQ: 1, MR: 1}).must(b.EstablishResponse(0, nil, true)) },
		"RSAK": func(b *bench) {
			inConnReady(b).must(b.Resync(b.at, nil)).in(PDU{Type: RSAK, MR: 1})
		},
		"RS both ways": func(b *bench) {
			inConnReady(b).must(b.Resync(b.at, nil)).in(PDU{Type: RS, SQ: 1, MR: 1})
		},
		"RS": func(b *bench) { inConnReady(b).in(PDU{Type: RS, SQ: 1, MR: 1}).must(b.ResyncResponse(b.at)) },
		"ERAK": func(b *bench) {
			inConnReady(b).in(PDU{Type: STAT, PS: 9, MR: 20}).in(PDU{Type: ERAK, MR: 1}).must(b.RecoverResponse(b.at))
		},
		"ER both ways": func(b *bench) {
			inConnReady(b).in(PDU{Type: STAT, PS: 9, MR: 20}).in(PDU{Type: ER, SQ: 1, MR: 1}).must(b.RecoverResponse(b.at))
		},
		"ER": func(b *bench) { inConnReady(b).in(PDU{Type: ER, SQ: 1, MR: 1}).must(b.RecoverResponse(b.at)) },
	} {
		b := newBench(t, testConfig())
		do(b)
		if got := b.drain().messages(2).look(); got != `[SD N(S)=0 "m0"] -> 10 PN` {
			t.Errorf("%s: %s", name, got)
		}
	}
}
