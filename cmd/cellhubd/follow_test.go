package main

import (
	"path/filepath"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// The interface below goes down, comes back, and is made again: subscribers are told, the TAP
// above has no carrier meanwhile, and traffic goes on.
func TestDevicesAreFollowed(t *testing.T) {
	for name, specs := range map[string][2]string{
		"ethernet": {"eth:" + lab.Dev + ",label=100", "eth:" + lab.Dev + ",label=100"},
		"udp":      {"udp:192.0.2.1:6635,remote=192.0.2.2:6635,label=100", "udp:192.0.2.2:6635,remote=192.0.2.1:6635,label=100"},
	} {
		t.Run(name, func(t *testing.T) {
			l := lab.ForTest(t, lab.Config{})
			dir := t.TempDir()
			var c, watch *controltest.Client
			for side, h := range []*lab.Host{l.B, l.A} {
				d := startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))))
				c, watch = controltest.Dial(t, d.path, control.RoleAdmin), controltest.Dial(t, d.path, control.RoleObserver)
				c.Must(c.Hub(control.HubOpen, 0, 7, "port", "dslam "+specs[1-side], ""))
				top := lan(c, "lan", "atm0")
				c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: top}))
				if err := h.AddAddr("atm0", inner[1-side]); err != nil {
					t.Fatal(err)
				}
			}
			ping(t, l)
			p := new(control.Packet)
			p.Type = control.EvtSubscribe
			p.SetEvt(&control.Evt{IdxFirst: uint32(control.SourcePort), ValFirst: 7, Mask: control.EventPortUp | control.EventPortDown})
			watch.Must(p)
			expect := func(kind control.EventMask) {
				t.Helper()
				if p := watch.Next(); p.Evt().Mask != kind || p.Val != 7 {
					t.Fatalf("%v, want %v", &p.Message, kind)
				}
				controltest.Until(t, "the TAP's carrier follows", func() bool {
					state, err := l.A.Link("atm0")
					return err == nil && state.Running == (kind == control.EventPortUp)
				})
			}
			if err := l.A.SetUp(lab.Dev, false); err != nil {
				t.Fatal(err)
			}
			expect(control.EventPortDown)
			if err := l.A.SetUp(lab.Dev, true); err != nil {
				t.Fatal(err)
			}
			expect(control.EventPortUp)
			ping(t, l)
			if err := l.A.Delete(lab.Dev); err != nil {
				t.Fatal(err)
			}
			expect(control.EventPortDown)
			if err := l.Join(); err != nil {
				t.Fatal(err)
			}
			expect(control.EventPortUp)
			ping(t, l)
		})
	}
}
