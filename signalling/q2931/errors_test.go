package q2931

import (
	"slices"

	"github.com/cellhub/cellhub/signalling/ie"
)

func referenceProofs() []clauseTest {
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
	)
}

func typeProofs() []clauseTest {
	return slices.Concat(
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
