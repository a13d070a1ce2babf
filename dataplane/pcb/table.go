package pcb

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

// MaxConnections is the most that a table can be made for.
const MaxConnections = 1 << 20

// T309 is how long a connection may live without signalling (Q.2931, annex on timers):
// the grace is at most that, and by default exactly that.
const (
	T309         = 10 * time.Second
	DefaultGrace = T309
)

// ErrTable is a table that cannot be made.
var ErrTable = errors.New("pcb: table")

// Table holds the blocks. It is pure and one goroutine's.
type Table struct {
	slots []slot // index 0 is nobody
	free  uint32 // first free slot, 0 none
	used  int
	limit int
	grace time.Duration
	held  struct{ first, last uint32 } // in the order in which grace ends
}

type slot struct {
	generation uint32
	nextFree   uint32
	pcb        *PCB // nil: free
}

// NewTable makes a table of up to limit blocks, which holds connections for grace when
// their manager goes; 0 lets them go at once. ErrTable: limit is not 1 to
// MaxConnections, or grace not 0 to T309.
func NewTable(limit int, grace time.Duration) (*Table, error) {
	if limit < 1 || limit > MaxConnections || grace < 0 || grace > T309 {
		return nil, fmt.Errorf("%w: %d connections, grace %v", ErrTable, limit, grace)
	}
	return &Table{slots: make([]slot, 1), limit: limit, grace: grace}, nil
}

// Len is how many blocks are in use.
func (t *Table) Len() int { return t.used }

// New makes an idle block for a user's first message. manager is the port's, 0 if it has
// none: requests that want one are EUNATCH then. ENOBUFS: the table is full.
func (t *Table) New(port uint16, user, manager uint32) (control.ConnID, *PCB, error) {
	i := t.free
	switch {
	case t.used == t.limit:
		return 0, nil, syscall.ENOBUFS
	case i != 0:
		t.free = t.slots[i].nextFree
	case len(t.slots) > math.MaxInt32: // all of them have been given 2^32 times
		return 0, nil, syscall.ENOBUFS
	default:
		i = uint32(len(t.slots))
		t.slots = append(t.slots, slot{generation: 1})
	}
	t.used++
	p := &PCB{Port: port, User: user, Manager: manager, orphan: manager == 0}
	t.slots[i].pcb = p
	return t.id(i), p, nil
}

func (t *Table) id(i uint32) control.ConnID {
	return control.MakeConnID(t.slots[i].generation, i)
}

// Get gives the block of an id. ESTALE: the connection is over. ENOTCONN: there never
// was such a one.
func (t *Table) Get(id control.ConnID) (*PCB, error) {
	i, g := id.Index(), id.Generation()
	switch {
	case i == 0 || uint64(i) >= uint64(len(t.slots)) || g == 0 || g > t.slots[i].generation:
		return nil, syscall.ENOTCONN
	case g < t.slots[i].generation:
		return nil, syscall.ESTALE
	case t.slots[i].pcb == nil: // the next one to be given is known to nobody
		return nil, syscall.ENOTCONN
	}
	return t.slots[i].pcb, nil
}

// Step lets an event happen to a connection. emit, in order, gets the event's own result
// and then those of the connections that go with it: calls that wait for a listener which
// has gone. now is any clock that never goes back. The error is that of Get, and nothing
// has happened; a refusal is in the result.
func (t *Table) Step(id control.ConnID, e Event, now time.Duration, emit func(control.ConnID, Result)) error {
	if _, err := t.Get(id); err != nil {
		return err
	}
	t.step(id.Index(), e, now, emit)
	return nil
}

func (t *Table) step(i uint32, e Event, now time.Duration, emit func(control.ConnID, Result)) {
	id, p := t.id(i), t.slots[i].pcb
	before := p.State
	r := p.Step(e, t.grace > 0)
	if before == Offered && p.State != Offered {
		t.leaveBacklog(i)
	}
	if before == Held && p.State != Held {
		t.unhold(i)
	}
	if before != Held && p.State == Held {
		t.hold(i, now+t.grace)
	}
	if p.State != Connected && p.State != Held {
		p.leaves = nil
	}
	emit(id, r)
	if before == Listening && p.State != Listening {
		t.endBacklog(p, e, now, emit)
	}
	if before != Dead && p.State == Dead {
		t.release(i)
	}
}

// endBacklog lets the calls go that wait for a listener which is one no more.
func (t *Table) endBacklog(l *PCB, e Event, now time.Duration, emit func(control.ConnID, Result)) {
	if e != ManagerGone {
		e = ListenerGone
	}
	for l.first != 0 {
		t.step(l.first, e, now, emit)
	}
}

// release frees a slot under the next generation; after the last one it is not used
// again.
func (t *Table) release(i uint32) {
	s := &t.slots[i]
	s.pcb = nil
	t.used--
	if s.generation == math.MaxUint32 {
		return
	}
	s.generation++
	s.nextFree = t.free
	t.free = i
}

// Listen sets how many calls may wait for a listener before they are accepted or taken
// up; at least 1.
func (p *PCB) Listen(backlog int) { p.backlog = max(backlog, 1) }

// Incoming makes the block of a call that a manager offers to a listener: its id is what
// the manager's INCOMING is answered with. ECONNREFUSED: nobody listens under this id, or
// as many calls wait as the listener wants. ENOBUFS: the table is full. ESTALE and
// ENOTCONN as for Get.
func (t *Table) Incoming(listener control.ConnID) (control.ConnID, *PCB, error) {
	l, err := t.Get(listener)
	if err != nil {
		return 0, nil, err
	}
	if r := l.Step(Incoming, false); r.Errno != 0 {
		return 0, nil, r.Errno
	}
	if l.waiting >= max(l.backlog, 1) {
		return 0, nil, syscall.ECONNREFUSED
	}
	id, p, err := t.New(l.Port, l.User, l.Manager)
	if err != nil {
		return 0, nil, err
	}
	p.State = Offered
	t.joinBacklog(listener.Index(), id.Index())
	return id, p, nil
}

func (t *Table) joinBacklog(listener, i uint32) {
	l, p := t.slots[listener].pcb, t.slots[i].pcb
	p.listener, p.next = listener, l.first
	if l.first != 0 {
		t.slots[l.first].pcb.previous = i
	}
	l.first = i
	l.waiting++
}

func (t *Table) leaveBacklog(i uint32) {
	p := t.slots[i].pcb
	if p.listener == 0 { // Offered without a table's help
		return
	}
	l := t.slots[p.listener].pcb
	if p.previous != 0 {
		t.slots[p.previous].pcb.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != 0 {
		t.slots[p.next].pcb.previous = p.previous
	}
	l.waiting--
	p.listener, p.next, p.previous = 0, 0, 0
}
