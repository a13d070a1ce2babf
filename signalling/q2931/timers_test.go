package q2931

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

func timerProofs() []clauseTest {
	return slices.Concat(
		only(User, "5.1.1", "T303 twice: the call is given up", func(b *bench) {
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
		only(Network, "5.2.5.4", "T303 twice: cause 18 for the calling user", func(b *bench) {
			b.outgoing()
			b.wait(4 * time.Second)
			b.did()
			b.wait(4 * time.Second)
			b.expect(">RELEASE COMPLETE 102/303, Release.confirm 18")
		}),
		only(User, "4.3", "the call reference flag is 0 from the side that chose the value", func(b *bench) {
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
		only(User, "5.1.5", "a response stops T303", func(b *bench) {
			b.outgoing()
			b.peer(CallProceeding, b.responseElements()...)
			b.did()
			b.wait(5 * time.Second)
			b.expect("")
			b.in("3 T310")
		}),
		only(Network, "5.4.4", "T306: RELEASE with tones, then one without", func(b *bench) {
			b.active()
			b.do(ReleaseRequest, cause(17), ie.New(&ie.ProgressIndicator{Description: 8}))
			b.expect(">RELEASE 17")
			b.in("12 T306")
			b.wait(30 * time.Second)
			b.expect(">RELEASE 17")
			b.in("12 T308")
		}),
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
	)
}

func enquiryTimerProofs() []clauseTest {
	return slices.Concat(
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
