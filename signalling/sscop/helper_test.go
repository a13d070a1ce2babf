package sscop

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// testConfig has short names for what tests count on.
func testConfig() Config {
	c := DefaultConfig()
	c.Window, c.MaxCC = 30, 4
	return c
}

// bench drives one machine by hand.
type bench struct {
	t testing.TB
	*Machine
	at time.Duration
}

func newBench(t testing.TB, c Config) *bench {
	t.Helper()
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, Machine: m}
}

// must fails the test on an error of an input.
func (b *bench) must(err error) *bench {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return b
}

// in receives a PDU.
func (b *bench) in(p PDU) *bench {
	b.t.Helper()
	return b.must(b.Receive(b.at, encode(b.t, p)))
}

// expire lets the timer that is next expire.
func (b *bench) expire() *bench {
	b.t.Helper()
	at, running := b.Timeout()
	if !running {
		b.t.Fatal("no timer runs")
	}
	b.at = at
	b.HandleTimeout(at)
	return b
}

// drain forgets the actions so far.
func (b *bench) drain() *bench { b.Actions(); return b }

// want compares the actions since the last look, the state and the timers.
func (b *bench) want(text string) *bench {
	b.t.Helper()
	if got := b.look(); got != text {
		b.t.Fatalf("got  %s\nwant %s", got, text)
	}
	return b
}

// look shows actions, state and timers as the tables of expectations do.
func (b *bench) look() string {
	return fmt.Sprintf("%s -> %d %s", show(b.Actions()), b.state, b.timersRunning())
}

// timersRunning names the timers that run: CC, POLL, KEEP-ALIVE, NO-RESPONSE, IDLE.
func (b *bench) timersRunning() string {
	s := ""
	for i, letter := range "CPKNI" {
		if b.running(i) {
			s += string(letter)
		}
	}
	if s == "" {
		return "-"
	}
	return s
}

func encode(t testing.TB, p PDU) []byte {
	t.Helper()
	pdu, err := Append(nil, &p)
	if err != nil {
		t.Fatal(err)
	}
	return pdu
}

// show prints actions on one line.
func show(actions []Action) string {
	var out []string
	for _, a := range actions {
		out = append(out, showOne(a))
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, "; ")
}

func showOne(a Action) string {
	data := ""
	if len(a.Data) > 0 {
		data = fmt.Sprintf(" %q", a.Data)
	}
	short := strings.NewReplacer("indication", "ind", "confirm", "conf").Replace(strings.TrimPrefix(a.Kind.String(), "AA-"))
	switch a.Kind {
	case Send:
		p, err := Decode(a.Data)
		if err != nil {
			return err.Error()
		}
		data = ""
		if len(p.Data) > 0 {
			data = fmt.Sprintf(" %q", p.Data)
		}
		p.Data = nil
		return "[" + p.String() + data + "]"
	case SequenceUsed:
		return fmt.Sprintf("SQ %d", a.SQ)
	case ReleaseIndication:
		return short + " " + a.Source.String() + data
	case DataIndication:
		return fmt.Sprintf("%s %d%s", short, a.SN, data)
	case ErrorIndication:
		if a.Count > 0 {
			return fmt.Sprintf("error %c %d", a.Code, a.Count)
		}
		return fmt.Sprintf("error %c", a.Code)
	}
	return short + data
}

// inState brings a machine to a state, by PDUs and requests only. In state 10
// two SDs are out and one POLL; the peer's N(SQ) is 1, and what begins at it
// is 2 later on.
func inState(t testing.TB, c Config, s State) *bench {
	b := newBench(t, c)
	switch s {
	case Idle:
	case OutgoingConnection:
		b.must(b.Establish(0, []byte("mine"), true))
	case IncomingConnection:
		b.in(PDU{Type: BGN, SQ: 1, MR: 20, Data: []byte("yours")})
	case Ready:
		inConnReady(b)
	case OutgoingDisconnection:
		inConnReady(b).must(b.Release(b.at, []byte("bye")))
	case OutgoingResync:
		inConnReady(b).must(b.Resync(b.at, []byte("anew")))
	case IncomingResync:
		inConnReady(b).in(PDU{Type: RS, SQ: 1, MR: 20})
	case OutgoingRecovery:
		inConnReady(b).in(PDU{Type: STAT, PS: 9, MR: 20})
	case RecoveryResponse:
		inConnReady(b).in(PDU{Type: STAT, PS: 9, MR: 20}).in(PDU{Type: ERAK, MR: 20})
	case IncomingRecovery:
		inConnReady(b).in(PDU{Type: ER, SQ: 1, MR: 20})
	}
	if b.state != s {
		t.Fatalf("set up for %v ended in %v", s, b.state)
	}
	return b.drain()
}

func inConnReady(b *bench) *bench {
	b.must(b.Establish(0, []byte("mine"), true)).in(PDU{Type: BGAK, MR: 20})
	b.must(b.Data(0, []byte("one"))).must(b.Data(0, []byte("two")))
	return b.expire()
}

func isRefused(err error) bool { return errors.Is(err, ErrState) }
