package q2931

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/signalling/ie"
)

// procedures are tests of what a cell of the state tables does not show:
// second expiries, errors, restart, the signalling link, whole calls.
func procedures() (proofs []clauseTest) {
	for _, list := range []func() []clauseTest{
		actionProofs, enquiryTimerProofs, faultyProofs, holdProofs, lastPartyProofs, leafProofs,
		lengthProofs, linkStateProofs, mandatoryProofs, optionalProofs, partyErrorProofs, partyLimitProofs,
		partySetupProofs, referenceProofs, repeatProofs, reportProofs, restartBothProofs,
		restartReceivedProofs, restartSentProofs, statusProofs, timerProofs, typeProofs, versionProofs,
		waitingProofs,
	} {
		proofs = append(proofs, list()...)
	}
	return proofs
}

// only makes the test of a script on a bench.
func only(side Side, clause, name string, script func(b *bench)) []clauseTest {
	return []clauseTest{{clause, fmt.Sprintf("%v side: %s", side, name), func(t *testing.T) { script(newBench(t, side, UNI40)) }}}
}

// either makes the same clauseTest on both sides.
func either(clause, name string, script func(b *bench)) []clauseTest {
	return slices.Concat(only(User, clause, name, script), only(Network, clause, name, script))
}

// versionProofs: what UNI 3.0 and 3.1 do not have.
func versionProofs() (proofs []clauseTest) {
	for _, v := range []Version{UNI30, UNI31} {
		for _, side := range []Side{User, Network} {
			script := func(name string, run func(b *bench)) {
				proofs = append(proofs, clauseTest{"UNI 3.1 5.5", fmt.Sprintf("%v, %v side: %s", v, side, name), func(t *testing.T) { run(newBench(t, side, v)) }})
			}
			script("a whole call", func(b *bench) {
				b.active()
				b.do(ReleaseRequest, cause(16))
				b.peer(ReleaseComplete)
				b.did()
				b.in("0")
			})
			script("ALERTING is unknown, and cannot be sent", func(b *bench) {
				b.outgoing()
				b.did()
				b.peer(Alerting, b.responseElements()...)
				b.expect(">STATUS 97")
				b.incoming()
				if err := b.ask(AlertingRequest, b.answerElements()...); err != ErrVersion {
					b.t.Errorf("%v", err)
				}
			})
			script("an element of UNI 4.0 is unknown", func(b *bench) {
				b.call = CallOf(7, false)
				b.peer(Setup, append(b.arrivingSetup(), ie.New(&ie.ConnectionScope{Type: 1, Scope: 1}))...)
				b.expect("Setup.indication, >STATUS 99")
			})
			script("quality of service is mandatory", func(b *bench) {
				b.call = CallOf(7, false)
				b.peer(Setup, without(b.arrivingSetup(), ie.QoSParameterID)...)
				b.expect(">RELEASE COMPLETE 96")
			})
			script("parties are added and dropped", func(b *bench) {
				b.reachParty("R10")
				b.do(DropPartyRequest, cause(16))
				b.peer(DropPartyAck, b.minimal(DropPartyAck)...)
				b.did()
				if got := b.partyState(); got != "gone" {
					b.t.Errorf("party %s", got)
				}
			})
			script("LEAF SETUP REQUEST is not there", func(b *bench) {
				if err := b.m.Step(0, &Event{Kind: LeafRequest}); err != ErrVersion {
					b.t.Errorf("%v", err)
				}
			})
		}
	}
	return proofs
}
