package pcb

import (
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// ManagerGone is the end of a manager: every connection of its own that is no PVC closes,
// or is held if it carries data and there is grace. emit gets what each has to do.
func (t *Table) ManagerGone(manager uint32, now time.Duration, emit func(control.ConnID, Result)) {
	for i := range t.slots {
		if p := t.slots[i].pcb; p != nil && p.Manager == manager && !p.PVC && !p.orphan {
			t.step(uint32(i), ManagerGone, now, emit)
		}
	}
}

// UserGone is the end of a user's process: all its connections are closed, and it is told
// nothing more.
func (t *Table) UserGone(user uint32, now time.Duration, emit func(control.ConnID, Result)) {
	for i := range t.slots {
		p := t.slots[i].pcb
		if p == nil || p.User != user {
			continue
		}
		p.userGone = true
		if p.State != Closing {
			t.step(uint32(i), Close, now, emit)
		}
	}
}

// Claim gives a held connection to a new manager, which has said OKAY to it. ENOTCONN:
// it is not held. ESTALE and ENOTCONN as for Get.
func (t *Table) Claim(id control.ConnID, manager uint32, now time.Duration, emit func(control.ConnID, Result)) error {
	p, err := t.Get(id)
	if err != nil {
		return err
	}
	if p.State != Held {
		return syscall.ENOTCONN
	}
	p.Manager = manager
	t.step(id.Index(), Okay, now, emit)
	return nil
}

// Done is the DONE of a new manager: what is held on its ports, and was not claimed,
// closes.
func (t *Table) Done(ports func(port uint16) bool, now time.Duration, emit func(control.ConnID, Result)) {
	for i := t.held.first; i != 0; {
		p := t.slots[i].pcb
		next := p.next
		if ports(p.Port) {
			t.step(i, HoldOver, now, emit)
		}
		i = next
	}
}

// Expire closes what is held and whose grace has run out by now.
func (t *Table) Expire(now time.Duration, emit func(control.ConnID, Result)) {
	for t.held.first != 0 && t.slots[t.held.first].pcb.until <= now {
		t.step(t.held.first, HoldOver, now, emit)
	}
}

// NextExpiry is when Expire has something to do; false when nothing is held.
func (t *Table) NextExpiry() (time.Duration, bool) {
	if t.held.first == 0 {
		return 0, false
	}
	return t.slots[t.held.first].pcb.until, true
}

// hold appends to the list of held connections. One grace for all keeps it sorted.
func (t *Table) hold(i uint32, until time.Duration) {
	p := t.slots[i].pcb
	p.until, p.previous, p.next = until, t.held.last, 0
	if t.held.last != 0 {
		t.slots[t.held.last].pcb.next = i
	} else {
		t.held.first = i
	}
	t.held.last = i
}

func (t *Table) unhold(i uint32) {
	p := t.slots[i].pcb
	if p.previous != 0 {
		t.slots[p.previous].pcb.next = p.next
	} else {
		t.held.first = p.next
	}
	if p.next != 0 {
		t.slots[p.next].pcb.previous = p.previous
	} else {
		t.held.last = p.previous
	}
	p.next, p.previous = 0, 0
}
