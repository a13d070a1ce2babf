package q2931

import (
	"fmt"
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
)

// without takes an element out.
func without(elements []ie.Element, id ie.ID) []ie.Element {
	return slices.DeleteFunc(slices.Clone(elements), func(e ie.Element) bool { return e.ID == id })
}

// spoiled is elements with one that cannot be decoded.
func spoiled(elements []ie.Element, id ie.ID) []ie.Element {
	return append(without(elements, id), ie.Element{ID: id, Content: []byte{0x7f, 0x7f, 0x7f}})
}

var alien = ie.Element{ID: 0x33, Content: []byte{1}}

// faultyProofs: each element that a SETUP must have, missing and faulty.
func faultyProofs() (proofs []clauseTest) {
	for _, id := range []ie.ID{ie.TrafficDescriptorID, ie.BearerCapabilityID, ie.CalledNumberID} {
		proofs = slices.Concat(proofs,
			either("5.6.7.1", fmt.Sprintf("SETUP without %v: RELEASE COMPLETE with cause 96", id), func(b *bench) {
				b.call = CallOf(7, false)
				b.peer(Setup, without(b.arrivingSetup(), id)...)
				b.expect(">RELEASE COMPLETE 96")
				if got := find[ie.Cause](b.sent()).Elements(); !slices.Equal(got, []ie.ID{id}) {
					b.t.Errorf("diagnostics %v", got)
				}
				b.in("0")
			}),
			either("5.6.7.2", fmt.Sprintf("SETUP with a faulty %v: RELEASE COMPLETE with cause 100", id), func(b *bench) {
				b.call = CallOf(7, false)
				b.peer(Setup, spoiled(b.arrivingSetup(), id)...)
				b.expect(">RELEASE COMPLETE 100")
				if got := find[ie.Cause](b.sent()).Elements(); !slices.Equal(got, []ie.ID{id}) {
					b.t.Errorf("diagnostics %v", got)
				}
			}))
	}
	return proofs
}

func mandatoryProofs() []clauseTest {
	return slices.Concat(
		only(User, "5.6.7.1", "SETUP without connection identifier: RELEASE COMPLETE with cause 96", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, without(b.arrivingSetup(), ie.ConnectionID)...)
			b.expect(">RELEASE COMPLETE 96")
		}),
		only(Network, "5.1.2", "SETUP without connection identifier: the network chooses", func(b *bench) {
			b.incoming()
			b.expect("Setup.indication")
		}),
		only(User, "5.1.2", "first response without connection identifier: the call is cleared by cause 96", func(b *bench) {
			b.outgoing()
			b.did()
			b.peer(CallProceeding)
			b.expect(">RELEASE 96, Release.indication 96")
			b.in("11 T308")
		}),
		only(Network, "5.1.2", "our first response needs a connection identifier", func(b *bench) {
			b.incoming()
			b.did()
			if err := b.ask(ProceedingRequest); err == nil {
				b.t.Error("it was sent without")
			}
			b.in("1")
		}),
		either("5.6.7.1", "RELEASE without cause: RELEASE COMPLETE with cause 96", func(b *bench) {
			b.active()
			b.peer(Release)
			b.expect("Release.indication 31")
			b.do(ReleaseResponse)
			b.expect(">RELEASE COMPLETE 96, Release.confirm")
		}),
		either("5.6.7.2", "RELEASE with a faulty cause: RELEASE COMPLETE with cause 100", func(b *bench) {
			b.active()
			b.peer(Release, ie.Element{ID: ie.CauseID, Content: []byte{0x80}})
			b.expect("Release.indication 31")
			b.do(ReleaseResponse)
			b.expect(">RELEASE COMPLETE 100, Release.confirm")
		}),
		either("5.6.7.1", "RELEASE COMPLETE without cause frees the call", func(b *bench) {
			b.active()
			b.peer(ReleaseComplete)
			b.expect("Release.confirm")
		}),
		either("5.6.7.1", "NOTIFY without notification: STATUS with cause 96", func(b *bench) {
			b.active()
			b.peer(Notify)
			b.expect(">STATUS 96")
			b.in("10")
		}),
		either("5.6.7.1", "STATUS without call state: STATUS with cause 96", func(b *bench) {
			b.active()
			b.peer(Status, cause(30))
			b.expect(">STATUS 96")
			b.in("10")
		}),
	)
}

func lengthProofs() []clauseTest {
	return slices.Concat(
		either("5.6.5", "an element longer than the message is faulty", func(b *bench) {
			b.active()
			m := Message{Reference: b.reference(), Type: Notify, Elements: b.minimal(Notify)}
			data, _ := m.Append(nil)
			b.must(&Event{Kind: DataIndication, Data: data[:len(data)-1]})
			b.expect(">STATUS 100")
		}),
		either("5.6.6.3", "a mandatory element of another coding standard is faulty", func(b *bench) {
			b.call = CallOf(7, false)
			elements := b.arrivingSetup()
			elements[1].Coding = ie.National
			b.peer(Setup, elements...)
			b.expect(">RELEASE COMPLETE 100")
		}),
	)
}

func optionalProofs() []clauseTest {
	return slices.Concat(
		either("5.6.8.1", "unknown element: the message is handled, STATUS with cause 99 in the new state", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), alien)...)
			b.expect("Setup.indication, >STATUS 99")
			m := b.sent()
			if got := find[ie.Cause](m).Elements(); !slices.Equal(got, []ie.ID{0x33}) {
				b.t.Errorf("diagnostics %v", got)
			}
			if s := find[ie.CallState](m); fmt.Sprint(s.State) != b.state() {
				b.t.Errorf("STATUS of state %d in state %s", s.State, b.state())
			}
			for _, e := range b.out[0].Elements {
				if e.ID == 0x33 {
					b.t.Error("call control was given the element")
				}
			}
		}),
		either("5.6.8.1", "unknown elements in RELEASE: RELEASE COMPLETE with cause 99", func(b *bench) {
			b.active()
			b.peer(Release, cause(16), alien, ie.Element{ID: 0x34})
			b.expect("Release.indication 16")
			b.do(ReleaseResponse)
			b.expect(">RELEASE COMPLETE 99, Release.confirm")
			if got := find[ie.Cause](b.sent()).Elements(); !slices.Equal(got, []ie.ID{0x33, 0x34}) {
				b.t.Errorf("diagnostics %v", got)
			}
		}),
		either("5.6.8.1", "unknown element in RELEASE COMPLETE: nothing is sent", func(b *bench) {
			b.active()
			b.peer(ReleaseComplete, cause(16), alien)
			b.expect("Release.confirm 16")
		}),
		either("5.6.8.1", "unknown element in STATUS: nothing is sent", func(b *bench) {
			b.active()
			b.peer(Status, append(b.minimal(Status), alien)...)
			b.expect("")
		}),
		either("4.5.4", "an element of another codeset is unknown", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.New(&ie.NonLockingShift{Codeset: 6}), ie.Element{ID: ie.CauseID, Content: []byte{1}})...)
			b.expect("Setup.indication, >STATUS 99")
		}),
		either("5.6.8.2", "faulty optional element: handled, STATUS with cause 100", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.Element{ID: ie.CallingNumberID, Content: []byte{0x92, 0x92}}, ie.Element{ID: ie.TransitDelayID, Content: []byte{9}})...)
			b.expect("Setup.indication, >STATUS 100")
		}),
		either("5.6.8.2", "faulty access information: STATUS with cause 43", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.Element{ID: ie.AALParametersID, Content: []byte{9}})...)
			b.expect("Setup.indication, >STATUS 43")
		}),
		either("5.6.8.3", "known element where it does not belong: STATUS with cause 99", func(b *bench) {
			b.active()
			b.peer(Notify, append(b.minimal(Notify), ie.New(&ie.Restart{}))...)
			b.expect("Notify.indication, >STATUS 99")
		}),
	)
}

func repeatProofs() []clauseTest {
	return slices.Concat(
		either("5.6.6.1", "elements come in any order", func(b *bench) {
			b.call = CallOf(7, false)
			elements := b.arrivingSetup()
			slices.Reverse(elements)
			b.peer(Setup, elements...)
			b.expect("Setup.indication")
		}),
		either("5.6.6.2", "of an element that comes too often the first counts", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.New(&ie.CalledNumber{Number: nsap(9)}))...)
			b.expect("Setup.indication")
			if n := ie.Find[ie.CalledNumber](b.out[0].Elements); n.Digits[18] != 1 {
				b.t.Error("the second called party number was taken")
			}
		}),
		either("4.5.19", "low layer information repeats behind a repeat indicator only", func(b *bench) {
			low := []ie.Element{ie.New(&ie.LowLayer{Layer2: ie.Some(ie.Layer2LLC)}), ie.New(&ie.LowLayer{Layer2: ie.Some(ie.Layer2Q922)})}
			count := func() (n int) {
				for _, e := range b.out[0].Elements {
					if e.ID == ie.LowLayerID {
						n++
					}
				}
				return n
			}
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), low...)...)
			b.expect("Setup.indication")
			if n := count(); n != 1 {
				b.t.Errorf("%d without indicator", n)
			}
			b.call = CallOf(8, false)
			b.peer(Setup, append(append(b.arrivingSetup(), ie.New(&ie.Repeat{Indication: ie.RepeatPrioritized})), low...)...)
			b.expect("Setup.indication")
			if n := count(); n != 2 {
				b.t.Errorf("%d with indicator", n)
			}
		}),
	)
}

// actionProofs: the action indicator of elements (5.7.2).
func actionProofs() (proofs []clauseTest) {
	for _, c := range []struct {
		action   ie.Action
		name     string
		unknown  string
		optional string
		must     string
	}{
		{ie.ClearCall, "clear call", ">RELEASE COMPLETE 99", ">RELEASE COMPLETE 100", ">RELEASE COMPLETE 100"},
		{ie.Discard, "discard element", "Setup.indication", "Setup.indication", ">RELEASE COMPLETE 100"},
		{ie.DiscardReport, "discard element, report", "Setup.indication, >STATUS 99", "Setup.indication, >STATUS 100", ">RELEASE COMPLETE 100"},
		{ie.DiscardMessage, "discard message", "", "", ""},
		{ie.DiscardMessageReport, "discard message, report", ">STATUS 99", ">STATUS 100", ">STATUS 100"},
		{7, "reserved", "Setup.indication, >STATUS 99", "Setup.indication, >STATUS 100", ">RELEASE COMPLETE 100"},
	} {
		try := func(want string, bad ie.Element) func(*bench) {
			return func(b *bench) {
				bad.Flag, bad.Action = true, c.action
				b.call = CallOf(7, false)
				b.peer(Setup, append(without(b.arrivingSetup(), bad.ID), bad)...)
				b.expect(want)
			}
		}
		proofs = slices.Concat(proofs,
			either("5.7.2", "unknown element, action "+c.name, try(c.unknown, ie.Element{ID: 0x33})),
			either("5.7.2", "faulty optional element, action "+c.name, try(c.optional, ie.Element{ID: ie.TransitDelayID, Content: []byte{9}})),
			either("5.7.2", "faulty mandatory element, action "+c.name, try(c.must, ie.Element{ID: ie.BearerCapabilityID, Content: []byte{9}})))
	}
	return slices.Concat(proofs,
		either("5.7.2", "clear call in a call that is up", func(b *bench) {
			b.active()
			b.peer(Notify, append(b.minimal(Notify), ie.Element{ID: 0x33, Flag: true, Action: ie.ClearCall})...)
			b.expect(">RELEASE 99, Release.indication 99")
		}),
		either("5.7.2", "discard message, report, in a call that is up", func(b *bench) {
			b.active()
			b.peer(Notify, append(b.minimal(Notify), ie.Element{ID: 0x33, Flag: true, Action: ie.DiscardMessageReport})...)
			b.expect(">STATUS 99")
			b.in("10")
		}),
		either("5.7.2", "clear call does not keep RELEASE from being handled", func(b *bench) {
			b.active()
			b.peer(Release, cause(16), ie.Element{ID: 0x33, Flag: true, Action: ie.ClearCall})
			b.expect("Release.indication 16")
		}),
	)
}
