package q2931

import (
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// stateOf are the elements of a STATUS.
func stateOf(s State, value uint8) []ie.Element {
	return []ie.Element{ie.New(&ie.CallState{State: uint8(s)}), cause(value)}
}

func statusProofs() []clauseTest {
	return slices.Concat(
		either("5.6.11", "STATUS with cause 30 stops T322", func(b *bench) {
			b.active()
			b.do(EnquiryRequest)
			b.peer(Status, stateOf(Active, 30)...)
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
			b.peer(Status, stateOf(Null, 30)...)
			b.expect("")
		}),
		either("5.6.12", "STATUS of another state for no call: RELEASE COMPLETE with cause 101", func(b *bench) {
			b.call = CallOf(5, false)
			b.peer(Status, stateOf(Active, 30)...)
			b.expect(">RELEASE COMPLETE 101")
		}),
		either("5.6.12", "STATUS of state 0: the call is gone", func(b *bench) {
			b.active()
			b.peer(Status, stateOf(Null, 30)...)
			b.expect("Release.confirm 101")
			b.in("0")
		}),
		either("5.6.12", "STATUS of a state that does not go with ours: cleared by cause 101", func(b *bench) {
			b.active()
			wrong := CallPresent
			if b.m.config.Side == Network {
				wrong = CallDelivered
			}
			b.peer(Status, stateOf(wrong, 30)...)
			b.expect(">RELEASE 101, Release.indication 101")
		}),
		either("5.6.12", "STATUS of a peer that clears, whose RELEASE a reset of the link has lost: cleared by cause 101", func(b *bench) {
			b.active()
			b.peer(Status, stateOf(ReleaseRequested, 30)...)
			b.expect(">RELEASE 101, Release.indication 101")
		}),
		either("5.6.12", "STATUS that answers an active call's enquiry, of a peer that is not active yet: what was to make it so is lost", func(b *bench) {
			b.active()
			late := CallDelivered
			if b.m.config.Side == Network {
				late = ConnectRequest
			}
			b.do(EnquiryRequest)
			b.did()
			b.peer(Status, stateOf(late, 30)...)
			b.expect(">RELEASE 101, Release.indication 101")
		}),
		either("5.6.12", "STATUS while we clear changes nothing", func(b *bench) {
			b.active()
			if err := b.ask(ReleaseRequest); err != nil {
				b.t.Fatal(err)
			}
			b.did()
			b.peer(Status, stateOf(Active, 30)...)
			b.expect("")
			if s := b.m.config.Side; s == User {
				b.in("11 T308")
			} else {
				b.in("12 T308")
			}
		}),
	)
}

func reportProofs() []clauseTest {
	return slices.Concat(
		either("5.6.12", "a report is passed to call control, and the call stays", func(b *bench) {
			for _, value := range []uint8{96, 97, 99, 100, 101} {
				b.active()
				b.peer(Status, stateOf(Active, value)...)
				b.expect(fmt.Sprintf("Status.indication %d", value))
				b.in("10")
			}
		}),
	)
}
