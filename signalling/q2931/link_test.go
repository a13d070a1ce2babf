package q2931

import (
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// linkStateProofs: failure and reset of the link in each state that is not
// active.
func linkStateProofs() (proofs []clauseTest) {
	for _, s := range callStates {
		side, state := parseState(s)
		if state == Active {
			continue
		}
		proofs = append(proofs,
			clauseTest{"5.6.10", s + ": AAL-RELEASE clears the call here", func(t *testing.T) {
				b := newBench(t, side, UNI40)
				b.reach(state)
				b.must(&Event{Kind: LinkReleased})
				b.expect("Link-down.indication, Release.confirm 27")
				b.in("0")
				if _, running := b.m.Deadline(); running {
					t.Error("a timer runs")
				}
			}},
			clauseTest{"5.6.9", s + ": AAL-ESTABLISH-indication keeps the call", func(t *testing.T) {
				b := newBench(t, side, UNI40)
				b.reach(state)
				before := b.state()
				b.must(&Event{Kind: EstablishIndication})
				b.expect("")
				b.in(before)
			}})
	}
	return proofs
}

func holdProofs() []clauseTest {
	return slices.Concat(
		either("5.6.9", "reset with an active call: STATUS ENQUIRY", func(b *bench) {
			b.active()
			b.must(&Event{Kind: EstablishIndication})
			b.expect(">STATUS ENQUIRY")
			b.peer(Status, b.minimal(Status)...)
			b.expect("")
			b.in("10")
		}),
		either("5.6.10", "an active call is held for T309, then checked", func(b *bench) {
			b.active()
			b.must(&Event{Kind: LinkReleased})
			b.expect("Link-down.indication, AAL-ESTABLISH-request")
			b.in("10")
			b.wait(10*time.Second - 1)
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication, >STATUS ENQUIRY")
			b.peer(Status, b.minimal(Status)...)
			b.wait(time.Hour)
			b.expect("")
			b.in("10")
		}),
		either("5.6.10", "T309: all calls are cleared here", func(b *bench) {
			b.active()
			b.active()
			b.must(&Event{Kind: LinkReleased})
			b.did()
			b.wait(10 * time.Second)
			b.expect("Release.confirm 27, Release.confirm 27")
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication")
		}),
		either("5.6.10", "the peer has lost the call", func(b *bench) {
			b.active()
			b.must(&Event{Kind: LinkReleased})
			b.must(&Event{Kind: EstablishConfirm})
			b.did()
			b.peer(Status, ie.New(&ie.CallState{}), cause(30))
			b.expect("Release.confirm 101")
		}),
		either("5.6.10", "while the link does not come back, it is asked for again", func(b *bench) {
			b.active()
			b.must(&Event{Kind: LinkReleased})
			b.did()
			b.must(&Event{Kind: LinkReleased})
			b.expect("")
			b.wait(time.Second)
			b.expect("AAL-ESTABLISH-request")
			b.wait(8 * time.Second)
			b.in("10")
			b.wait(time.Second)
			b.expect("Release.confirm 27")
		}),
		either("5.6.10", "what waited for a link that did not come is forgotten", func(b *bench) {
			b.must(&Event{Kind: LinkReleased})
			b.outgoing()
			b.must(&Event{Kind: LinkReleased})
			b.did()
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication")
		}),
	)
}

func waitingProofs() []clauseTest {
	return slices.Concat(
		either("5.6.10", "RELEASE waits for the link", func(b *bench) {
			b.active()
			b.must(&Event{Kind: LinkReleased})
			b.do(ReleaseRequest, cause(16))
			b.did()
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication, >RELEASE 16")
		}),
		either("5.1.1", "SETUP asks for the link and waits for it", func(b *bench) {
			b.must(&Event{Kind: LinkReleased})
			b.did()
			b.outgoing()
			b.expect("AAL-ESTABLISH-request")
			b.must(&Event{Kind: EstablishIndication})
			b.expect("Link-up.indication, >SETUP")
		}),
		either("5.1.1", "T303 while the link is not there sends nothing twice", func(b *bench) {
			b.must(&Event{Kind: LinkReleased})
			b.outgoing()
			b.wait(5 * time.Second)
			b.did()
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication, >SETUP")
		}),
		either("5.6.9", "calls restored after a restart of the process are checked, leaves too", func(b *bench) {
			vc := &ie.Connection{Associated: ie.Explicit, VCI: 77}
			m, _ := New(Config{Side: b.m.config.Side})
			b.m = m
			b.call = CallOf(9, true)
			err := m.Restore(Info{Call: b.call, State: Active, Connection: vc, Multi: true, Parties: []PartyInfo{{0, PartyActive}, {5, PartyActive}}})
			if err != nil {
				b.t.Fatal(err)
			}
			b.expect("AAL-ESTABLISH-request")
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication, >STATUS ENQUIRY")
			b.peer(Status, b.minimal(Status)...)
			b.expect(">STATUS ENQUIRY")
			b.peer(Status, append(b.minimal(Status), endpoint(0, true), ie.New(&ie.EndpointState{State: 10}))...)
			b.expect(">STATUS ENQUIRY")
			b.peer(Status, append(b.minimal(Status), endpoint(5, true), ie.New(&ie.EndpointState{}))...)
			b.expect("Drop-party.confirm 101")
			b.wait(time.Hour)
			b.expect("")
			info, _ := m.Info(b.call)
			if len(info.Parties) != 1 || info.Connection.VCI != 77 {
				b.t.Errorf("%+v", info)
			}
		}),
	)
}
