package server_test

import (
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/server"
)

// An alarm is no state that a RESYNC tells: one that waits for its subscriber when he asks for
// RESYNC comes all the same, or is counted as lost.
func TestResyncLosesNoAlarms(t *testing.T) {
	r := newRig(t, 1)
	admin, c := r.dial(control.RoleAdmin), r.dial(control.RoleObserver)
	c.Must(evt(control.EvtSubscribe, control.Evt{IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: control.EventAlarmRaised}))
	admin.Must(about(admin.Hub(control.HubRegister, 0, 0, "n", "", ""), 300, 0))
	const alarms = 2 * server.MaxEvents // more than its socket and its queue hold
	for range alarms {
		admin.Must(about(evt(control.EvtEvent, control.Evt{Mask: control.EventAlarmRaised}), 300, 0))
	}
	p := c.Hub(control.HubResync, 0, 0, "", "", "")
	p.Epoch = c.Epoch
	if err := c.Send(p); err != nil {
		t.Fatal(err)
	}
	var told, lost uint64
	for done := false; !done; {
		switch p := c.Next(); {
		case p.Class == control.ClassHub && p.Type == control.HubDone:
			done = true
		case p.Class == control.ClassEvt && p.Type == control.EvtEvent:
			told++
		case p.Class == control.ClassEvt && p.Type == control.EvtLost:
			lost += p.Evt().Lost
		}
	}
	admin.Must(about(evt(control.EvtEvent, control.Evt{Mask: control.EventAlarmRaised}), 300, 0)) // the last
	for told+lost < alarms+1 {
		switch p := c.Next(); p.Type {
		case control.EvtEvent:
			told++
		case control.EvtLost:
			lost += p.Evt().Lost
		}
	}
	if told+lost != alarms+1 {
		t.Errorf("%d told and %d lost of %d", told, lost, alarms+1)
	}
}
