package server_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/server"
)

const everything = ^control.EventMask(0) >> 20 // the twelve kinds

// evt makes a message of class EVT.
func evt(typ control.Type, b control.Evt) *control.Packet {
	p := new(control.Packet)
	p.Type = typ
	p.SetEvt(&b)
	return p
}

// about makes an id's message.
func about(p *control.Packet, idx, val uint32) *control.Packet {
	p.Idx, p.Val = idx, val
	return p
}

// next gives the next event as text: kind, idx and val.
func next(c *controltest.Client) string {
	c.T.Helper()
	p := c.Next()
	if b := p.Evt(); p.Class != control.ClassEvt || p.Type != control.EvtEvent || b.NS == 0 || p.Idx != b.IdxFirst || p.Val != b.ValFirst {
		c.T.Fatalf("not an event: %v", &p.Message)
	}
	return fmt.Sprintf("%v %d %d", p.Evt().Mask, p.Idx, p.Val)
}

// expect wants events in this order.
func expect(c *controltest.Client, want ...string) {
	c.T.Helper()
	for _, w := range want {
		if got := next(c); got != w {
			c.T.Errorf("event %q, want %q", got, w)
		}
	}
}

// Subscriptions choose by ranges, kinds and groups, and nobody gets an event twice.
func TestSubscriptions(t *testing.T) {
	r := newRig(t, 1)
	admin := r.dial(control.RoleAdmin)
	alarm := func(idx, val uint32) error {
		return admin.Errno(about(evt(control.EvtEvent, control.Evt{Mask: control.EventAlarmRaised}), idx, val))
	}
	for val := range uint32(4) {
		p := about(admin.Hub(control.HubRegister, 0, 0, "n", "", ""), 300, val)
		if val == 3 {
			p.Flags, p.Dst = control.FlagGroup, 9
		}
		admin.Must(p)
	}
	if err := alarm(300, 1); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("nobody listens: %v", err)
	}
	subs := map[string]control.Evt{
		"one":    {IdxFirst: 300, ValFirst: 1, Mask: everything},
		"range":  {IdxFirst: 299, IdxRange: 5, ValFirst: 1, ValRange: 1, Mask: everything},
		"group":  {IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: everything, Group: 9},
		"kind":   {IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: control.EventAlarmCleared},
		"beyond": {IdxFirst: 301, IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: everything},
	}
	clients := map[string]*controltest.Client{}
	for name, sub := range subs {
		c := r.dial(control.RoleObserver)
		c.Must(evt(control.EvtSubscribe, sub))
		if err := c.Errno(evt(control.EvtSubscribe, sub)); !errors.Is(err, syscall.EEXIST) {
			t.Errorf("%s again: %v", name, err)
		}
		clients[name] = c
	}
	clients["one"].Must(evt(control.EvtSubscribe, subs["range"])) // and gets nothing twice
	for val := range uint32(4) {
		if err := alarm(300, val); err != nil && val > 0 {
			t.Error(val, err)
		}
	}
	for val := range uint32(4) {
		admin.Must(about(admin.Hub(control.HubUnregister, 0, 0, "", "", ""), 300, val))
	}
	if err := alarm(300, 1); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("of an id that has gone: %v", err)
	}
	expect(clients["one"], "ALARM_RAISED 300 1", "ALARM_RAISED 300 2", "GONE 300 1", "GONE 300 2")
	expect(clients["range"], "ALARM_RAISED 300 1", "ALARM_RAISED 300 2", "GONE 300 1", "GONE 300 2")
	expect(clients["group"], "ALARM_RAISED 300 3", "GONE 300 3")
	for _, name := range []string{"kind", "beyond"} {
		var p control.Packet
		if err := clients[name].TryRecv(&p); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("%s: %v %v", name, &p.Message, err)
		}
	}
	clients["one"].Must(evt(control.EvtUnsubscribe, subs["one"]))
	if err := clients["one"].Errno(evt(control.EvtUnsubscribe, subs["one"])); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("unsubscribed twice: %v", err)
	}
	other := r.dial(control.RoleAdmin)
	admin.Must(about(admin.Hub(control.HubRegister, 0, 0, "n", "", ""), 400, 0))
	for name, x := range map[string]struct {
		p     *control.Packet
		errno syscall.Errno
	}{
		"the hub's own":     {about(other.Hub(control.HubRegister, 0, 0, "", "", ""), uint32(control.SourcePort), 5), syscall.EPERM},
		"registered twice":  {about(other.Hub(control.HubRegister, 0, 0, "", "", ""), 400, 0), syscall.EEXIST},
		"another's alarm":   {about(evt(control.EvtEvent, control.Evt{Mask: control.EventAlarmRaised}), 400, 0), syscall.EPERM},
		"another's id":      {about(other.Hub(control.HubUnregister, 0, 0, "", "", ""), 400, 0), syscall.EPERM},
		"a mask of nothing": {evt(control.EvtSubscribe, control.Evt{}), syscall.EINVAL},
	} {
		if err := other.Errno(x.p); !errors.Is(err, x.errno) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What happens to ports, VCs, queues and managers is told by whoever it happens to.
func TestEventsOfTheHub(t *testing.T) {
	r := newRig(t, 1)
	admin, c := r.dial(control.RoleAdmin), r.dial(control.RoleObserver)
	c.Must(evt(control.EvtSubscribe, control.Evt{IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: everything}))
	left, _ := twoEnds(admin)
	expect(c, "REGISTERED 1 1", "VC_ADDED 2 2147483648", "REGISTERED 1 2", "VC_ADDED 2 2147483649")

	dam := admin.Must(admin.Hub(control.HubOpen, 0, 0, "dam", "", "dam")).Hub().A
	admin.Must(admin.ATM(control.ATMDel, control.ATM{Port: 2, VCI: 100}))
	admin.Must(admin.Hub(control.HubPush, dam, 0, "aal5", "", ""))
	admin.Must(admin.ATM(control.ATMAdd, control.ATM{Port: 2, VCI: 100, AAL: control.AAL5, Receiver: dam}))
	expect(c, "VC_GONE 2 2147483649", "VC_ADDED 2 2147483649")
	h, _ := admin.Open("left", 0)
	for range 40 { // until the queue under the dam is full
		if _, err := admin.Manage(h, 128, control.DirectionIn, number(100), 0); err != nil {
			t.Fatal(err)
		}
	}
	expect(c, "QUEUE_FULL 2 2147483649")
	h, _ = admin.Open("dam", 0)
	var p control.Packet
	controltest.Until(t, "the queue has drained", func() bool {
		_, err := admin.Manage(h, 128, control.DirectionNone, nil, 0)
		return err == nil && c.TryRecv(&p) == nil
	})
	if p.Evt().Mask != control.EventQueueDrained {
		t.Errorf("%v", &p.Message)
	}

	for _, typ := range []control.Type{control.ATMPortDown, control.ATMPortDown, control.ATMPortUp} {
		admin.Must(admin.ATM(typ, control.ATM{Port: 1}))
	}
	expect(c, "PORT_DOWN 1 1", "PORT_UP 1 1")
	m := r.dial(control.RoleManager, 1)
	expect(c, fmt.Sprint("REGISTERED 3 ", m.ID), fmt.Sprint("MANAGER_ATTACHED 3 ", m.ID))
	if all := c.Dump(c.Hub(control.HubList, 0, uint32(control.ListEvents), "", "", "")); len(all) != 3 {
		t.Errorf("%d ids: two ports and a manager", len(all))
	}
	m.Close()
	expect(c, fmt.Sprint("MANAGER_GONE 3 ", m.ID), fmt.Sprint("GONE 3 ", m.ID))
	admin.Must(admin.Hub(control.HubClose, left, 0, "", "", ""))
	admin.Must(admin.Hub(control.HubClose, 0, 2, "port", "", ""))
	expect(c, "VC_GONE 2 2147483649", "GONE 1 2")
}

// The marks of a VC's queue decide when it is full: the same traffic fills it with low ones
// only.
func TestMarks(t *testing.T) {
	r := newRig(t, 1)
	c, watch := r.dial(control.RoleAdmin), r.dial(control.RoleObserver)
	twoEnds(c)
	dam := c.Must(c.Hub(control.HubOpen, 0, 0, "dam", "", "dam")).Hub().A
	c.Must(c.Hub(control.HubPush, dam, 0, "aal5", "", ""))
	c.Must(c.ATM(control.ATMDel, control.ATM{Port: 2, VCI: 100}))
	c.Must(c.ATM(control.ATMAdd, control.ATM{Port: 2, VCI: 100, AAL: control.AAL5, Receiver: dam, Hiwat: 400000}))
	watch.Must(evt(control.EvtSubscribe, control.Evt{IdxRange: 9, ValRange: ^uint32(0), Mask: control.EventQueueFull | control.EventPortUp}))
	send := func() {
		h, err := c.Open("left", 0)
		for range 4 {
			if err == nil {
				_, err = c.Manage(h, 128, control.DirectionIn, number(50), 0)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		controltest.Until(t, "all have come", func() bool {
			n := c.Counters(c.Must(c.ATM(control.ATMPortStat, control.ATM{Port: 2})))
			return n["rx_cells"]%200 == 0 && n["rx_cells"] > 0
		})
	}
	send()
	c.Must(c.ATM(control.ATMPortDown, control.ATM{Port: 1}))
	c.Must(c.ATM(control.ATMPortUp, control.ATM{Port: 1})) // told after what was told before
	expect(watch, "PORT_UP 1 1")
	c.Must(c.ATM(control.ATMFlow, control.ATM{Port: 2, VCI: 100, Hiwat: 4096, Lowat: 1024}))
	if got := c.Must(c.ATM(control.ATMQuery, control.ATM{Port: 2, VCI: 100})).ATM(); got.Hiwat != 4096 || got.Lowat != 1024 {
		t.Errorf("marks %d and %d", got.Hiwat, got.Lowat)
	}
	send()
	if got := next(watch); !strings.HasPrefix(got, "QUEUE_FULL 2 ") {
		t.Errorf("with low marks: %s", got)
	}
}

// A subscriber that does not read loses events, nobody else does, and it learns how many: each
// is told of once, as an event or by LOST.
func TestLostEvents(t *testing.T) {
	r := newRig(t, 1)
	admin := r.dial(control.RoleAdmin)
	slow, quick := r.dial(control.RoleObserver), r.dial(control.RoleObserver)
	for _, c := range []*controltest.Client{slow, quick} {
		c.Must(evt(control.EvtSubscribe, control.Evt{IdxRange: ^uint32(0), ValRange: ^uint32(0), Mask: control.EventAlarmRaised}))
	}
	admin.Must(about(admin.Hub(control.HubRegister, 0, 0, "n", "", ""), 300, 0))
	const alarms = 4 * server.MaxEvents
	for range alarms {
		admin.Must(about(evt(control.EvtEvent, control.Evt{Mask: control.EventAlarmRaised}), 300, 0))
		expect(quick, "ALARM_RAISED 300 0")
	}
	var told, lost uint64
	for told+lost < alarms {
		switch p := slow.Next(); p.Type {
		case control.EvtEvent:
			told++
		case control.EvtLost:
			lost += p.Evt().Lost
		}
	}
	if told+lost != alarms || lost == 0 {
		t.Errorf("%d told and %d lost of %d", told, lost, alarms)
	}
}

// A dump is the state of one moment, in order with the events: who keeps account by both, and
// asks again when it lost some, knows all VCs at the end, whatever changed meanwhile.
func TestResyncIsOneMoment(t *testing.T) {
	r := newRig(t, 1)
	admin, c := r.dial(control.RoleAdmin), r.dial(control.RoleObserver)
	twoEnds(admin)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 600 {
			p := admin.ATM(control.ATMAdd, control.ATM{Port: 1, VCI: uint16(200 + i%37), AAL: control.AAL5})
			if _, err := admin.Call(p); errors.Is(err, syscall.EEXIST) {
				admin.Must(admin.ATM(control.ATMDel, control.ATM{Port: 1, VCI: uint16(200 + i%37)}))
			}
		}
	}()
	c.Must(evt(control.EvtSubscribe, control.Evt{IdxFirst: uint32(control.SourceVC), ValRange: ^uint32(0), Mask: everything}))
	known := map[uint32]bool{}
	resync := func() {
		fresh := map[uint32]bool{}
		p := c.Hub(control.HubResync, 0, 0, "", "", "")
		for _, o := range c.Dump(p) {
			if o.Class == control.ClassATM && o.Type == control.ATMQuery {
				fresh[o.Conn.Index()] = true
			}
		}
		known = fresh
	}
	account := func(p *control.Packet) {
		switch b := p.Evt(); {
		case p.Type == control.EvtLost:
			resync()
		case b.Mask == control.EventVCAdded && known[p.Val], b.Mask == control.EventVCGone && !known[p.Val]:
			t.Errorf("%v of VC %#x, which is no news", b.Mask, p.Val)
		case b.Mask == control.EventVCAdded:
			known[p.Val] = true
		default:
			delete(known, p.Val)
		}
	}
	for i, changing := 0, true; changing; i++ {
		select {
		case <-done:
			changing = false
		default:
		}
		resync()
		for range 5 {
			var p control.Packet
			if c.TryRecv(&p) == nil {
				account(&p)
			}
		}
	}
	kept := known
	resync()
	for id := range known {
		if kept[id] != known[id] {
			t.Errorf("VC %#x: %t, and the hub says %t", id, kept[id], known[id])
		}
	}
}
