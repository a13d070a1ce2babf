package q2931

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

func partySetupProofs() []clauseTest {
	return slices.Concat(
		either("Q.2971 9.2.1", "SETUP carries endpoint reference 0 and brings the first party up", func(b *bench) {
			b.multi = true
			b.outgoing()
			b.did()
			if e := find[ie.EndpointReference](b.sent()); e == nil || e.Value != 0 || e.Flag {
				b.t.Errorf("%v", b.sent())
			}
			if got := b.partyState(); got != "1" {
				b.t.Errorf("party in state %s", got)
			}
			b.peer(Alerting, b.responseElements()...)
			if got := b.partyState(); got != "7" {
				b.t.Errorf("party in state %s", got)
			}
			b.peer(Connect, b.responseElements()...)
			if b.m.config.Side == Network {
				b.do(SetupCompleteRequest)
			}
			if got := b.partyState(); got != "10" {
				b.t.Errorf("party in state %s", got)
			}
		}),
		either("Q.2971 9.2.1", "our responses to SETUP carry its endpoint reference", func(b *bench) {
			b.multi = true
			b.incoming()
			b.do(AlertingRequest, b.answerElements()...)
			b.did()
			if e := find[ie.EndpointReference](b.sent()); e == nil || e.Value != 0 || !e.Flag {
				b.t.Errorf("%v", b.sent())
			}
			if got := b.partyState(); got != "4" {
				b.t.Errorf("party in state %s", got)
			}
		}),
		either("Q.2971 9.5", "SETUP to many without endpoint reference: RELEASE COMPLETE with cause 96", func(b *bench) {
			b.multi = true
			b.call = CallOf(7, false)
			b.peer(Setup, without(b.arrivingSetup(), ie.EndpointReferenceID)...)
			b.expect(">RELEASE COMPLETE 96")
		}),
		either("Q.2971 9.2.2", "each party has an endpoint reference of its own", func(b *bench) {
			b.reachParty("R10")
			first := b.party
			b.do(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)}))
			b.expect(">ADD PARTY")
			if e := find[ie.EndpointReference](b.sent()); b.party == first || e.Value != b.party || e.Flag {
				b.t.Errorf("%v", b.sent())
			}
		}),
		either("Q.2971 9.2", "ADD PARTY in a call to one is refused", func(b *bench) {
			b.active()
			if err := b.ask(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)})); err != ErrState {
				b.t.Errorf("%v", err)
			}
		}),
	)
}

func lastPartyProofs() []clauseTest {
	return slices.Concat(
		either("Q.2971 9.2", "ADD PARTY from the leaf's side is refused", func(b *bench) {
			b.reachParty("R10")
			b.party = 9
			b.peer(AddParty, b.minimal(AddParty)...)
			b.expect(">STATUS 101")
			b.reachParty("L10")
			if err := b.ask(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)})); err != ErrState {
				b.t.Errorf("%v", err)
			}
		}),
		either("Q.2971 9.3", "DROP PARTY of the last party is RELEASE", func(b *bench) {
			b.reachParty("R10")
			b.do(DropPartyRequest, cause(16))
			b.peer(DropPartyAck, b.minimal(DropPartyAck)...)
			b.did()
			b.party = 0
			b.do(DropPartyRequest, cause(16))
			b.expect(">RELEASE 16")
		}),
		either("Q.2971 9.3", "DROP PARTY for the last party is answered by RELEASE", func(b *bench) {
			b.reachParty("L10")
			b.do(DropPartyRequest, cause(16))
			b.peer(DropPartyAck, b.minimal(DropPartyAck)...)
			b.party = 0
			b.peer(DropParty, b.minimal(DropParty)...)
			b.did()
			b.do(DropPartyResponse)
			b.expect(">RELEASE 31, Drop-party.confirm")
		}),
		either("Q.2971 9.2.2", "ADD PARTY REJECT for the last party clears the call", func(b *bench) {
			b.reachParty("R1")
			added := b.party
			b.party = 0
			b.peer(DropParty, b.minimal(DropParty)...)
			b.do(DropPartyResponse)
			b.did()
			b.party = added
			b.peer(AddPartyReject, b.minimal(AddPartyReject)...)
			b.expect("Drop-party.confirm 16, >RELEASE 16, Release.indication 16")
		}),
		either("Q.2971 9.2.2", "T399 of the last party clears the call", func(b *bench) {
			b.reachParty("R1")
			b.party = 0
			b.peer(DropParty, b.minimal(DropParty)...)
			b.do(DropPartyResponse)
			b.did()
			b.wait(14 * time.Second)
			b.expect(">RELEASE 102/399, Release.indication 102/399")
		}),
	)
}

func partyErrorProofs() []clauseTest {
	return slices.Concat(
		either("Q.2971 9.5", "messages for no party: DROP PARTY ACKNOWLEDGE with cause 89", func(b *bench) {
			b.reachParty("R10")
			b.party = 77
			for _, kind := range []Type{DropParty, AddPartyAck, PartyAlerting} {
				b.peer(kind, b.minimal(kind)...)
				b.expect(">DROP PARTY ACKNOWLEDGE 89")
				if e := find[ie.EndpointReference](b.sent()); e.Value != 77 {
					b.t.Errorf("%v", b.sent())
				}
			}
			for _, kind := range []Type{DropPartyAck, AddPartyReject} {
				b.peer(kind, b.minimal(kind)...)
				b.expect("")
			}
		}),
		either("Q.2971 9.5", "a wrong flag of the endpoint reference is ignored", func(b *bench) {
			b.reachParty("R10")
			b.peer(DropParty, cause(16), endpoint(b.party, !b.call.Originated()))
			b.expect("")
		}),
		either("Q.2971 9.5", "ADD PARTY without called party number: ADD PARTY REJECT with cause 96", func(b *bench) {
			b.reachParty("L10")
			b.party = 8
			b.peer(AddParty, endpoint(8, false))
			b.expect(">ADD PARTY REJECT 96")
		}),
		either("Q.2971 9.5", "ADD PARTY with a faulty called party number: ADD PARTY REJECT with cause 100", func(b *bench) {
			b.reachParty("L10")
			b.party = 8
			b.peer(AddParty, endpoint(8, false), ie.Element{ID: ie.CalledNumberID, Content: []byte{9}})
			b.expect(">ADD PARTY REJECT 100")
		}),
		either("Q.2971 9.5", "DROP PARTY without cause: DROP PARTY ACKNOWLEDGE with cause 96", func(b *bench) {
			b.reachParty("R10")
			b.peer(DropParty, endpoint(b.party, b.call.Originated()))
			b.expect("Drop-party.indication 31")
			b.do(DropPartyResponse)
			b.expect(">DROP PARTY ACKNOWLEDGE 96, Drop-party.confirm")
		}),
		either("Q.2971 9.5", "DROP PARTY without endpoint reference: STATUS with cause 96", func(b *bench) {
			b.reachParty("R10")
			b.peer(DropParty, cause(16))
			b.expect(">STATUS 96")
		}),
		either("Q.2971 9.5", "STATUS ENQUIRY about a party, and about none", func(b *bench) {
			b.reachParty("R10")
			for party, want := range map[uint16]uint8{b.party: 10, 99: 0} {
				b.peer(StatusEnquiry, endpoint(party, b.call.Originated()))
				b.expect(">STATUS 30")
				if s := find[ie.EndpointState](b.sent()); s == nil || s.State != want || find[ie.EndpointReference](b.sent()).Value != party {
					b.t.Errorf("party %d: %v", party, b.sent().Text())
				}
			}
		}),
		either("Q.2971 9.5", "STATUS of a party in a state that does not go with ours drops it", func(b *bench) {
			b.reachParty("R10")
			b.peer(Status, append(b.minimal(Status), endpoint(b.party, true), ie.New(&ie.EndpointState{State: 1}))...)
			b.expect(">DROP PARTY 101, Drop-party.indication 101")
		}),
	)
}

func partyLimitProofs() []clauseTest {
	return slices.Concat(
		either("5.6.10", "AAL-RELEASE: parties that are not active are let go, active ones held", func(b *bench) {
			b.reachParty("R1")
			b.must(&Event{Kind: LinkReleased})
			b.expect("Link-down.indication, Drop-party.confirm 27, AAL-ESTABLISH-request")
			b.must(&Event{Kind: EstablishConfirm})
			b.expect("Link-up.indication, >STATUS ENQUIRY")
			b.peer(Status, b.minimal(Status)...)
			b.expect(">STATUS ENQUIRY")
			if e := find[ie.EndpointReference](b.sent()); e == nil || e.Value != 0 {
				b.t.Errorf("%v", b.sent())
			}
		}),
		either("Q.2971 9.2", "more parties than allowed", func(b *bench) {
			m, _ := New(Config{Side: b.m.config.Side, MaxParties: 2})
			b.m = m
			b.must(&Event{Kind: EstablishConfirm})
			b.reachParty("R10")
			if err := b.ask(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)})); err != ErrTooMany {
				b.t.Errorf("%v", err)
			}
			b.reachParty("L10")
			b.party = 9
			b.peer(AddParty, b.minimal(AddParty)...)
			b.expect(">ADD PARTY REJECT 47")
		}),
	)
}
