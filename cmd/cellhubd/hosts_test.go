package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
)

// A TAP that somebody deletes is made again, with the carrier that its port has then; what comes
// for it meanwhile is counted. Where it cannot be made again the reason is said, once.
func TestTAPIsMadeAgain(t *testing.T) {
	l := lab.ForTest(t, lab.Config{})
	dir := t.TempDir()
	var c *controltest.Client
	var d *peer
	for side, h := range []*lab.Host{l.B, l.A} {
		d = startDaemon(t, h, filepath.Join(dir, string(rune('a'+side))))
		c = controltest.Dial(t, d.path, control.RoleAdmin)
		c.Must(c.Hub(control.HubOpen, 0, 7, "port", "dslam eth:"+lab.Dev+",label=100", ""))
		top := lan(c, "lan", "atm0")
		c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 7, VCI: 100, AAL: control.AAL5, Receiver: top}))
		if err := h.AddAddr("atm0", inner[1-side]); err != nil {
			t.Fatal(err)
		}
	}
	ping(t, l)
	remade := func(was int, carrier bool) int {
		index := 0
		controltest.Until(t, "the TAP is made again", func() bool {
			state, err := l.A.Link("atm0")
			index = state.Index
			return err == nil && state.Index != was && state.Up && state.Running == carrier
		})
		return index
	}
	delete := func() int {
		t.Helper()
		state, err := l.A.Link("atm0")
		if err == nil {
			err = l.A.Delete("atm0")
		}
		if err != nil {
			t.Fatal(err)
		}
		return state.Index
	}
	remade(delete(), true)
	if err := l.A.AddAddr("atm0", inner[0]); err != nil {
		t.Fatal(err)
	}
	ping(t, l)
	c.Must(c.ATM(control.ATMPortDown, control.ATM{Port: 7})) // what is made while the port is down has no carrier
	remade(delete(), false)
	c.Must(c.ATM(control.ATMPortUp, control.ATM{Port: 7}))
	controltest.Until(t, "the carrier comes with the port", func() bool {
		state, err := l.A.Link("atm0")
		return err == nil && state.Running
	})
	if text := d.log.String(); !strings.Contains(text, "atm0 was deleted") || !strings.Contains(text, "atm0 is back") {
		t.Errorf("it says nothing of it: %s", text)
	}
	inTheWay(t, l, d)
}

// inTheWay has another interface take the TAP's name.
func inTheWay(t *testing.T, l *lab.Lab, d *peer) {
	t.Helper()
	if err := errors.Join(l.Cable("spare0"), l.A.SetUp("spare0", false)); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "another takes the name", func() bool {
		_ = l.A.Delete("atm0")
		return l.A.Rename("spare0", "atm0") == nil // else the daemon was faster
	})
	controltest.Until(t, "the reason is said", func() bool { return strings.Contains(d.log.String(), "is not a TAP or TUN") })
	if n := strings.Count(d.log.String(), "is not a TAP or TUN"); n != 1 {
		t.Errorf("the reason is said %d times", n)
	}
	if err := l.A.Delete("atm0"); err != nil {
		t.Fatal(err)
	}
	controltest.Until(t, "the TAP is made when the other has gone", func() bool {
		state, err := l.A.Link("atm0")
		return err == nil && state.Running
	})
	if err := l.A.AddAddr("atm0", inner[0]); err != nil {
		t.Fatal(err)
	}
	ping(t, l)
}
