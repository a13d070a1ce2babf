package q2931

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/signalling/ie"
)

// cellTest says what happens in some states when an event comes: the next
// state with its timer ("=" is the state as it was), then what is done.
type cellTest struct {
	states string // "U1 U3 N6"
	event  string // a message type, a request of call control, or a timer
	clause string
	want   string
}

// callTests are all cells of the call's state table that do something; every
// other message is answered by STATUS with cause 101 and every other request
// refused, in all states.
var callTests = []cellTest{
	{"U1", "CALL PROCEEDING", "5.1.5", "3 T310: Proceeding.indication"},
	{"N6", "CALL PROCEEDING", "5.2.5.2", "9 T310: Proceeding.indication"},
	{"U1 U3", "ALERTING", "5.1.6", "4 T301: Alerting.indication"},
	{"N6 N9", "ALERTING", "5.2.5.2", "7 T301: Alerting.indication"},
	{"U1 U3 U4", "CONNECT", "5.1.7", "10: >CONNECT ACKNOWLEDGE, Setup.confirm"},
	{"N6 N7 N9", "CONNECT", "5.2.6", "8: Setup.confirm"},
	{"U8", "CONNECT ACKNOWLEDGE", "5.2.7", "10: Setup-complete.indication"},
	{"N10", "CONNECT ACKNOWLEDGE", "5.1.7", "=: "},
	{"U1 U3 U4 U6 U7 U8 U9 U10 U11 U12 N1 N3 N4 N6 N7 N8 N9 N10 N11 N12", "SETUP", "5.6.3.2 d", "=: "},
	{"U1 U3 U4 U6 U7 U8 U9 U10", "RELEASE", "5.4.4", "12: Release.indication 16"},
	{"N1 N3 N4 N6 N7 N8 N9 N10", "RELEASE", "5.4.3", "11: Release.indication 16"},
	{"U11 N12", "RELEASE", "5.4.5", "0: Release.confirm 16"},
	{"U12", "RELEASE", "5.4.4", "=: "},
	{"N11", "RELEASE", "5.4.3", "=: "},
	{"U1 U3 U4 U6 U7 U8 U9 U10 U11 U12", "RELEASE COMPLETE", "5.4.3", "0: Release.confirm 16"},
	{"N1 N3 N4 N6 N7 N8 N9 N10 N11 N12", "RELEASE COMPLETE", "5.4.4", "0: Release.confirm 16"},
	{"U1 U3 U4 U6 U7 U8 U9 U10 N1 N3 N4 N6 N7 N8 N9 N10", "NOTIFY", "5.9", "=: Notify.indication"},
	{"U1 U3 U4 U6 U7 U8 U9 U10 U11 U12 N1 N3 N4 N6 N7 N8 N9 N10 N11 N12", "STATUS ENQUIRY", "5.6.11", "=: >STATUS 30"},
	{"U1 U3 U4 U6 U7 U8 U9 U10 U11 U12 N1 N3 N4 N6 N7 N8 N9 N10 N11 N12", "STATUS", "5.6.12", "=: "},

	{"U6", "Proceeding.request", "5.2.5.1", "9: >CALL PROCEEDING"},
	{"N1", "Proceeding.request", "5.1.5", "3: >CALL PROCEEDING"},
	{"U6 U9", "Alerting.request", "5.2.5.1", "7: >ALERTING"},
	{"N1 N3", "Alerting.request", "5.1.6", "4: >ALERTING"},
	{"U6 U7 U9", "Setup.response", "5.2.6", "8 T313: >CONNECT"},
	{"N1 N3 N4", "Setup.response", "5.1.7", "10: >CONNECT"},
	{"N8", "Setup-complete.request", "5.2.7", "10: >CONNECT ACKNOWLEDGE"},
	{"U6", "Release.request", "5.2.5.3", "0: >RELEASE COMPLETE 16, Release.confirm 16"},
	{"N1", "Release.request", "5.1.8", "0: >RELEASE COMPLETE 16, Release.confirm 16"},
	{"U1 U3 U4 U7 U8 U9 U10", "Release.request", "5.4.3", "11 T308: >RELEASE 16"},
	{"N3 N4 N6 N7 N8 N9 N10", "Release.request", "5.4.4", "12 T308: >RELEASE 16"},
	{"U12", "Release.request", "5.4.4", "0: >RELEASE COMPLETE 16, Release.confirm"},
	{"N11", "Release.request", "5.4.3", "0: >RELEASE COMPLETE 16, Release.confirm"},
	{"U12", "Release.response", "5.4.4", "0: >RELEASE COMPLETE 16, Release.confirm"},
	{"N11", "Release.response", "5.4.3", "0: >RELEASE COMPLETE 16, Release.confirm"},
	{"U11", "Release.response", "5.4.3", "=: "},
	{"N12", "Release.response", "5.4.4", "=: "},
	{"U3 U4 U7 U8 U9 U10 N3 N4 N7 N8 N9 N10", "Notify.request", "5.9", "=: >NOTIFY"},
	{"U1 U3 U4 U6 U7 U8 U9 U10 U11 U12 N1 N3 N4 N6 N7 N8 N9 N10 N11 N12", "Status-enquiry.request", "5.6.11", "= T322: >STATUS ENQUIRY"},

	{"U1", "T303", "5.1.1", "=: >SETUP"},
	{"N6", "T303", "5.2.1", "=: >SETUP"},
	{"U3", "T310", "5.1.5", "11 T308: >RELEASE 102/310, Release.indication 102/310"},
	{"N9", "T310", "5.2.5.4", "12 T308: >RELEASE 102/310, Release.indication 102/310"},
	{"U4", "T301", "5.1.6", "11 T308: >RELEASE 102/301, Release.indication 102/301"},
	{"N7", "T301", "5.2.5.4", "12 T308: >RELEASE 102/301, Release.indication 102/301"},
	{"U8", "T313", "5.2.6", "11 T308: >RELEASE 102/313, Release.indication 102/313"},
	{"U11", "T308", "5.4.3", "=: >RELEASE 16 102/308"},
	{"N12", "T308", "5.4.4", "=: >RELEASE 16 102/308"},
}

// callStates are the states of each side with a call.
var callStates = []string{
	"U1", "U3", "U4", "U6", "U7", "U8", "U9", "U10", "U11", "U12",
	"N1", "N3", "N4", "N6", "N7", "N8", "N9", "N10", "N11", "N12",
}

var callMessages = []Type{
	Setup, CallProceeding, Alerting, Connect, ConnectAck, Release, ReleaseComplete, Notify, Status, StatusEnquiry,
	AddParty, AddPartyAck, PartyAlerting, AddPartyReject, DropParty, DropPartyAck, Restart, RestartAck, LeafSetupRequest,
}

var callRequests = []Kind{
	ProceedingRequest, AlertingRequest, SetupResponse, SetupCompleteRequest, ReleaseRequest, ReleaseResponse, NotifyRequest,
	EnquiryRequest, AddPartyRequest, AddPartyResponse, PartyAlertingRequest, AddPartyRefusal, DropPartyRequest, DropPartyResponse,
}

// parseState is "U3": side and state.
func parseState(s string) (side Side, state State) {
	if s[0] == 'N' {
		side = Network
	}
	fmt.Sscan(s[1:], &state)
	return side, state
}

// callCells makes a test of every state and event.
func callCells() (proofs []clauseTest) {
	want := map[string]cellTest{}
	for _, c := range callTests {
		for _, s := range strings.Fields(c.states) {
			want[s+" "+c.event] = c
		}
	}
	add := func(state, event, clause, result string, give func(*bench) error) {
		c, ok := want[state+" "+event]
		if !ok {
			c = cellTest{clause: clause, want: result}
		}
		proofs = append(proofs, clauseTest{c.clause, arrow(state+" "+event, c.want), func(t *testing.T) { runCell(t, state, c.want, give) }})
	}
	for _, s := range callStates {
		for _, kind := range callMessages {
			add(s, kind.String(), "5.6.4", "=: >STATUS 101", func(b *bench) error {
				b.peer(kind, b.minimal(kind)...)
				return nil
			})
		}
		for _, k := range callRequests {
			add(s, k.String(), "5", "refused", func(b *bench) error {
				return b.ask(k, b.requestElements(k)...)
			})
		}
		for _, c := range callTests {
			if c.event[0] == 'T' && strings.Contains(" "+c.states+" ", " "+s+" ") {
				add(s, c.event, "", "", func(b *bench) error {
					b.wait(b.m.calls[b.call].timer.at - b.now)
					return nil
				})
			}
		}
	}
	return proofs
}

// arrow names a cell and what it does.
func arrow(name, want string) string { return name + " → " + strings.TrimSuffix(want, ": ") }

func runCell(t *testing.T, state, want string, give func(*bench) error) {
	side, s := parseState(state)
	b := newBench(t, side, UNI40)
	b.reach(s)
	before := b.state()
	err := give(b)
	done := b.did()
	if want == "refused" {
		if err == nil || done != "" || b.state() != before {
			t.Errorf("error %v, then %s: %s", err, b.state(), done)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := b.state() + ": " + done
	if w := strings.Replace(want, "=", before, 1); got != w {
		t.Errorf("%s: got %q, want %q", state, got, w)
	}
}

// minimal are the elements that a message from the peer must have.
func (b *bench) minimal(kind Type) []ie.Element {
	var elements []ie.Element
	switch kind {
	case Setup:
		return b.arrivingSetup()
	case CallProceeding, Alerting, Connect:
		return b.responseElements()
	case Status:
		return []ie.Element{ie.New(&ie.CallState{State: uint8(b.m.calls[b.call].state)}), cause(30)}
	case ReleaseComplete:
		return []ie.Element{cause(16)}
	case LeafSetupRequest:
		return []ie.Element{ie.New(&ie.CallingNumber{Number: nsap(2)}), ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.LeafCallIdentifier{}), ie.New(&ie.LeafSequence{})}
	}
	for _, r := range kind.Rows(b.m.config.Version, b.m.inward()) {
		if !r.Mandatory {
			continue
		}
		switch r.ID {
		case ie.CauseID:
			elements = append(elements, cause(16))
		case ie.NotificationID:
			elements = append(elements, ie.New(&ie.Notification{Description: []byte{0x80}}))
		case ie.EndpointReferenceID:
			elements = append(elements, endpoint(b.party, b.call.Originated()))
		case ie.RestartIndicatorID:
			elements = append(elements, ie.New(&ie.Restart{Class: ie.RestartAll}))
		case ie.CalledNumberID:
			elements = append(elements, ie.New(&ie.CalledNumber{Number: nsap(1)}))
		default:
			b.t.Fatalf("%v has %v", kind, r.ID)
		}
	}
	return elements
}

// requestElements are the elements that call control must give.
func (b *bench) requestElements(k Kind) []ie.Element {
	switch k {
	case ProceedingRequest, AlertingRequest, SetupResponse:
		return b.answerElements()
	case ReleaseRequest, AddPartyRefusal, DropPartyRequest:
		return []ie.Element{cause(16)}
	case ReleaseResponse:
		return []ie.Element{cause(16)}
	case NotifyRequest:
		return []ie.Element{ie.New(&ie.Notification{Description: []byte{0x80}})}
	case AddPartyRequest:
		return []ie.Element{ie.New(&ie.CalledNumber{Number: nsap(3)})}
	}
	return nil
}

// partyTests are the cells of the party's state table; "R" is the root's side
// and "L" the leaf's. "=" is the state as it was. Party 1 is under test, party
// 0 is active.
var partyTests = []cellTest{
	{"L6", "ADD PARTY", "Q.2971 9.5", "=: "},
	{"R1", "PARTY ALERTING", "Q.2971 9.2.2", "7 T397: Party-alerting.indication"},
	{"R1 R7", "ADD PARTY ACKNOWLEDGE", "Q.2971 9.2.2", "10: Add-party.confirm"},
	{"R1 R11", "ADD PARTY REJECT", "Q.2971 9.2.2", "gone: Drop-party.confirm 16"},
	{"L11", "ADD PARTY REJECT", "Q.2971 9.2.2", "gone: Drop-party.confirm 16"},
	{"R1 R7 R10 L4 L6 L10", "DROP PARTY", "Q.2971 9.3.3", "12: Drop-party.indication 16"},
	{"R11 L11", "DROP PARTY", "Q.2971 9.3.5", "gone: Drop-party.confirm 16"},
	{"R12 L12", "DROP PARTY", "Q.2971 9.3.3", "=: "},
	{"R1 R7 R10 R11 R12 L4 L6 L10 L11 L12", "DROP PARTY ACKNOWLEDGE", "Q.2971 9.3.3", "gone: Drop-party.confirm"},

	{"L6", "Party-alerting.request", "Q.2971 9.2.3", "4: >PARTY ALERTING"},
	{"L4 L6", "Add-party.response", "Q.2971 9.2.3", "10: >ADD PARTY ACKNOWLEDGE"},
	{"L6", "Add-party-reject.request", "Q.2971 9.2.3", "gone: >ADD PARTY REJECT 16, Drop-party.confirm 16"},
	{"L6", "Drop-party.request", "Q.2971 9.2.3", "gone: >ADD PARTY REJECT 16, Drop-party.confirm 16"},
	{"R1 R7 R10 L4 L10", "Drop-party.request", "Q.2971 9.3.3", "11 T398: >DROP PARTY 16"},
	{"R12 L12", "Drop-party.request", "Q.2971 9.3.3", "gone: >DROP PARTY ACKNOWLEDGE 16, Drop-party.confirm"},
	{"R12 L12", "Drop-party.response", "Q.2971 9.3.3", "gone: >DROP PARTY ACKNOWLEDGE, Drop-party.confirm"},
	{"R11 L11", "Drop-party.response", "Q.2971 9.3.3", "=: "},

	{"R1", "T399", "Q.2971 9.2.2", "11 T398: >DROP PARTY 102/399, Drop-party.indication 102/399"},
	{"R7", "T397", "Q.2971 9.2.2", "11 T398: >DROP PARTY 102/397, Drop-party.indication 102/397"},
	{"R11 L11", "T398", "Q.2971 9.3.3", "gone: >DROP PARTY ACKNOWLEDGE 102/398, Drop-party.confirm 102/398"},
}

var partyMessages = []Type{AddParty, AddPartyAck, PartyAlerting, AddPartyReject, DropParty, DropPartyAck}

var partyRequests = []Kind{AddPartyResponse, PartyAlertingRequest, AddPartyRefusal, DropPartyRequest, DropPartyResponse}

// partyCells makes a test of every party state and event, on both sides of the
// interface.
func partyCells() (proofs []clauseTest) {
	want := map[string]cellTest{}
	for _, c := range partyTests {
		for _, s := range strings.Fields(c.states) {
			want[s+" "+c.event] = c
		}
	}
	for _, side := range []Side{User, Network} {
		for _, s := range []string{"R1", "R7", "R10", "R11", "R12", "L4", "L6", "L10", "L11", "L12"} {
			add := func(event, clause, result string, give func(*bench) error) {
				c, ok := want[s+" "+event]
				if !ok {
					c = cellTest{clause: clause, want: result}
				}
				name := fmt.Sprintf("P%s %s at the %s, %v side", s[1:], event, map[byte]string{'R': "root", 'L': "leaf"}[s[0]], side)
				proofs = append(proofs, clauseTest{c.clause, arrow(name, c.want), func(t *testing.T) { runPartyCell(t, side, s, c.want, give) }})
			}
			for _, kind := range partyMessages {
				add(kind.String(), "Q.2971 9.5", "=: >STATUS 101", func(b *bench) error {
					b.peer(kind, b.minimal(kind)...)
					return nil
				})
			}
			for _, k := range partyRequests {
				add(k.String(), "Q.2971 9", "refused", func(b *bench) error { return b.ask(k, b.requestElements(k)...) })
			}
			for _, c := range partyTests {
				if c.event[0] == 'T' && strings.Contains(" "+c.states+" ", " "+s+" ") {
					add(c.event, "", "", func(b *bench) error {
						b.wait(b.m.calls[b.call].parties[b.party].timer.at - b.now)
						return nil
					})
				}
			}
		}
	}
	return proofs
}

// partyState is the state of the party under test.
func (b *bench) partyState() string {
	c := b.m.calls[b.call]
	if c == nil {
		return "no call"
	}
	p := c.parties[b.party]
	if p == nil {
		return "gone"
	}
	s := fmt.Sprint(int(p.state))
	if p.timer.place != 0 {
		s += " " + timerName(p.timer.what)
	}
	return s
}

// reachParty brings party 1 of an active call into a state, at the root's or
// the leaf's side of the interface.
func (b *bench) reachParty(s string) {
	b.t.Helper()
	b.multi = true
	if root := s[0] == 'R'; root {
		b.outgoing()
		b.peer(Connect, b.responseElements()...)
		if b.m.config.Side == Network {
			b.do(SetupCompleteRequest)
		}
		b.do(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(2)}))
	} else {
		b.incoming()
		b.do(SetupResponse, b.answerElements()...)
		if b.m.config.Side == User {
			b.peer(ConnectAck)
		}
		b.party = 1
		b.peer(AddParty, b.minimal(AddParty)...)
	}
	switch s {
	case "R1", "L6":
	case "R7":
		b.peer(PartyAlerting, b.minimal(PartyAlerting)...)
	case "L4":
		b.do(PartyAlertingRequest)
	default:
		if s[0] == 'R' {
			b.peer(AddPartyAck, b.minimal(AddPartyAck)...)
		} else {
			b.do(AddPartyResponse)
		}
	}
	switch s[1:] {
	case "11":
		b.do(DropPartyRequest, cause(16))
	case "12":
		b.peer(DropParty, b.minimal(DropParty)...)
	}
	if got := strings.Fields(b.partyState())[0]; got != s[1:] {
		b.t.Fatalf("party reached %s, not %s", got, s)
	}
	b.did()
}

func runPartyCell(t *testing.T, side Side, state, want string, give func(*bench) error) {
	b := newBench(t, side, UNI40)
	b.reachParty(state)
	before := b.partyState()
	err := give(b)
	done := b.did()
	if want == "refused" {
		if err == nil || done != "" || b.partyState() != before {
			t.Errorf("error %v, then %s: %s", err, b.partyState(), done)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	got := b.partyState() + ": " + done
	if w := strings.Replace(want, "=", before, 1); got != w {
		t.Errorf("%s: got %q, want %q", state, got, w)
	}
}
