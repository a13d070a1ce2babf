package q2931

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

func TestNew(t *testing.T) {
	for name, c := range map[string]Config{
		"side":          {Side: 2},
		"two versions":  {Version: UNI30 | UNI31},
		"no version":    {Version: 8},
		"location":      {Location: 16},
		"calls":         {MaxCalls: -1},
		"more calls":    {MaxCalls: 1 << 23},
		"parties":       {MaxParties: -1},
		"negative time": {Timers: Timers{T399: -1}},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: %+v was taken", name, c)
		}
	}
	m, err := New(Config{Side: Network, Timers: Timers{T303: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	c := m.Config()
	if c.Version != UNI40 || c.Location != ie.LocationPrivateLocal || c.MaxCalls != DefaultMaxCalls ||
		c.Timers.T303 != time.Second || c.Timers.T308 != 30*time.Second {
		t.Errorf("%+v", c)
	}
}

// The limits of the machine, and what meets them.
func TestLimits(t *testing.T) {
	m, _ := New(Config{Side: User, MaxCalls: 2})
	b := &bench{t: t, m: m}
	b.must(&Event{Kind: EstablishConfirm})
	b.outgoing()
	b.incoming()
	b.did()
	if err := b.ask(SetupRequest, setupElements(false)...); err != ErrTooManyCalls {
		t.Errorf("a third call: %v", err)
	}
	b.call = CallOf(9, false)
	b.peer(Setup, b.arrivingSetup()...)
	b.expect(">RELEASE COMPLETE 47")

	m, _ = New(Config{Side: User})
	b = &bench{t: t, m: m}
	for range MaxPending {
		b.outgoing()
	}
	if err := b.ask(SetupRequest, setupElements(false)...); err != ErrBusy {
		t.Errorf("more than MaxPending messages wait: %v", err)
	}
	if m.Len() != MaxPending {
		t.Errorf("%d calls", m.Len())
	}

	b = newBench(t, User, UNI40)
	request := Event{Kind: LeafRequest, Elements: []ie.Element{ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.LeafCallIdentifier{})}}
	for range MaxLeaves {
		e := request
		b.must(&e)
	}
	if err := b.m.Step(0, &request); err != ErrTooMany {
		t.Errorf("more than MaxLeaves requests: %v", err)
	}
}

// What call control may not do is an error, and nothing happens.
func TestRefused(t *testing.T) {
	b := newBench(t, User, UNI40)
	b.reachParty("R10")
	before := b.state()
	for name, c := range map[string]struct {
		e    Event
		want error
	}{
		"no kind":                 {Event{}, ErrKind},
		"an indication":           {Event{Kind: SetupIndication}, ErrKind},
		"no such call":            {Event{Kind: ReleaseRequest, Call: 12345}, ErrNoCall},
		"no such party":           {Event{Kind: DropPartyRequest, Call: b.call, Party: 99}, ErrNoParty},
		"enquiry about no party":  {Event{Kind: EnquiryRequest, Call: b.call, Party: 99, Multi: true}, ErrNoParty},
		"notify to no party":      {Event{Kind: NotifyRequest, Call: b.call, Party: 99, Multi: true}, ErrNoParty},
		"not in this state":       {Event{Kind: SetupResponse, Call: b.call}, ErrState},
		"SETUP without elements":  {Event{Kind: SetupRequest}, ErrElement},
		"SETUP of two elements":   {Event{Kind: SetupRequest, Elements: append(setupElements(false), setupElements(false)...)}, ErrElement},
		"SETUP with a restart":    {Event{Kind: SetupRequest, Elements: append(setupElements(false), ie.New(&ie.Restart{}))}, ErrElement},
		"SETUP names its party":   {Event{Kind: SetupRequest, Elements: append(setupElements(true), endpoint(3, false))}, ErrElement},
		"a locking shift":         {Event{Kind: SetupRequest, Elements: append(setupElements(false), ie.New(&ie.LockingShift{Codeset: 5}))}, ErrElement},
		"a shift of nothing":      {Event{Kind: SetupRequest, Elements: append(setupElements(false), ie.New(&ie.NonLockingShift{Codeset: 5}))}, ErrElement},
		"ADD PARTY without party": {Event{Kind: AddPartyRequest, Call: b.call}, ErrElement},
		"RESTART of nothing":      {Event{Kind: RestartRequest}, ErrElement},
		"RESTART of which VC":     {Event{Kind: RestartRequest, Elements: []ie.Element{ie.New(&ie.Restart{})}}, ErrElement},
		"no RESTART to answer":    {Event{Kind: RestartResponse}, ErrState},
	} {
		if err := b.m.Step(b.now, &c.e); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if did := b.did(); did != "" || b.state() != before || b.m.Len() != 1 {
			t.Errorf("%s: did %s, in state %s", name, did, b.state())
		}
	}
	long := append(setupElements(false), ie.New(&ie.CallingNumber{Number: ie.Number{Plan: ie.PlanATM, Digits: make([]byte, 21)}}))
	if err := b.ask(SetupRequest, long...); err == nil {
		t.Error("a number of 21 octets was sent")
	}
	// Elements of another codeset may go along.
	if err := b.ask(SetupRequest, append(setupElements(false), ie.New(&ie.NonLockingShift{Codeset: 6}), ie.Element{ID: 8, Content: []byte{1}})...); err != nil {
		t.Errorf("an element of codeset 6: %v", err)
	}
}

func TestRestore(t *testing.T) {
	m, _ := New(Config{MaxCalls: 2, MaxParties: 1})
	good := Info{Call: CallOf(5, false), State: Active}
	if err := m.Restore(good); err != nil {
		t.Fatal(err)
	}
	party := PartyInfo{0, PartyActive}
	for name, i := range map[string]Info{
		"again":            good,
		"not active":       {Call: CallOf(6, true), State: CallPresent},
		"global reference": {Call: CallOf(0, true), State: Active},
		"dummy reference":  {Call: CallOf(MaxReference, true), State: Active},
		"parties of none":  {Call: CallOf(6, true), State: Active, Parties: []PartyInfo{party}},
		"party not active": {Call: CallOf(6, true), State: Active, Multi: true, Parties: []PartyInfo{{0, PartyAddReceived}}},
		"too many parties": {Call: CallOf(6, true), State: Active, Multi: true, Parties: []PartyInfo{party, {1, PartyActive}}},
	} {
		if err := m.Restore(i); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
	_ = m.Restore(Info{Call: CallOf(6, true), State: Active})
	if err := m.Restore(Info{Call: CallOf(7, true), State: Active}); err != ErrTooManyCalls {
		t.Errorf("a third: %v", err)
	}
	if len(m.Calls()) != 2 {
		t.Errorf("%v", m.Calls())
	}
}

// Everything has a name.
func TestNames(t *testing.T) {
	for k := Kind(1); k < lastKind; k++ {
		if k != lastInput && strings.HasPrefix(k.String(), "kind ") {
			t.Errorf("kind %d has no name", k)
		}
	}
	for _, s := range callStates {
		if _, state := parseState(s); strings.HasPrefix(state.String(), "state ") {
			t.Errorf("state %d has no name", state)
		}
	}
	for _, s := range []PartyState{0, 1, 4, 6, 7, 10, 11, 12} {
		if strings.HasPrefix(s.String(), "party state ") {
			t.Errorf("party state %d has no name", s)
		}
	}
	e := Event{Kind: DropPartyConfirm, Call: CallOf(3, true), Party: 2, Multi: true, Cause: &ie.Cause{Value: 16}}
	if got := e.String(); got != "Drop-party.confirm 3 out party 2 cause 16" {
		t.Error(got)
	}
}
