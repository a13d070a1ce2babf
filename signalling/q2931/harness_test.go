package q2931

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// bench is a machine on a test bench: the test is its call control, its SAAL,
// its peer and its clock.
type bench struct {
	t   testing.TB
	m   *Machine
	now time.Duration
	// call is the call under test, party a party of it.
	call  Call
	party uint16
	multi bool
	// out is what the machine did since the last look, without data.
	out []Event
}

func newBench(t testing.TB, side Side, version Version) *bench {
	t.Helper()
	m, err := New(Config{Side: side, Version: version})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, m: m}
	b.must(&Event{Kind: LinkRequest})
	b.must(&Event{Kind: EstablishConfirm})
	b.did()
	return b
}

// must is a step that has to succeed.
func (b *bench) must(e *Event) {
	b.t.Helper()
	if err := b.m.Step(b.now, e); err != nil {
		b.t.Fatalf("%v: %v", e, err)
	}
}

// ask is a request of call control about the call under test.
func (b *bench) ask(k Kind, elements ...ie.Element) error {
	e := &Event{Kind: k, Call: b.call, Party: b.party, Multi: b.multi, Elements: elements}
	err := b.m.Step(b.now, e)
	if k == SetupRequest && err == nil {
		b.call = e.Call
	}
	if k == AddPartyRequest && err == nil {
		b.party = e.Party
	}
	return err
}

// reference is the call reference in messages from the peer.
func (b *bench) reference() Reference {
	return Reference{b.call.Reference(), b.call.Originated()}
}

// peer gives the machine a message about the call under test.
func (b *bench) peer(kind Type, elements ...ie.Element) {
	b.t.Helper()
	b.message(&Message{Reference: b.reference(), Type: kind, Elements: elements})
}

func (b *bench) message(m *Message) {
	b.t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		b.t.Fatalf("%v: %v", m.Type, err)
	}
	b.must(&Event{Kind: DataIndication, Data: data})
}

// wait lets time pass.
func (b *bench) wait(d time.Duration) {
	b.now += d
	b.m.Tick(b.now)
}

// did tells what the machine has done since the last time, in words: messages
// with their causes after a ">", primitives by name.
func (b *bench) did() string {
	b.t.Helper()
	var s []string
	b.out = append([]Event(nil), b.m.Ready()...)
	for _, e := range b.out {
		if e.Kind != DataRequest {
			s = append(s, e.Kind.String()+causeText(e.Cause))
			continue
		}
		m, err := Decode(e.Data)
		if err != nil {
			b.t.Fatalf("% x: %v", e.Data, err)
		}
		text := ">" + m.Type.String()
		for i := range m.Elements {
			if c, ok := m.Elements[i].Value.(*ie.Cause); ok {
				text += causeText(c)
			}
		}
		s = append(s, text)
	}
	return strings.Join(s, ", ")
}

func causeText(c *ie.Cause) string {
	switch {
	case c == nil:
		return ""
	case c.Value == ie.CauseTimerExpired:
		return fmt.Sprintf(" %d/%s", c.Value, c.Diagnostics)
	}
	return fmt.Sprintf(" %d", c.Value)
}

// sent is the last message that the machine sent, since the last did.
func (b *bench) sent() *Message {
	b.t.Helper()
	for i := len(b.out) - 1; i >= 0; i-- {
		if b.out[i].Kind == DataRequest {
			m, err := Decode(b.out[i].Data)
			if err != nil {
				b.t.Fatal(err)
			}
			return &m
		}
	}
	b.t.Fatal("nothing was sent")
	return nil
}

func (b *bench) expect(want string) {
	b.t.Helper()
	if got := b.did(); got != want {
		b.t.Fatalf("did %q, want %q", got, want)
	}
}

// state is the state of the call under test with the timers that run.
func (b *bench) state() string {
	c := b.m.calls[b.call]
	if c == nil {
		return "0"
	}
	s := fmt.Sprint(int(c.state))
	if c.timer.place != 0 {
		s += " " + timerName(c.timer.what)
	}
	if c.enquiry.place != 0 {
		s += " T322"
	}
	return s
}

func timerName(s signal) string {
	return "T" + [...]string{"301", "303", "306", "308", "309", "310", "313", "316", "317", "322", "331", "397", "398", "399"}[s-t301]
}

func (b *bench) in(want string) {
	b.t.Helper()
	if got := b.state(); got != want {
		b.t.Fatalf("in state %q, want %q", got, want)
	}
}

// Elements of test messages.

func cause(value uint8) ie.Element { return ie.New(&ie.Cause{Value: value}) }

func channel(vci uint16) ie.Element {
	return ie.New(&ie.Connection{Associated: ie.Explicit, VCI: vci})
}

func endpoint(id uint16, flag bool) ie.Element {
	return ie.New(&ie.EndpointReference{Value: id, Flag: flag})
}

func nsap(last byte) ie.Number {
	n := ie.Number{Plan: ie.PlanATM, Digits: make([]byte, 20)}
	n.Digits[0], n.Digits[18] = 0x47, last
	return n
}

// setupElements are those that a SETUP must have.
func setupElements(multi bool) []ie.Element {
	bearer := &ie.BearerCapability{Class: ie.BearerX}
	if multi {
		bearer.Multipoint = 1
	}
	best := ie.Traffic{ForwardPeak01: ie.Some[uint32](353207), BackwardPeak01: ie.Some[uint32](353207), BestEffort: true}
	if multi {
		best.BackwardPeak01.Value = 0
	}
	return []ie.Element{
		ie.New(&ie.TrafficDescriptor{Traffic: best}), ie.New(bearer),
		ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.QoSParameter{}),
	}
}

// arrivingSetup are those of a SETUP from the peer: a network gives VPCI and
// VCI.
func (b *bench) arrivingSetup() []ie.Element {
	elements := setupElements(b.multi)
	if b.m.config.Side == User {
		elements = append(elements, channel(32))
	}
	if b.multi {
		elements = append(elements, endpoint(0, false))
	}
	return elements
}

// answerElements are those of the first response that we give: the network's
// has VPCI and VCI.
func (b *bench) answerElements() []ie.Element {
	if b.m.config.Side == Network {
		return []ie.Element{channel(32)}
	}
	return nil
}

// responseElements are those of the first response from the peer.
func (b *bench) responseElements() []ie.Element {
	elements := []ie.Element{}
	if b.m.config.Side == User {
		elements = append(elements, channel(32))
	}
	if b.multi {
		elements = append(elements, endpoint(0, true))
	}
	return elements
}

// outgoing starts a call of ours; incoming one of the peer's.
func (b *bench) outgoing() {
	b.t.Helper()
	elements := setupElements(b.multi)
	if b.m.config.Side == Network {
		elements = append(elements, channel(32))
	}
	if err := b.ask(SetupRequest, elements...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) incoming() {
	b.t.Helper()
	b.call = CallOf(7, false)
	b.peer(Setup, b.arrivingSetup()...)
}

// do is a request that has to succeed.
func (b *bench) do(k Kind, elements ...ie.Element) {
	b.t.Helper()
	if err := b.ask(k, elements...); err != nil {
		b.t.Fatalf("%v in state %s: %v", k, b.state(), err)
	}
}

// reach brings a call into a state. Calls of the states from CallInitiated to
// CallDelivered go from user to network, others the other way; those from
// Active on are the side's own.
func (b *bench) reach(s State) {
	b.t.Helper()
	user := b.m.config.Side == User
	fromUser := s <= CallDelivered || s >= Active && user
	if fromUser == user {
		b.outgoing()
		switch s {
		case CallInitiated, CallPresent:
		case OutgoingProceeding, IncomingProceeding:
			b.peer(CallProceeding, b.responseElements()...)
		case CallDelivered, CallReceived:
			b.peer(Alerting, b.responseElements()...)
		default:
			b.peer(Connect, b.responseElements()...)
		}
	} else {
		b.incoming()
		switch s {
		case CallInitiated, CallPresent:
		case OutgoingProceeding, IncomingProceeding:
			b.do(ProceedingRequest, b.answerElements()...)
		case CallDelivered, CallReceived:
			b.do(AlertingRequest, b.answerElements()...)
		default:
			b.do(SetupResponse, b.answerElements()...)
		}
	}
	if s >= Active && !user {
		b.do(SetupCompleteRequest)
	}
	switch {
	case s == b.m.clearing():
		b.do(ReleaseRequest, cause(16))
	case s == b.m.cleared():
		b.peer(Release, cause(16))
	}
	if c := b.m.calls[b.call]; c == nil || c.state != s {
		b.t.Fatalf("reached %s, not %v", b.state(), s)
	}
	b.did()
}

// active is a call that is up.
func (b *bench) active() {
	b.t.Helper()
	b.reach(Active)
}
