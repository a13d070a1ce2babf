package q2931

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// procedures are tests of what a cell of the state tables does not show:
// second expiries, errors, restart, the signalling link, whole calls.
func procedures() []proof {
	return slices.Concat(timerProofs(), errorProofs(), elementProofs(), statusProofs(), restartProofs(), linkProofs(),
		partyProofs(), leafProofs(), versionProofs())
}

// on makes the proof of a script on a bench.
func on(side Side, clause, name string, script func(b *bench)) proof {
	return proof{clause, fmt.Sprintf("%v side: %s", side, name), func(t *testing.T) { script(newBench(t, side, UNI40)) }}
}

// either makes the same proof on both sides.
func either(clause, name string, script func(b *bench)) []proof {
	return []proof{on(User, clause, name, script), on(Network, clause, name, script)}
}

func timerProofs() []proof {
	return slices.Concat([]proof{
		on(User, "5.1.1", "T303 twice: the call is given up", func(b *bench) {
			b.outgoing()
			b.expect(">SETUP")
			b.wait(4 * time.Second)
			b.expect(">SETUP")
			b.wait(4*time.Second - 1)
			b.expect("")
			b.wait(1)
			b.expect(">RELEASE COMPLETE 102/303, Release.confirm 102/303")
			b.in("0")
		}),
		on(Network, "5.2.5.4", "T303 twice: cause 18 for the calling user", func(b *bench) {
			b.outgoing()
			b.wait(4 * time.Second)
			b.did()
			b.wait(4 * time.Second)
			b.expect(">RELEASE COMPLETE 102/303, Release.confirm 18")
		}),
		on(User, "4.3", "the call reference flag is 0 from the side that chose the value", func(b *bench) {
			b.outgoing()
			b.did()
			if r := b.sent().Reference; r.Flag || r.Value != b.call.Reference() {
				b.t.Errorf("SETUP has reference %v", r)
			}
			b.incoming()
			b.do(ProceedingRequest)
			b.did()
			if r := b.sent().Reference; !r.Flag || r.Value != 7 {
				b.t.Errorf("CALL PROCEEDING has reference %v", r)
			}
		}),
		on(User, "5.1.5", "a response stops T303", func(b *bench) {
			b.outgoing()
			b.peer(CallProceeding, b.responseElements()...)
			b.did()
			b.wait(5 * time.Second)
			b.expect("")
			b.in("3 T310")
		}),
		on(Network, "5.4.4", "T306: RELEASE with tones, then one without", func(b *bench) {
			b.active()
			b.do(ReleaseRequest, cause(17), ie.New(&ie.ProgressIndicator{Description: 8}))
			b.expect(">RELEASE 17")
			b.in("12 T306")
			b.wait(30 * time.Second)
			b.expect(">RELEASE 17")
			b.in("12 T308")
		}),
	},
		either("5.4.3", "T308 twice: the call reference is freed", func(b *bench) {
			b.active()
			b.do(ReleaseRequest, cause(16))
			b.did()
			b.wait(30 * time.Second)
			b.expect(">RELEASE 16 102/308")
			b.wait(30 * time.Second)
			b.expect("Release.confirm 102/308")
			b.in("0")
		}),
		either("5.6.11", "T322 three times: the call is cleared by cause 41", func(b *bench) {
			b.active()
			b.do(EnquiryRequest)
			b.expect(">STATUS ENQUIRY")
			for range MaxEnquiries - 1 {
				b.wait(4 * time.Second)
				b.expect(">STATUS ENQUIRY")
			}
			b.wait(4 * time.Second)
			b.expect(">RELEASE 41, Release.indication 41")
		}),
	)
}

func errorProofs() []proof {
	return slices.Concat(
		either("5.6.1", "another protocol discriminator is ignored", func(b *bench) {
			b.must(&Event{Kind: DataIndication, Data: []byte{8, 3, 0, 0, 1, 5, 0x80, 0, 0}})
			b.expect("")
			if b.m.Counters().BadDiscriminator != 1 {
				b.t.Error("not counted")
			}
		}),
		either("5.6.2", "a message that is too short is ignored", func(b *bench) {
			b.must(&Event{Kind: DataIndication, Data: []byte{9, 3, 0, 0, 1, 5, 0x80, 0}})
			b.expect("")
			if b.m.Counters().TooShort != 1 {
				b.t.Error("not counted")
			}
		}),
		either("5.6.3.1", "a call reference of another length is ignored", func(b *bench) {
			b.must(&Event{Kind: DataIndication, Data: []byte{9, 1, 0, 5, 0x80, 0, 0, 0, 0}})
			b.expect("")
			if b.m.Counters().BadReference != 1 {
				b.t.Error("not counted")
			}
		}),
		either("5.6.3.2 a", "messages for no call: RELEASE COMPLETE with cause 81", func(b *bench) {
			for _, originated := range []bool{false, true} {
				b.call = CallOf(5, originated)
				for _, kind := range []Type{CallProceeding, Alerting, Connect, ConnectAck, Release, Notify, AddParty, DropParty, 0x3f} {
					var elements []ie.Element
					if kind != 0x3f {
						elements = b.minimal(kind)
					}
					b.peer(kind, elements...)
					b.expect(">RELEASE COMPLETE 81")
					if r := b.sent().Reference; r.Value != 5 || r.Flag == originated {
						b.t.Errorf("%v answered with reference %v", kind, r)
					}
				}
			}
		}),
		either("5.6.3.2 b", "RELEASE COMPLETE for no call is ignored", func(b *bench) {
			b.call = CallOf(5, true)
			b.peer(ReleaseComplete, cause(16))
			b.expect("")
		}),
		either("5.6.3.2 c", "SETUP with the flag of our own calls is ignored", func(b *bench) {
			b.call = CallOf(5, true)
			b.peer(Setup, b.arrivingSetup()...)
			b.expect("")
			if b.m.Len() != 0 {
				b.t.Error("a call was made")
			}
		}),
		either("5.6.3.2 e", "other messages with the global call reference: STATUS with cause 81", func(b *bench) {
			b.peer(Release, cause(16))
			b.expect(">STATUS 81")
			if s := find[ie.CallState](b.sent()); b.sent().Reference.Value != 0 || s.State != 0 {
				b.t.Errorf("%v", b.sent())
			}
		}),
		either("5.6.4", "a message of unknown type: STATUS with cause 97", func(b *bench) {
			b.active()
			b.peer(0x3f)
			b.expect(">STATUS 97")
			c := find[ie.Cause](b.sent())
			if kind, _ := c.Message(); kind != 0x3f {
				b.t.Errorf("diagnostics % x", c.Diagnostics)
			}
			b.in("10")
		}),
		either("5.6.4", "PROGRESS, which no UNI has: STATUS with cause 97", func(b *bench) {
			b.active()
			b.peer(Progress)
			b.expect(">STATUS 97")
		}),
		either("5.7.1", "unknown message, action clear call", func(b *bench) {
			b.active()
			b.message(&Message{Reference: b.reference(), Type: 0x3f, Flag: true, Action: ActionClear})
			b.expect(">RELEASE 97, Release.indication 97")
		}),
		either("5.7.1", "unknown message, action discard and ignore", func(b *bench) {
			b.active()
			b.message(&Message{Reference: b.reference(), Type: 0x3f, Flag: true, Action: ActionDiscard})
			b.expect("")
			b.in("10")
		}),
		either("5.7.1", "unknown message, action discard and report", func(b *bench) {
			b.active()
			b.message(&Message{Reference: b.reference(), Type: 0x3f, Flag: true, Action: ActionReport})
			b.expect(">STATUS 97")
		}),
		either("5.7.1", "unexpected message, action discard and ignore", func(b *bench) {
			b.active()
			b.message(&Message{Reference: b.reference(), Type: CallProceeding, Flag: true, Action: ActionDiscard})
			b.expect("")
		}),
		either("5.7.1", "unexpected message, reserved action: as without", func(b *bench) {
			b.active()
			b.message(&Message{Reference: b.reference(), Type: CallProceeding, Flag: true, Action: 3})
			b.expect(">STATUS 101")
		}),
	)
}

// without takes an element out.
func without(elements []ie.Element, id ie.ID) []ie.Element {
	return slices.DeleteFunc(slices.Clone(elements), func(e ie.Element) bool { return e.ID == id })
}

// spoiled is elements with one that cannot be decoded.
func spoiled(elements []ie.Element, id ie.ID) []ie.Element {
	return append(without(elements, id), ie.Element{ID: id, Content: []byte{0x7f, 0x7f, 0x7f}})
}

func elementProofs() []proof {
	return slices.Concat(mandatoryProofs(), optionalProofs(), actionProofs())
}

func mandatoryProofs() (proofs []proof) {
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
	return slices.Concat(proofs, []proof{
		on(User, "5.6.7.1", "SETUP without connection identifier: RELEASE COMPLETE with cause 96", func(b *bench) {
			b.call = CallOf(7, false)
			b.peer(Setup, without(b.arrivingSetup(), ie.ConnectionID)...)
			b.expect(">RELEASE COMPLETE 96")
		}),
		on(Network, "5.1.2", "SETUP without connection identifier: the network chooses", func(b *bench) {
			b.incoming()
			b.expect("Setup.indication")
		}),
		on(User, "5.1.2", "first response without connection identifier: the call is cleared by cause 96", func(b *bench) {
			b.outgoing()
			b.did()
			b.peer(CallProceeding)
			b.expect(">RELEASE 96, Release.indication 96")
			b.in("11 T308")
		}),
		on(Network, "5.1.2", "our first response needs a connection identifier", func(b *bench) {
			b.incoming()
			b.did()
			if err := b.ask(ProceedingRequest); err == nil {
				b.t.Error("it was sent without")
			}
			b.in("1")
		}),
	},
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

func optionalProofs() []proof {
	alien := ie.Element{ID: 0x33, Content: []byte{1}}
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
func actionProofs() (proofs []proof) {
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

func statusProofs() []proof {
	state := func(s State, value uint8) []ie.Element {
		return []ie.Element{ie.New(&ie.CallState{State: uint8(s)}), cause(value)}
	}
	return slices.Concat(
		either("5.6.11", "STATUS with cause 30 stops T322", func(b *bench) {
			b.active()
			b.do(EnquiryRequest)
			b.peer(Status, state(Active, 30)...)
			b.did()
			b.in("10")
			b.wait(time.Hour)
			b.expect("")
		}),
		either("5.6.11", "one STATUS ENQUIRY at a time", func(b *bench) {
			b.active()
			b.do(EnquiryRequest)
			b.do(EnquiryRequest)
			b.expect(">STATUS ENQUIRY")
		}),
		either("5.6.11", "STATUS ENQUIRY for no call: STATUS of state 0", func(b *bench) {
			b.call = CallOf(5, false)
			b.peer(StatusEnquiry)
			b.expect(">STATUS 30")
			if s := find[ie.CallState](b.sent()); s.State != 0 {
				b.t.Errorf("state %d", s.State)
			}
		}),
		either("5.6.12", "STATUS of state 0 for no call is ignored", func(b *bench) {
			b.call = CallOf(5, false)
			b.peer(Status, state(Null, 30)...)
			b.expect("")
		}),
		either("5.6.12", "STATUS of another state for no call: RELEASE COMPLETE with cause 101", func(b *bench) {
			b.call = CallOf(5, false)
			b.peer(Status, state(Active, 30)...)
			b.expect(">RELEASE COMPLETE 101")
		}),
		either("5.6.12", "STATUS of state 0: the call is gone", func(b *bench) {
			b.active()
			b.peer(Status, state(Null, 30)...)
			b.expect("Release.confirm 101")
			b.in("0")
		}),
		either("5.6.12", "STATUS of a state that does not go with ours: cleared by cause 101", func(b *bench) {
			b.active()
			wrong := CallPresent
			if b.m.config.Side == Network {
				wrong = CallDelivered
			}
			b.peer(Status, state(wrong, 30)...)
			b.expect(">RELEASE 101, Release.indication 101")
		}),
		either("5.6.12", "STATUS of a call being cleared changes nothing", func(b *bench) {
			b.active()
			b.peer(Status, state(ReleaseIndicated, 30)...)
			b.expect("")
			b.in("10")
		}),
		either("5.6.12", "a report is passed to call control, and the call stays", func(b *bench) {
			for _, value := range []uint8{96, 97, 99, 100, 101} {
				b.active()
				b.peer(Status, state(Active, value)...)
				b.expect(fmt.Sprintf("Status.indication %d", value))
				b.in("10")
			}
		}),
	)
}

func restartElementsOf(class uint8, vci uint16) []ie.Element {
	if class == ie.RestartAll {
		return []ie.Element{ie.New(&ie.Restart{Class: class})}
	}
	return []ie.Element{channel(vci), ie.New(&ie.Restart{Class: class})}
}

func restartProofs() []proof {
	global := func(b *bench, kind Type, flag bool, elements ...ie.Element) {
		b.message(&Message{Reference: Reference{Flag: flag}, Type: kind, Elements: elements})
	}
	return slices.Concat(
		either("5.5.1", "RESTART of all VCs: calls are freed, T316 runs, RESTART ACKNOWLEDGE ends it", func(b *bench) {
			b.active()
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Release.confirm 41, >RESTART")
			if r := b.sent().Reference; r.Value != 0 || r.Flag {
				b.t.Errorf("call reference %v", r)
			}
			global(b, RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Restart.confirm")
			if _, running := b.m.Deadline(); running {
				b.t.Error("a timer runs")
			}
		}),
		either("5.5.1", "RESTART ACKNOWLEDGE of something else is ignored", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartVC, 40)...)
			b.did()
			global(b, RestartAck, true, restartElementsOf(ie.RestartVC, 41)...)
			b.expect("")
			global(b, RestartAck, true, restartElementsOf(ie.RestartVC, 40)...)
			b.expect("Restart.confirm")
		}),
		either("5.5.1.2", "T316 twice: maintenance is told", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">RESTART")
			b.wait(2 * time.Minute)
			b.expect(">RESTART")
			b.wait(2 * time.Minute)
			b.expect("Restart-failure.indication 102/316")
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">RESTART")
		}),
		either("5.5.1.2", "T316: calls that came up since are freed with the second RESTART", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.active()
			b.wait(2 * time.Minute)
			b.expect("Release.confirm 41, >RESTART")
		}),
		either("5.5.1", "one RESTART at a time", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			if err := b.ask(RestartRequest, restartElementsOf(ie.RestartAll, 0)...); err != ErrState {
				b.t.Errorf("a second one: %v", err)
			}
		}),
		either("5.5.2", "RESTART of one VC frees its call and no other", func(b *bench) {
			b.active()
			other := b.call
			b.m.calls[other].vc.VCI = 99
			b.active()
			global(b, Restart, false, restartElementsOf(ie.RestartVC, 32)...)
			b.expect("Release.confirm 41, Restart.indication")
			if b.m.calls[other] == nil || b.m.Len() != 1 {
				b.t.Error("the wrong call was freed")
			}
			b.do(RestartResponse)
			b.expect(">RESTART ACKNOWLEDGE")
			m := b.sent()
			if r := m.Reference; r.Value != 0 || !r.Flag {
				b.t.Errorf("call reference %v", r)
			}
			if c := find[ie.Connection](m); c == nil || c.VCI != 32 || find[ie.Restart](m).Class != ie.RestartVC {
				b.t.Errorf("%v", m)
			}
		}),
		either("5.5.2", "RESTART of one VP", func(b *bench) {
			b.active()
			b.m.calls[b.call].vc.VPCI = 3
			b.active()
			global(b, Restart, false, ie.New(&ie.Connection{Associated: ie.Explicit, VPCI: 3}), ie.New(&ie.Restart{Class: ie.RestartVP}))
			b.expect("Release.confirm 41, Restart.indication")
			b.in("10")
		}),
		either("5.5.2", "T317: no RestartResponse in time", func(b *bench) {
			global(b, Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Restart.indication")
			b.wait(time.Minute)
			b.expect("Restart-failure.indication 102/317")
			if err := b.ask(RestartResponse); err != ErrState {
				b.t.Errorf("answered late: %v", err)
			}
		}),
		either("5.5.2.2", "RESTART without restart indicator: STATUS with cause 96", func(b *bench) {
			global(b, Restart, false)
			b.expect(">STATUS 96")
		}),
		either("5.5.2.2", "RESTART of one VC without saying which: STATUS with cause 96", func(b *bench) {
			global(b, Restart, false, ie.New(&ie.Restart{Class: ie.RestartVC}))
			b.expect(">STATUS 96")
			if got := find[ie.Cause](b.sent()).Elements(); !slices.Equal(got, []ie.ID{ie.ConnectionID}) {
				b.t.Errorf("diagnostics %v", got)
			}
		}),
		either("5.5.2.2", "RESTART with a faulty indicator: STATUS with cause 100", func(b *bench) {
			global(b, Restart, false, ie.Element{ID: ie.RestartIndicatorID, Content: []byte{0x87}})
			b.expect(">STATUS 100")
		}),
		either("5.5.1", "RESTART ACKNOWLEDGE without RESTART: STATUS with cause 101", func(b *bench) {
			global(b, RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">STATUS 101")
		}),
		either("5.6.3.2 e", "STATUS of the restart machines", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.did()
			global(b, Notify, false)
			b.expect(">STATUS 81")
			if s := find[ie.CallState](b.sent()); s.State != ie.StateRestartRequest {
				b.t.Errorf("state %d", s.State)
			}
			global(b, Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.did()
			global(b, Notify, false)
			b.did()
			if s := find[ie.CallState](b.sent()); s.State != ie.StateRestart {
				b.t.Errorf("state %d", s.State)
			}
		}),
		either("5.5", "both sides restart at once", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			global(b, Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.do(RestartResponse)
			global(b, RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">RESTART, Restart.indication, >RESTART ACKNOWLEDGE, Restart.confirm")
		}),
	)
}

func linkProofs() (proofs []proof) {
	for _, s := range callStates {
		side, state := parseState(s)
		if state == Active {
			continue
		}
		proofs = append(proofs,
			proof{"5.6.10", s + ": AAL-RELEASE clears the call here", func(t *testing.T) {
				b := newBench(t, side, UNI40)
				b.reach(state)
				b.must(&Event{Kind: LinkReleased})
				b.expect("Link-down.indication, Release.confirm 27")
				b.in("0")
				if _, running := b.m.Deadline(); running {
					t.Error("a timer runs")
				}
			}},
			proof{"5.6.9", s + ": AAL-ESTABLISH-indication keeps the call", func(t *testing.T) {
				b := newBench(t, side, UNI40)
				b.reach(state)
				before := b.state()
				b.must(&Event{Kind: EstablishIndication})
				b.expect("")
				b.in(before)
			}})
	}
	return slices.Concat(proofs,
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

func partyProofs() []proof {
	root := func(b *bench) { b.reachParty("R10") }
	leaf := func(b *bench) { b.reachParty("L10") }
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
			root(b)
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
		either("Q.2971 9.2", "ADD PARTY from the leaf's side is refused", func(b *bench) {
			root(b)
			b.party = 9
			b.peer(AddParty, b.minimal(AddParty)...)
			b.expect(">STATUS 101")
			leaf(b)
			if err := b.ask(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)})); err != ErrState {
				b.t.Errorf("%v", err)
			}
		}),
		either("Q.2971 9.3", "DROP PARTY of the last party is RELEASE", func(b *bench) {
			root(b)
			b.do(DropPartyRequest, cause(16))
			b.peer(DropPartyAck, b.minimal(DropPartyAck)...)
			b.did()
			b.party = 0
			b.do(DropPartyRequest, cause(16))
			b.expect(">RELEASE 16")
		}),
		either("Q.2971 9.3", "DROP PARTY for the last party is answered by RELEASE", func(b *bench) {
			leaf(b)
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
		either("Q.2971 9.5", "messages for no party: DROP PARTY ACKNOWLEDGE with cause 89", func(b *bench) {
			root(b)
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
			root(b)
			b.peer(DropParty, cause(16), endpoint(b.party, !b.call.Originated()))
			b.expect("")
		}),
		either("Q.2971 9.5", "ADD PARTY without called party number: ADD PARTY REJECT with cause 96", func(b *bench) {
			leaf(b)
			b.party = 8
			b.peer(AddParty, endpoint(8, false))
			b.expect(">ADD PARTY REJECT 96")
		}),
		either("Q.2971 9.5", "ADD PARTY with a faulty called party number: ADD PARTY REJECT with cause 100", func(b *bench) {
			leaf(b)
			b.party = 8
			b.peer(AddParty, endpoint(8, false), ie.Element{ID: ie.CalledNumberID, Content: []byte{9}})
			b.expect(">ADD PARTY REJECT 100")
		}),
		either("Q.2971 9.5", "DROP PARTY without cause: DROP PARTY ACKNOWLEDGE with cause 96", func(b *bench) {
			root(b)
			b.peer(DropParty, endpoint(b.party, b.call.Originated()))
			b.expect("Drop-party.indication 31")
			b.do(DropPartyResponse)
			b.expect(">DROP PARTY ACKNOWLEDGE 96, Drop-party.confirm")
		}),
		either("Q.2971 9.5", "DROP PARTY without endpoint reference: STATUS with cause 96", func(b *bench) {
			root(b)
			b.peer(DropParty, cause(16))
			b.expect(">STATUS 96")
		}),
		either("Q.2971 9.5", "STATUS ENQUIRY about a party, and about none", func(b *bench) {
			root(b)
			for party, want := range map[uint16]uint8{b.party: 10, 99: 0} {
				b.peer(StatusEnquiry, endpoint(party, b.call.Originated()))
				b.expect(">STATUS 30")
				if s := find[ie.EndpointState](b.sent()); s == nil || s.State != want || find[ie.EndpointReference](b.sent()).Value != party {
					b.t.Errorf("party %d: %v", party, b.sent().Text())
				}
			}
		}),
		either("Q.2971 9.5", "STATUS of a party in a state that does not go with ours drops it", func(b *bench) {
			root(b)
			b.peer(Status, append(b.minimal(Status), endpoint(b.party, true), ie.New(&ie.EndpointState{State: 1}))...)
			b.expect(">DROP PARTY 101, Drop-party.indication 101")
		}),
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
			root(b)
			if err := b.ask(AddPartyRequest, ie.New(&ie.CalledNumber{Number: nsap(4)})); err != ErrTooMany {
				b.t.Errorf("%v", err)
			}
			leaf(b)
			b.party = 9
			b.peer(AddParty, b.minimal(AddParty)...)
			b.expect(">ADD PARTY REJECT 47")
		}),
	)
}

func leafProofs() []proof {
	request := []ie.Element{ie.New(&ie.CallingNumber{Number: nsap(2)}), ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.LeafCallIdentifier{Identifier: 5})}
	join := func(b *bench) uint32 {
		e := &Event{Kind: LeafRequest, Elements: request}
		b.must(e)
		b.expect(">LEAF SETUP REQUEST")
		if s := find[ie.LeafSequence](b.sent()); s == nil || s.Number != e.Leaf {
			b.t.Errorf("%v", b.sent())
		}
		return e.Leaf
	}
	idle := func(b *bench) {
		if _, running := b.m.Deadline(); running {
			b.t.Error("a timer runs")
		}
	}
	return []proof{
		on(User, "UNI 4.0 6.2", "T331 twice: no answer to LEAF SETUP REQUEST", func(b *bench) {
			join(b)
			b.wait(time.Minute)
			b.expect(">LEAF SETUP REQUEST")
			b.wait(time.Minute)
			b.expect("Leaf-setup-failure.indication 102/331")
			idle(b)
		}),
		on(User, "UNI 4.0 6.1", "LEAF SETUP FAILURE", func(b *bench) {
			n := join(b)
			b.message(&Message{Type: LeafSetupFailure, Elements: []ie.Element{cause(3), ie.New(&ie.LeafSequence{Number: n})}})
			b.expect("Leaf-setup-failure.indication 3")
			idle(b)
			b.message(&Message{Type: LeafSetupFailure, Elements: []ie.Element{cause(3), ie.New(&ie.LeafSequence{Number: n})}})
			b.expect("") // it is not known any more
		}),
		on(User, "UNI 4.0 6.1", "SETUP with the leaf sequence number", func(b *bench) {
			n := join(b)
			b.multi = true
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.New(&ie.LeafSequence{Number: n}))...)
			b.expect("Setup.indication")
			idle(b)
		}),
		on(User, "UNI 4.0 6.1", "ADD PARTY with the leaf sequence number", func(b *bench) {
			b.reachParty("L10")
			n := join(b)
			b.party = 4
			b.peer(AddParty, append(b.minimal(AddParty), ie.New(&ie.LeafSequence{Number: n}))...)
			b.expect("Add-party.indication")
			idle(b)
		}),
		on(Network, "UNI 4.0 6.1", "LEAF SETUP REQUEST arrives and is refused", func(b *bench) {
			b.message(&Message{Type: LeafSetupRequest, Elements: append(slices.Clone(request), ie.New(&ie.LeafSequence{Number: 4}))})
			b.expect("Leaf-setup.indication")
			b.must(&Event{Kind: LeafFailureRequest, Leaf: b.out[0].Leaf, Elements: []ie.Element{cause(3)}})
			b.expect(">LEAF SETUP FAILURE 3")
			if s := find[ie.LeafSequence](b.sent()); s.Number != 4 {
				b.t.Errorf("%v", b.sent())
			}
		}),
		on(Network, "UNI 4.0 6.3", "LEAF SETUP REQUEST without call identifier: LEAF SETUP FAILURE with cause 96", func(b *bench) {
			b.message(&Message{Type: LeafSetupRequest, Elements: append(slices.Clone(request[:2]), ie.New(&ie.LeafSequence{Number: 4}))})
			b.expect(">LEAF SETUP FAILURE 96")
		}),
		on(Network, "UNI 4.0 6.1", "LEAF SETUP REQUEST towards the root", func(b *bench) {
			b.must(&Event{Kind: LeafRequest, Elements: append(slices.Clone(request), ie.New(&ie.LeafSequence{Number: 9}))})
			b.expect(">LEAF SETUP REQUEST")
			idle(b)
		}),
	}
}

// versionProofs: what UNI 3.0 and 3.1 do not have.
func versionProofs() (proofs []proof) {
	for _, v := range []Version{UNI30, UNI31} {
		for _, side := range []Side{User, Network} {
			script := func(name string, run func(b *bench)) {
				proofs = append(proofs, proof{"UNI 3.1 5.5", fmt.Sprintf("%v, %v side: %s", v, side, name), func(t *testing.T) { run(newBench(t, side, v)) }})
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
