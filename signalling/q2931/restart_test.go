package q2931

import (
	"slices"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// global is a message from the peer with the global call reference.
func (b *bench) global(kind Type, flag bool, elements ...ie.Element) {
	b.t.Helper()
	b.message(&Message{Reference: Reference{Flag: flag}, Type: kind, Elements: elements})
}

func restartElementsOf(class uint8, vci uint16) []ie.Element {
	if class == ie.RestartAll {
		return []ie.Element{ie.New(&ie.Restart{Class: class})}
	}
	return []ie.Element{channel(vci), ie.New(&ie.Restart{Class: class})}
}

func restartSentProofs() []clauseTest {
	return slices.Concat(
		either("5.5.1", "RESTART of all VCs: calls are freed, T316 runs, RESTART ACKNOWLEDGE ends it", func(b *bench) {
			b.active()
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Release.confirm 41, >RESTART")
			if r := b.sent().Reference; r.Value != 0 || r.Flag {
				b.t.Errorf("call reference %v", r)
			}
			b.global(RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Restart.confirm")
			if _, running := b.m.Deadline(); running {
				b.t.Error("a timer runs")
			}
		}),
		either("5.5.1", "RESTART ACKNOWLEDGE of something else is ignored", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartVC, 40)...)
			b.did()
			b.global(RestartAck, true, restartElementsOf(ie.RestartVC, 41)...)
			b.expect("")
			b.global(RestartAck, true, restartElementsOf(ie.RestartVC, 40)...)
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
	)
}

func restartReceivedProofs() []clauseTest {
	return slices.Concat(
		either("5.5.2", "RESTART of one VC frees its call and no other", func(b *bench) {
			b.active()
			other := b.call
			b.m.calls[other].vc.VCI = 99
			b.active()
			b.global(Restart, false, restartElementsOf(ie.RestartVC, 32)...)
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
			b.global(Restart, false, ie.New(&ie.Connection{Associated: ie.Explicit, VPCI: 3}), ie.New(&ie.Restart{Class: ie.RestartVP}))
			b.expect("Release.confirm 41, Restart.indication")
			b.in("10")
		}),
		either("5.5.2", "T317: no RestartResponse in time", func(b *bench) {
			b.global(Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.expect("Restart.indication")
			b.wait(time.Minute)
			b.expect("Restart-failure.indication 102/317")
			if err := b.ask(RestartResponse); err != ErrState {
				b.t.Errorf("answered late: %v", err)
			}
		}),
		either("5.5.2.2", "RESTART without restart indicator: STATUS with cause 96", func(b *bench) {
			b.global(Restart, false)
			b.expect(">STATUS 96")
		}),
		either("5.5.2.2", "RESTART of one VC without saying which: STATUS with cause 96", func(b *bench) {
			b.global(Restart, false, ie.New(&ie.Restart{Class: ie.RestartVC}))
			b.expect(">STATUS 96")
			if got := find[ie.Cause](b.sent()).Elements(); !slices.Equal(got, []ie.ID{ie.ConnectionID}) {
				b.t.Errorf("diagnostics %v", got)
			}
		}),
		either("5.5.2.2", "RESTART with a faulty indicator: STATUS with cause 100", func(b *bench) {
			b.global(Restart, false, ie.Element{ID: ie.RestartIndicatorID, Content: []byte{0x87}})
			b.expect(">STATUS 100")
		}),
		either("5.5.1", "RESTART ACKNOWLEDGE without RESTART: STATUS with cause 101", func(b *bench) {
			b.global(RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">STATUS 101")
		}),
	)
}

func restartBothProofs() []clauseTest {
	return slices.Concat(
		either("5.6.3.2 e", "STATUS of the restart machines", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.did()
			b.global(Notify, false)
			b.expect(">STATUS 81")
			if s := find[ie.CallState](b.sent()); s.State != ie.StateRestartRequest {
				b.t.Errorf("state %d", s.State)
			}
			b.global(Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.did()
			b.global(Notify, false)
			b.did()
			if s := find[ie.CallState](b.sent()); s.State != ie.StateRestart {
				b.t.Errorf("state %d", s.State)
			}
		}),
		either("5.5", "both sides restart at once", func(b *bench) {
			b.do(RestartRequest, restartElementsOf(ie.RestartAll, 0)...)
			b.global(Restart, false, restartElementsOf(ie.RestartAll, 0)...)
			b.do(RestartResponse)
			b.global(RestartAck, true, restartElementsOf(ie.RestartAll, 0)...)
			b.expect(">RESTART, Restart.indication, >RESTART ACKNOWLEDGE, Restart.confirm")
		}),
	)
}
