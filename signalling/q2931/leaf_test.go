package q2931

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// leafElements are those of a LEAF SETUP REQUEST.
func leafElements() []ie.Element {
	return []ie.Element{ie.New(&ie.CallingNumber{Number: nsap(2)}), ie.New(&ie.CalledNumber{Number: nsap(1)}), ie.New(&ie.LeafCallIdentifier{Identifier: 5})}
}

// join asks to join a call.
func (b *bench) join() uint32 {
	b.t.Helper()
	e := &Event{Kind: LeafRequest, Elements: leafElements()}
	b.must(e)
	b.expect(">LEAF SETUP REQUEST")
	if s := find[ie.LeafSequence](b.sent()); s == nil || s.Number != e.Leaf {
		b.t.Errorf("%v", b.sent())
	}
	return e.Leaf
}

// idle says that no timer runs.
func (b *bench) idle() {
	b.t.Helper()
	if _, running := b.m.Deadline(); running {
		b.t.Error("a timer runs")
	}
}

func leafProofs() []clauseTest {
	return slices.Concat(
		only(User, "UNI 4.0 6.2", "T331 twice: no answer to LEAF SETUP REQUEST", func(b *bench) {
			b.join()
			b.wait(time.Minute)
			b.expect(">LEAF SETUP REQUEST")
			b.wait(time.Minute)
			b.expect("Leaf-setup-failure.indication 102/331")
			b.idle()
		}),
		only(User, "UNI 4.0 6.1", "LEAF SETUP FAILURE", func(b *bench) {
			n := b.join()
			b.message(&Message{Type: LeafSetupFailure, Elements: []ie.Element{cause(3), ie.New(&ie.LeafSequence{Number: n})}})
			b.expect("Leaf-setup-failure.indication 3")
			b.idle()
			b.message(&Message{Type: LeafSetupFailure, Elements: []ie.Element{cause(3), ie.New(&ie.LeafSequence{Number: n})}})
			b.expect("") // it is not known any more
		}),
		only(User, "UNI 4.0 6.1", "SETUP with the leaf sequence number", func(b *bench) {
			n := b.join()
			b.multi = true
			b.call = CallOf(7, false)
			b.peer(Setup, append(b.arrivingSetup(), ie.New(&ie.LeafSequence{Number: n}))...)
			b.expect("Setup.indication")
			b.idle()
		}),
		only(User, "UNI 4.0 6.1", "ADD PARTY with the leaf sequence number", func(b *bench) {
			b.reachParty("L10")
			n := b.join()
			b.party = 4
			b.peer(AddParty, append(b.minimal(AddParty), ie.New(&ie.LeafSequence{Number: n}))...)
			b.expect("Add-party.indication")
			b.idle()
		}),
		only(Network, "UNI 4.0 6.1", "LEAF SETUP REQUEST arrives and is refused", func(b *bench) {
			b.message(&Message{Type: LeafSetupRequest, Elements: append(leafElements(), ie.New(&ie.LeafSequence{Number: 4}))})
			b.expect("Leaf-setup.indication")
			b.must(&Event{Kind: LeafFailureRequest, Leaf: b.out[0].Leaf, Elements: []ie.Element{cause(3)}})
			b.expect(">LEAF SETUP FAILURE 3")
			if s := find[ie.LeafSequence](b.sent()); s.Number != 4 {
				b.t.Errorf("%v", b.sent())
			}
		}),
		only(Network, "UNI 4.0 6.3", "LEAF SETUP REQUEST without call identifier: LEAF SETUP FAILURE with cause 96", func(b *bench) {
			b.message(&Message{Type: LeafSetupRequest, Elements: append(leafElements()[:2], ie.New(&ie.LeafSequence{Number: 4}))})
			b.expect(">LEAF SETUP FAILURE 96")
		}),
		only(Network, "UNI 4.0 6.1", "LEAF SETUP REQUEST towards the root", func(b *bench) {
			b.must(&Event{Kind: LeafRequest, Elements: append(leafElements(), ie.New(&ie.LeafSequence{Number: 9}))})
			b.expect(">LEAF SETUP REQUEST")
			b.idle()
		}),
	)
}
