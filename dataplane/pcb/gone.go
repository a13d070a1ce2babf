package pcb

import (
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Part is a part of a table's connections that is stepped at a time: from is 0 at first and
// then what the last step gave, which gives 0 when there are no more; most is how many may
// be stepped.
type Part struct {
	From uint32
	Most int
}

// ManagerGone is the end of a manager: every connection of its own that is no PVC closes,
// or is held if it carries data and there is grace. emit gets what each has to do.
func (t *Table) ManagerGone(manager uint32, part Part, now time.Duration, emit func(control.ConnID, Result)) (next uint32) {
	return t.some(part, func(p *PCB) bool { return p.Manager == manager && !p.PVC && !p.orphan }, func(i uint32) {
		t.step(i, ManagerGone, now, emit)
	})
}

// UserGone is the end of a user's process: all its connections are closed, and it is told
// nothing more.
func (t *Table) UserGone(user uint32, part Part, now time.Duration, emit func(control.ConnID, Result)) (next uint32) {
	return t.some(part, func(p *PCB) bool { return p.User == user }, func(i uint32) {
		p := t.slots[i].pcb
		p.userGone = true
		if p.State != Closing {
			t.step(i, Close, now, emit)
		}
	})
}

// some does something to a part of the connections that are meant.
func (t *Table) some(part Part, meant func(*PCB) bool, do func(uint32)) (next uint32) {
	for i := int(part.From); i < len(t.slots); i++ {
		if p := t.slots[i].pcb; p == nil || !meant(p) {
			continue
		}
		if part.Most--; part.Most < 0 {
			return uint32(i)
		}
		do(uint32(i))
	}
	return 0
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
