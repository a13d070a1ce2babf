package sscop

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// ready gives a machine in state 10 by an incoming connection, with nothing
// sent: credit of the peer as given.
func ready(t testing.TB, c Config, credit uint32, release bool) *bench {
	t.Helper()
	b := newBench(t, c)
	b.in(PDU{Type: BGN, SQ: 1, MR: credit})
	b.must(b.EstablishResponse(0, nil, release))
	return b.drain()
}

func sd(n uint32) PDU { return PDU{Type: SD, S: n, Data: fmt.Appendf(nil, "m%d", n)} }

func list(elements ...uint32) (l List) {
	for _, e := range elements {
		l = l.Add(e)
	}
	return l
}

// messages queues m0, m1, ... for sending.
func (b *bench) messages(n int) *bench {
	b.t.Helper()
	for i := range n {
		b.must(b.Data(b.at, fmt.Appendf(nil, "m%d", i)))
	}
	return b
}

// 7.4.2, 8.1: the receiver's cases of SD, p. 66.
func TestReceiveSD(t *testing.T) {
	c := testConfig()
	c.Window = 8
	for _, k := range []struct {
		name string
		do   []PDU
		want string
	}{
		{"in order", []PDU{sd(0), sd(1)}, `DATA.ind 0 "m0"; DATA.ind 1 "m1"`},
		{"a gap is asked for", []PDU{sd(0), sd(3)}, `DATA.ind 0 "m0"; [USTAT N(R)=1 N(MR)=9 list 1 3]`},
		{"once only", []PDU{sd(2), sd(3), sd(4)}, `[USTAT N(R)=0 N(MR)=8 list 0 2]`},
		{"a second gap", []PDU{sd(2), sd(4)}, `[USTAT N(R)=0 N(MR)=8 list 0 2]; [USTAT N(R)=0 N(MR)=8 list 3 4]`},
		{"filled from below", []PDU{sd(1), sd(2), sd(0)}, `[USTAT N(R)=0 N(MR)=8 list 0 1]; DATA.ind 0 "m0"; DATA.ind 1 "m1"; DATA.ind 2 "m2"`},
		{"filled from above", []PDU{sd(3), sd(1), sd(2), sd(0)},
			`[USTAT N(R)=0 N(MR)=8 list 0 3]; DATA.ind 0 "m0"; DATA.ind 1 "m1"; DATA.ind 2 "m2"; DATA.ind 3 "m3"`},
		{"filled in part", []PDU{sd(3), sd(0)}, `[USTAT N(R)=0 N(MR)=8 list 0 3]; DATA.ind 0 "m0"`},
		{"the last of the window", []PDU{sd(7)}, `[USTAT N(R)=0 N(MR)=8 list 0 7]`},
		{"beyond the window", []PDU{sd(8)}, `[USTAT N(R)=0 N(MR)=8 list 0 8]`},
		{"beyond it again", []PDU{sd(8), sd(9)}, `[USTAT N(R)=0 N(MR)=8 list 0 8]`},
		{"twice: recovery", []PDU{sd(1), sd(1)}, `[USTAT N(R)=0 N(MR)=8 list 0 1]; error Q; SQ 1; [ER N(SQ)=1 N(MR)=8]`},
		{"from the past: beyond the window, modulo 2^24", []PDU{sd(0), sd(0)}, `DATA.ind 0 "m0"; [USTAT N(R)=1 N(MR)=9 list 1 9]`},
		{"an empty message", []PDU{{Type: SD}}, `DATA.ind 0`},
	} {
		t.Run(k.name, func(t *testing.T) {
			b := ready(t, c, 20, true)
			for _, p := range k.do {
				b.in(p)
			}
			if got := show(b.Actions()); got != k.want {
				t.Errorf("got  %s\nwant %s", got, k.want)
			}
		})
	}
}

// 7.5, p. 67 and 68: POLL is answered by the gaps, MaxSTAT of them a PDU.
func TestAnswerPOLL(t *testing.T) {
	poll := func(s uint32) PDU { return PDU{Type: POLL, PS: 5, S: s} }
	for _, k := range []struct {
		name    string
		maxSTAT int
		came    []uint32
		poll    PDU
		want    string
	}{
		{"nothing was sent", 67, nil, poll(0), `[STAT N(PS)=5 N(R)=0 N(MR)=16]`},
		{"all have come", 67, []uint32{0, 1}, poll(2), `[STAT N(PS)=5 N(R)=2 N(MR)=18]`},
		{"the last are lacking", 67, []uint32{0}, poll(3), `[STAT N(PS)=5 N(R)=1 N(MR)=17 list 1 3]`},
		{"one in the middle", 67, []uint32{1, 2}, poll(3), `[STAT N(PS)=5 N(R)=0 N(MR)=16 list 0 1 3]`},
		{"several", 67, []uint32{1, 3, 4}, poll(7), `[STAT N(PS)=5 N(R)=0 N(MR)=16 list 0 1 2 3 5 7]`},
		{"beyond the window", 67, nil, poll(99), `[STAT N(PS)=5 N(R)=0 N(MR)=16 list 0 16]`},
		{"in parts that end with a gap's start", 3, []uint32{1, 3, 5}, poll(7),
			`[STAT N(PS)=5 N(R)=0 N(MR)=16 list 0 1 2]; [STAT N(PS)=5 N(R)=0 N(MR)=16 list 2 3 4]; ` +
				`[STAT N(PS)=5 N(R)=0 N(MR)=16 list 4 5 6]; [STAT N(PS)=5 N(R)=0 N(MR)=16 list 6 7]`},
		{"in parts, the last one full", 3, []uint32{1, 3}, poll(4),
			`[STAT N(PS)=5 N(R)=0 N(MR)=16 list 0 1 2]; [STAT N(PS)=5 N(R)=0 N(MR)=16 list 2 3 4]`},
		{"a gap that was filled", 67, []uint32{1, 0}, poll(2), `[STAT N(PS)=5 N(R)=2 N(MR)=18]`},
		{"older than an SD that has come: recovery", 67, []uint32{0, 5}, poll(4), `error Q; SQ 1; [ER N(SQ)=1 N(MR)=16]`},
	} {
		t.Run(k.name, func(t *testing.T) {
			c := testConfig()
			c.Window, c.MaxSTAT = 16, k.maxSTAT
			b := ready(t, c, 20, true)
			for _, n := range k.came {
				b.in(sd(n))
			}
			b.drain().in(k.poll)
			if got := show(b.Actions()); got != k.want {
				t.Errorf("got  %s\nwant %s", got, k.want)
			}
		})
	}
}

// p. 70 to 72: what STAT does to the transmitter. Eight SDs are out, POLL 1
// after the first four, POLL 2 after the others; credit is 10.
func TestTakeSTAT(t *testing.T) {
	for _, k := range []struct {
		name string
		stat PDU
		want string
		left int // messages still held
	}{
		{"all acknowledged", PDU{PS: 2, R: 8, MR: 20}, "nothing", 0},
		{"some", PDU{PS: 2, R: 3, MR: 20}, "nothing", 5},
		{"N(R) as it was", PDU{PS: 1, R: 0, MR: 20}, "nothing", 8},
		{"a gap", PDU{PS: 2, R: 2, MR: 20, List: list(2, 4)}, `error V 2; [SD N(S)=2 "m2"]; [SD N(S)=3 "m3"]`, 6},
		{"two gaps", PDU{PS: 2, R: 1, MR: 20, List: list(1, 2, 5, 6)}, `error V 2; [SD N(S)=1 "m1"]; [SD N(S)=5 "m5"]`, 7},
		{"sent after that POLL: not again", PDU{PS: 1, R: 3, MR: 20, List: list(3, 8)}, `error V 1; [SD N(S)=3 "m3"]`, 5},
		{"one element means nothing", PDU{PS: 2, R: 1, MR: 20, List: list(9)}, "nothing", 7},
		{"credit used up", PDU{PS: 2, R: 8, MR: 8}, "error W", 0},
		{"N(PS) of no POLL", PDU{PS: 3, R: 0, MR: 20}, "R", -1},
		{"N(PS) 0", PDU{PS: 0, R: 0, MR: 20}, "R", -1},
		{"N(R) beyond VT(S)", PDU{PS: 2, R: 9, MR: 20}, "S", -1},
		{"N(R) before VT(A)", PDU{PS: 2, R: seqMask, MR: 20}, "S", -1},
		{"a gap from VT(S) on", PDU{PS: 2, R: 0, MR: 20, List: list(8, 9)}, "S", -1},
		{"a gap to beyond VT(S)", PDU{PS: 2, R: 0, MR: 20, List: list(7, 9)}, "S", -1},
		{"an empty gap", PDU{PS: 2, R: 0, MR: 20, List: list(3, 3)}, "S", -1},
		{"backwards", PDU{PS: 2, R: 0, MR: 20, List: list(1, 3, 2)}, "S", -1},
		{"before VT(A)", PDU{PS: 2, R: 4, MR: 20, List: list(3, 5)}, "S", -1},
	} {
		t.Run(k.name, func(t *testing.T) {
			b := ready(t, testConfig(), 10, true)
			b.messages(4).expire()
			for i := 4; i < 8; i++ {
				b.must(b.Data(b.at, fmt.Appendf(nil, "m%d", i)))
			}
			b.expire().drain()
			k.stat.Type = STAT
			b.in(k.stat)
			want := k.want
			if len(want) == 1 {
				want = "error " + want + "; SQ 1; [ER N(SQ)=1 N(MR)=30]"
			}
			if got := show(b.Actions()); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if k.left >= 0 && b.Pending() != k.left {
				t.Errorf("%d messages held, want %d", b.Pending(), k.left)
			}
		})
	}
}

// p. 70: a selective acknowledgement is final when Clear-buffers is yes; what
// the peer then lacks all the same is an error.
func TestSelectiveAcknowledgement(t *testing.T) {
	for _, release := range []bool{true, false} {
		b := ready(t, testConfig(), 20, release)
		b.messages(4).expire()
		b.in(PDU{Type: STAT, PS: 1, R: 0, MR: 20, List: list(0, 1, 3)}).expire().drain()
		b.in(PDU{Type: STAT, PS: 2, R: 0, MR: 20, List: list(0, 2)})
		want := `error S; SQ 1; [ER N(SQ)=1 N(MR)=30]`
		if !release {
			want = `error V 2; [SD N(S)=0 "m0"]; [SD N(S)=1 "m1"]`
		}
		if got := show(b.Actions()); got != want {
			t.Errorf("release %v: got  %s\nwant %s", release, got, want)
		}
	}
}

// p. 69: USTAT. Four SDs are out.
func TestTakeUSTAT(t *testing.T) {
	for _, k := range []struct {
		name  string
		ustat PDU
		want  string
	}{
		{"a gap", PDU{R: 1, List: list(1, 3)}, `error V 2; [SD N(S)=1 "m1"]; [SD N(S)=2 "m2"]`},
		{"N(R) is VT(S)", PDU{R: 4, List: list(1, 3)}, "T"},
		{"N(R) before VT(A)", PDU{R: seqMask, List: list(1, 3)}, "T"},
		{"an empty gap", PDU{R: 1, List: list(2, 2)}, "T"},
		{"backwards", PDU{R: 1, List: list(3, 2)}, "T"},
		{"before N(R)", PDU{R: 2, List: list(1, 3)}, "T"},
		{"to VT(S)", PDU{R: 1, List: list(1, 4)}, "T"},
	} {
		t.Run(k.name, func(t *testing.T) {
			b := ready(t, testConfig(), 20, true).messages(4).drain()
			k.ustat.Type, k.ustat.MR = USTAT, 20
			b.in(k.ustat)
			want := k.want
			if len(want) == 1 {
				want = "error " + want + "; SQ 1; [ER N(SQ)=1 N(MR)=30]"
			}
			if got := show(b.Actions()); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
	// p. 69: an SD that the peer said it has.
	b := ready(t, testConfig(), 20, true).messages(5).expire()
	b.in(PDU{Type: STAT, PS: 1, R: 0, MR: 20, List: list(0, 1, 3)}).drain()
	b.in(PDU{Type: USTAT, R: 0, MR: 20, List: list(0, 2)})
	b.want(`error T; SQ 1; [ER N(SQ)=1 N(MR)=30] -> 7 C`)
}

// 7.7, p. 65: after MaxPD SDs a POLL goes out without its timer.
func TestMaxPD(t *testing.T) {
	c := testConfig()
	c.MaxPD = 3
	b := ready(t, c, 20, true).messages(7)
	b.want(`[SD N(S)=0 "m0"]; [SD N(S)=1 "m1"]; [SD N(S)=2 "m2"]; [POLL N(PS)=1 N(S)=3]; ` +
		`[SD N(S)=3 "m3"]; [SD N(S)=4 "m4"]; [SD N(S)=5 "m5"]; [POLL N(PS)=2 N(S)=6]; [SD N(S)=6 "m6"] -> 10 PN`)
	b.expire().drain() // a POLL by the timer counts too
	b.messages(2)
	b.want(`[SD N(S)=7 "m0"]; [SD N(S)=8 "m1"] -> 10 PN`)
	b.must(b.Resync(b.at, nil)).in(PDU{Type: RSAK, MR: 20}).drain() // VT(PD) is 0 again
	b.messages(2).want(`[SD N(S)=0 "m0"]; [SD N(S)=1 "m1"] -> 10 PN`)
}

// p. 70: an older POLL's STAT that comes after a newer one's is an error; a
// second one for the same POLL is not (a list in parts is that).
func TestOldSTAT(t *testing.T) {
	b := ready(t, testConfig(), 20, true).messages(2).expire().expire().drain()
	stat := func(ps uint32) PDU { return PDU{Type: STAT, PS: ps, R: 0, MR: 20} }
	b.in(stat(2)).in(stat(2)).want(`nothing -> 10 PN`)
	b.in(stat(1)).want(`error R; SQ 1; [ER N(SQ)=1 N(MR)=30] -> 7 C`)
}

// 7.8: without credit nothing goes out; codes W and X; the queue goes when
// credit comes.
func TestCredit(t *testing.T) {
	b := ready(t, testConfig(), 2, true).messages(4)
	b.want(`[SD N(S)=0 "m0"]; [SD N(S)=1 "m1"] -> 10 PN`)
	b.expire().want(`[POLL N(PS)=1 N(S)=2] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 1, R: 2, MR: 2}).want(`error W -> 10 PN`)
	b.expire().want(`[POLL N(PS)=2 N(S)=2] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 2, R: 2, MR: 2}).want(`nothing -> 10 PN`)
	b.expire().drain()
	b.in(PDU{Type: STAT, PS: 3, R: 2, MR: 3}).want(`error X; [SD N(S)=2 "m2"] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 3, R: 3, MR: 9}).want(`[SD N(S)=3 "m3"] -> 10 PN`)
}

// p. 64: a message that meets a closed window in the idle phase polls for
// credit, and is sent when it comes.
func TestCreditInIdlePhase(t *testing.T) {
	b := ready(t, testConfig(), 1, true).messages(1).expire()
	b.in(PDU{Type: STAT, PS: 1, R: 1, MR: 1}).expire().drain()
	b.in(PDU{Type: STAT, PS: 2, R: 1, MR: 1}).want(`nothing -> 10 I`)
	b.messages(1).want(`[POLL N(PS)=3 N(S)=1] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 3, R: 1, MR: 5}).want(`error X; [SD N(S)=1 "m0"] -> 10 PN`)
}

// 7.8: with HoldCredit the window opens by Grant, never beyond Window.
func TestHoldCredit(t *testing.T) {
	c := testConfig()
	c.Window, c.HoldCredit = 2, true
	b := ready(t, c, 20, true)
	b.in(sd(0)).in(sd(1)).drain()
	b.in(PDU{Type: POLL, PS: 1, S: 2}).want(`[STAT N(PS)=1 N(R)=2 N(MR)=2] -> 10 PN`)
	b.in(sd(2)).want(`nothing -> 10 PN`)
	b.Grant(1)
	b.in(PDU{Type: POLL, PS: 2, S: 2}).want(`[STAT N(PS)=2 N(R)=2 N(MR)=3] -> 10 PN`)
	b.Grant(99)
	b.Grant(-1)
	b.in(PDU{Type: POLL, PS: 3, S: 2}).want(`[STAT N(PS)=3 N(R)=2 N(MR)=4] -> 10 PN`)
	if n := b.Counters().OutOfWindow; n != 1 {
		t.Errorf("%d SDs out of the window", n)
	}
}

// 7.6: the phases. Active: POLL and NO-RESPONSE; transient: KEEP-ALIVE and
// NO-RESPONSE; idle: IDLE.
func TestPhases(t *testing.T) {
	b := ready(t, testConfig(), 20, true)
	b.messages(1).want(`[SD N(S)=0 "m0"] -> 10 PN`)
	b.expire().want(`[POLL N(PS)=1 N(S)=1] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 1, R: 1, MR: 20}).want(`nothing -> 10 PN`)
	b.expire().want(`[POLL N(PS)=2 N(S)=1] -> 10 KN`)
	b.in(PDU{Type: STAT, PS: 2, R: 1, MR: 20}).want(`nothing -> 10 I`)
	at, _ := b.Timeout()
	if want := b.at + b.cfg.TimerIdle; at != want {
		t.Errorf("idle until %v, want %v", at, want)
	}
	b.at += time.Second // a second STAT to that POLL does not make it longer
	b.in(PDU{Type: STAT, PS: 2, R: 1, MR: 20}).want(`nothing -> 10 I`)
	if still, _ := b.Timeout(); still != at {
		t.Errorf("idle until %v, no more %v", still, at)
	}
	b.messages(1).want(`[SD N(S)=1 "m0"] -> 10 PN`)
	b.expire().drain()
	b.in(PDU{Type: STAT, PS: 3, R: 2, MR: 20}).expire().want(`[POLL N(PS)=4 N(S)=2] -> 10 KN`)
	b.messages(1).want(`[SD N(S)=2 "m0"] -> 10 PN`)
	b.expire().drain()
	b.in(PDU{Type: STAT, PS: 5, R: 3, MR: 20}).expire().drain()
	b.in(PDU{Type: STAT, PS: 6, R: 3, MR: 20}).want(`nothing -> 10 I`)
	b.expire().want(`[POLL N(PS)=7 N(S)=3] -> 10 KN`)
}

// 7.6: a peer that says nothing more: seven seconds of POLLs, then the end.
func TestNoResponse(t *testing.T) {
	b := ready(t, testConfig(), 20, true)
	polls := 0
	for b.state == Ready {
		b.expire()
		for _, a := range b.Actions() {
			if a.Kind == ReleaseIndication && b.at != b.cfg.TimerNoResponse {
				t.Errorf("released at %v", b.at)
			}
			if p, _ := Decode(a.Data); a.Kind == Send && p.Type == POLL {
				polls++
			}
		}
	}
	if polls != 4 { // at 0.75 s, then every 2 s
		t.Errorf("%d POLLs", polls)
	}
	if _, running := b.Timeout(); running {
		t.Error("a timer runs in Idle")
	}
}

// p. 61, 62: a repeated BGN, RS or ER restarts Timer_NO-RESPONSE when it runs,
// and does not start it in the idle phase.
func TestRepeatedInReady(t *testing.T) {
	for _, typ := range []PDUType{BGN, RS, ER} {
		b := ready(t, testConfig(), 20, true)
		b.at = 3 * time.Second
		b.in(PDU{Type: typ, SQ: 1, MR: 20})
		if at := b.timers[timerNoResponse].at; at != b.at+b.cfg.TimerNoResponse {
			t.Errorf("%v: no response until %v", typ, at)
		}
		b.at = 0
		b = ready(t, testConfig(), 20, true).expire()
		b.in(PDU{Type: STAT, PS: 1, MR: 20}).drain()
		b.in(PDU{Type: typ, SQ: 1, MR: 20})
		if got := b.timersRunning(); got != "I" {
			t.Errorf("%v in the idle phase: timers %s", typ, got)
		}
	}
}

// 7.4: 24 bits wrap, on both sides, in gaps too.
func TestWrap(t *testing.T) {
	b := ready(t, testConfig(), 20, true)
	b.vtS, b.vtA, b.vtMS = seqMask-1, seqMask-1, 10
	b.vtPS, b.vtPA = seqMask, seqMask
	b.vrR, b.vrH, b.vrMR = seqMask-1, seqMask-1, 28
	b.messages(4)
	b.want(`[SD N(S)=16777214 "m0"]; [SD N(S)=16777215 "m1"]; [SD N(S)=0 "m2"]; [SD N(S)=1 "m3"] -> 10 PN`)
	b.expire().want(`[POLL N(PS)=0 N(S)=2] -> 10 PN`)
	b.in(PDU{Type: STAT, PS: 0, R: seqMask, MR: 20, List: list(seqMask, 1, 2)})
	b.want(`error V 2; [SD N(S)=16777215 "m1"]; [SD N(S)=0 "m2"] -> 10 PN`)
	b.in(PDU{Type: USTAT, R: seqMask, MR: 20, List: list(seqMask, 1)})
	b.want(`error V 2; [SD N(S)=16777215 "m1"]; [SD N(S)=0 "m2"] -> 10 PN`)
	b.in(PDU{Type: SD, S: 1, Data: []byte("d")}).want(`[USTAT N(R)=16777214 N(MR)=28 list 16777214 1] -> 10 PN`)
	b.in(PDU{Type: POLL, PS: 3, S: 2}).want(`[STAT N(PS)=3 N(R)=16777214 N(MR)=28 list 16777214 1 2] -> 10 PN`)
	b.in(PDU{Type: SD, S: seqMask - 1}).in(PDU{Type: SD, S: seqMask}).in(PDU{Type: SD, S: 0})
	b.want(`DATA.ind 16777214; DATA.ind 16777215; DATA.ind 0; DATA.ind 1 "d" -> 10 PN`)
}

// p. 64: SDs that are asked for again go before new ones, the oldest first.
func TestRetransmissionFirst(t *testing.T) {
	b := ready(t, testConfig(), 20, true).messages(6).expire().drain()
	b.SetBusy(b.at, true)
	b.in(PDU{Type: USTAT, R: 0, MR: 20, List: list(3, 5)})
	b.in(PDU{Type: USTAT, R: 0, MR: 20, List: list(0, 2)})
	b.in(PDU{Type: USTAT, R: 0, MR: 20, List: list(1, 4)}).drain() // 1 and 3 are marked already
	b.messages(1).want(`nothing -> 10 PN`)
	b.SetBusy(b.at, false)
	b.want(`[SD N(S)=0 "m0"]; [SD N(S)=1 "m1"]; [SD N(S)=2 "m2"]; [SD N(S)=3 "m3"]; [SD N(S)=4 "m4"]; [SD N(S)=6 "m0"] -> 10 PN`)
}

// 8.1: while the layer below is busy, SD, UD and MD wait, other PDUs do not.
func TestBusy(t *testing.T) {
	b := ready(t, testConfig(), 20, true)
	b.SetBusy(0, true)
	b.messages(1).must(b.UnitData(0, []byte("u"))).must(b.ManagementData(0, []byte("m")))
	b.want(`nothing -> 10 PN`)
	b.in(PDU{Type: POLL, PS: 1}).want(`[STAT N(PS)=1 N(R)=0 N(MR)=30] -> 10 PN`)
	b.SetBusy(0, false)
	b.want(`[UD "u"]; [MD "m"]; [SD N(S)=0 "m0"] -> 10 PN`)
	b.SetBusy(0, true)
	for range MaxUnits {
		b.must(b.UnitData(0, nil))
	}
	if err := b.UnitData(0, nil); err != ErrFull {
		t.Errorf("one more UD: %v", err)
	}
}

// Limits: what is too long or too much is refused without effect.
func TestLimits(t *testing.T) {
	c := testConfig()
	c.K, c.J, c.Queue = 10, 6, 3
	b := ready(t, c, 0, true)
	for name, err := range map[string]error{
		"message": b.Data(0, make([]byte, 11)), "unit": b.UnitData(0, make([]byte, 11)),
		"management": b.ManagementData(0, make([]byte, 11)), "resync": b.Resync(0, make([]byte, 7)),
		"release": b.Release(0, make([]byte, 7)), "retrieve": b.Retrieve(0, RetrieveTotal+1),
	} {
		if err != ErrLength {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.messages(3)
	if err := b.Data(0, nil); err != ErrFull {
		t.Errorf("fourth message: %v", err)
	}
	b.want(`nothing -> 10 PN`)

	// 7.2.4: longer than k and j, code U; the state does not matter.
	for _, p := range []PDU{{Type: SD, Data: make([]byte, 11)}, {Type: UD, Data: make([]byte, 12)}, {Type: BGN, SQ: 9, Data: make([]byte, 7)}} {
		if err := b.Receive(0, encode(t, p)); err != ErrPDULength {
			t.Errorf("%v: %v", p.Type, err)
		}
		b.want(`error U -> 10 PN`)
	}
	// 7.2.4 a: nobody is told.
	if err := b.Receive(0, make([]byte, 8)); err != ErrPDUType {
		t.Errorf("type 0: %v", err)
	}
	b.want(`nothing -> 10 PN`)
	if n := b.Counters(); n.Length != 3 || n.UnknownType != 1 {
		t.Errorf("counters %+v", n)
	}
	// 7.7: the list of a STAT may be longer than our own MaxSTAT.
	c.MaxSTAT = 3
	b = ready(t, c, 20, true).messages(3).expire().drain()
	b.in(PDU{Type: STAT, PS: 1, R: 0, MR: 20, List: list(0, 1, 2, 3)}).want(`error V 2; [SD N(S)=0 "m0"]; [SD N(S)=2 "m2"] -> 10 PN`)
}

// A caller that takes no actions is not served for ever.
func TestMaxActions(t *testing.T) {
	b := newBench(t, testConfig())
	for range MaxActions {
		b.must(b.UnitData(0, nil))
	}
	if err := b.UnitData(0, nil); err != ErrFull {
		t.Errorf("request: %v", err)
	}
	if err := b.Receive(0, encode(t, PDU{Type: UD})); err != ErrFull || b.Counters().Choked != 1 {
		t.Errorf("PDU: %v", err)
	}
	b.Actions()
	b.must(b.Establish(0, nil, true))
	for range MaxActions {
		_ = b.UnitData(0, nil)
	}
	b.HandleTimeout(time.Hour)
	if at, running := b.Timeout(); !running || at != b.cfg.TimerCC {
		t.Error("the timer did not wait")
	}
}

// Actions stay as they are until the next call of Actions, whatever is put in.
func TestActionsStay(t *testing.T) {
	b := ready(t, testConfig(), 20, true)
	pdu := encode(t, sd(0))
	b.must(b.Receive(0, pdu))
	first := b.Actions()
	clear(pdu)
	for i := range 20 {
		b.in(sd(uint32(i + 1)))
		b.messages(1)
	}
	if got := show(first); got != `DATA.ind 0 "m0"` {
		t.Errorf("changed to %s", got)
	}
}

// Q.2130, 7: the values for the UNI.
func TestDefaultConfig(t *testing.T) {
	c := DefaultConfig()
	for _, k := range []struct {
		name      string
		got, want any
	}{
		{"Timer_CC", c.TimerCC, time.Second}, {"Timer_POLL", c.TimerPoll, 750 * time.Millisecond},
		{"Timer_KEEP-ALIVE", c.TimerKeepAlive, 2 * time.Second}, {"Timer_NO-RESPONSE", c.TimerNoResponse, 7 * time.Second},
		{"Timer_IDLE", c.TimerIdle, 15 * time.Second}, {"MaxCC", c.MaxCC, 4}, {"MaxPD", c.MaxPD, 25},
		{"MaxSTAT", c.MaxSTAT, 67}, {"k", c.K, 4096}, {"j", c.J, 4096},
	} {
		if k.got != k.want {
			t.Errorf("%s is %v, not %v", k.name, k.got, k.want)
		}
	}
}

// Refusals by New.
func TestConfig(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"MaxCC":         func(c *Config) { c.MaxCC = 0 },
		"MaxPD":         func(c *Config) { c.MaxPD = 0 },
		"even MaxSTAT":  func(c *Config) { c.MaxSTAT = 4 },
		"MaxSTAT":       func(c *Config) { c.MaxSTAT = MaxElements + 2 },
		"K":             func(c *Config) { c.K = MaxInfo + 1 },
		"J":             func(c *Config) { c.J = -1 },
		"Window":        func(c *Config) { c.Window = MaxWindow + 1 },
		"Queue":         func(c *Config) { c.Queue = 0 },
		"no timer":      func(c *Config) { c.TimerIdle = 0 },
		"NO-RESPONSE":   func(c *Config) { c.TimerNoResponse = c.TimerKeepAlive },
		"negative time": func(c *Config) { c.TimerCC = -1 },
	} {
		c := DefaultConfig()
		change(&c)
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := DefaultConfig()
	c.K, c.J, c.MaxSTAT = MaxInfo, MaxInfo-4, MaxElements
	b := ready(t, c, 20, true)
	b.must(b.Data(0, make([]byte, MaxInfo))).must(b.Release(0, make([]byte, MaxInfo-4)))
	if a := b.Actions(); len(a) != 2 || len(a[0].Data) != MaxPDUSize || len(a[1].Data) != MaxPDUSize {
		t.Error("the largest PDUs are not what AAL5 carries")
	}
}

// Assured transfer allocates nothing in steady state: ten messages each way,
// one of them out of turn, acknowledged.
func TestTransferAllocatesNothing(t *testing.T) {
	a, z := ready(t, testConfig(), 30, true), ready(t, testConfig(), 30, true)
	message := make([]byte, 100)
	now, lost := time.Duration(0), 0
	pass := func(from, to *bench) (n int) {
		for _, act := range from.Actions() {
			n++
			if act.Kind == Send && act.Data[len(act.Data)-4]&0xF == byte(SD) {
				if lost++; lost%7 == 0 {
					continue
				}
			}
			if act.Kind == Send {
				_ = to.Receive(now, act.Data)
			}
		}
		return n
	}
	round := func() {
		for range 10 {
			_, _ = a.Data(now, message), z.Data(now, message)
		}
		now += 750 * time.Millisecond
		a.HandleTimeout(now)
		z.HandleTimeout(now)
		for pass(a, z)+pass(z, a) > 0 {
		}
	}
	for range 50 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
	if c := a.Counters(); a.state != Ready || c.Sent[SD] < 2000 || c.Retransmitted == 0 {
		t.Errorf("state %v, counters %+v", a.state, c)
	}
}
