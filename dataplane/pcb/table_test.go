package pcb

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/control"
)

var seedFlag = flag.Uint64("seed", 0, "seed of random tests; 0 chooses one")

// all is a part that is all of a table.
var all = Part{Most: math.MaxInt}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func newTable(t testing.TB, limit int, grace time.Duration) *Table {
	t.Helper()
	table, err := NewTable(limit, grace)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func mustNew(t testing.TB, table *Table, port uint16, user, manager uint32) control.ConnID {
	t.Helper()
	id, _, err := table.New(port, user, manager)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// run lets events happen, none of which may be refused.
func run(t testing.TB, table *Table, id control.ConnID, events ...Event) {
	t.Helper()
	for _, e := range events {
		err := table.Step(id, e, 0, func(_ control.ConnID, r Result) {
			if r.Errno != 0 {
				t.Fatalf("%v: %v", e, r.Errno)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func stateOf(t testing.TB, table *Table, id control.ConnID) State {
	t.Helper()
	p, err := table.Get(id)
	if errors.Is(err, syscall.ESTALE) {
		return Dead
	}
	if err != nil {
		t.Fatal(err)
	}
	return p.State
}

// connect makes a connection that carries data.
func connect(t testing.TB, table *Table, port uint16, user, manager uint32) control.ConnID {
	t.Helper()
	id := mustNew(t, table, port, user, manager)
	run(t, table, id, Connect, AddVC, Okay)
	return id
}

// Ids: the right one finds its block, old ones are ESTALE, invented ones ENOTCONN.
func TestIDs(t *testing.T) {
	table := newTable(t, 3, 0)
	a, b := mustNew(t, table, 1, 1, 1), mustNew(t, table, 1, 1, 1)
	if a == 0 || a == b || a.Index() == 0 {
		t.Fatal(a, b)
	}
	pa, err := table.Get(a)
	pb, _ := table.Get(b)
	if err != nil || pa == pb {
		t.Fatal(err)
	}
	run(t, table, a, Close)
	if _, err := table.Get(a); err != syscall.ESTALE {
		t.Error("closed", err)
	}
	for _, forged := range []control.ConnID{
		0, 1, control.MakeConnID(1, 0), control.MakeConnID(0, a.Index()), control.MakeConnID(1, 3), control.MakeConnID(1, math.MaxUint32),
		control.MakeConnID(2, b.Index()), control.MakeConnID(math.MaxUint32, b.Index()),
		control.MakeConnID(2, a.Index()), // the one that will be given next
	} {
		if _, err := table.Get(forged); err != syscall.ENOTCONN {
			t.Errorf("%v: %v", forged, err)
		}
		if err := table.Step(forged, Close, 0, func(control.ConnID, Result) { t.Error("happened") }); err != syscall.ENOTCONN {
			t.Errorf("%v: %v", forged, err)
		}
	}
	again := mustNew(t, table, 1, 1, 1)
	if again != control.MakeConnID(2, a.Index()) {
		t.Error(again)
	}
	if _, err := table.Get(a); err != syscall.ESTALE {
		t.Error("the old id of a place given anew", err)
	}
	mustNew(t, table, 1, 1, 1)
	if _, _, err := table.New(1, 1, 1); err != syscall.ENOBUFS || table.Len() != 3 {
		t.Error(err, table.Len())
	}
}

// A place that was given as often as can be counted is given no more.
func TestGenerationsEnd(t *testing.T) {
	table := newTable(t, 1, 0)
	id := mustNew(t, table, 1, 1, 1)
	table.slots[id.Index()].generation = math.MaxUint32
	last := control.MakeConnID(math.MaxUint32, id.Index())
	run(t, table, last, Close)
	if _, err := table.Get(last); err == nil {
		t.Error("the last generation lives on")
	}
	if next := mustNew(t, table, 1, 1, 1); next.Index() == id.Index() {
		t.Error("the place is given again", next)
	}
}

func TestNewTable(t *testing.T) {
	for _, c := range []struct {
		limit int
		grace time.Duration
	}{{0, 0}, {MaxConnections + 1, 0}, {1, -1}, {1, T309 + 1}} {
		if _, err := NewTable(c.limit, c.grace); !errors.Is(err, ErrTable) {
			t.Error(c, err)
		}
	}
	if _, err := NewTable(MaxConnections, DefaultGrace); err != nil {
		t.Error(err)
	}
}

// A listener's backlog, and what becomes of the calls in it when the listener goes.
func TestBacklog(t *testing.T) {
	for _, c := range []struct {
		end      Event
		listener State
		waiting  State
	}{
		{Close, Closing, Closing},
		{Fail, Cleared, Closing},
		{Released, Cleared, Closing},
		{ManagerGone, Cleared, Cleared},
	} {
		table := newTable(t, 100, 0)
		l := mustNew(t, table, 1, 10, 20)
		if _, _, err := table.Incoming(l); err != syscall.ECONNREFUSED {
			t.Error("idle", err)
		}
		run(t, table, l, Listen)
		p, _ := table.Get(l)
		p.Listen(4)
		var calls []control.ConnID
		for range 4 {
			id, p, err := table.Incoming(l)
			if err != nil || p.State != Offered || p.User != 10 || p.Manager != 20 || p.Port != 1 {
				t.Fatal(p, err)
			}
			calls = append(calls, id)
		}
		if _, _, err := table.Incoming(l); err != syscall.ECONNREFUSED {
			t.Error("full", err)
		}
		run(t, table, calls[1], Accept) // from the middle
		run(t, table, calls[3], Defer)  // the head of the list
		for range 2 {
			id, _, err := table.Incoming(l)
			if err != nil {
				t.Fatal(err)
			}
			calls = append(calls, id)
		}
		emitted := 0
		if err := table.Step(l, c.end, 0, func(control.ConnID, Result) { emitted++ }); err != nil {
			t.Fatal(err)
		}
		if emitted != 5 || stateOf(t, table, l) != c.listener || p.waiting != 0 || p.first != 0 {
			t.Errorf("%v: %d results, listener %v, %d wait", c.end, emitted, stateOf(t, table, l), p.waiting)
		}
		for i, want := range []State{c.waiting, Accepting, c.waiting, Deferred, c.waiting, c.waiting} {
			if got := stateOf(t, table, calls[i]); got != want {
				t.Errorf("%v: call %d is %v, not %v", c.end, i, got, want)
			}
		}
		if _, _, err := table.Incoming(l); err != syscall.ECONNREFUSED {
			t.Error("INCOMING that crossed the end", err)
		}
	}
	table := newTable(t, 1, 0)
	l := mustNew(t, table, 1, 1, 1)
	run(t, table, l, Listen)
	if _, _, err := table.Incoming(l); err != syscall.ENOBUFS {
		t.Error("full table", err)
	}
	if _, _, err := table.Incoming(l + 1<<32); err != syscall.ENOTCONN {
		t.Error(err)
	}
}

// A manager dies: its own connections go, those of others and PVCs stay.
func TestTableManagerGone(t *testing.T) {
	table := newTable(t, 100, 0)
	mine, other := connect(t, table, 1, 1, 7), connect(t, table, 2, 1, 8)
	pvc := mustNew(t, table, 1, 1, 7)
	run(t, table, pvc, Attach)
	closing := connect(t, table, 1, 1, 7)
	run(t, table, closing, Close)
	emitted := map[control.ConnID]Result{}
	table.ManagerGone(7, all, 0, func(id control.ConnID, r Result) { emitted[id] = r })
	for id, want := range map[control.ConnID]State{mine: Cleared, other: Connected, pvc: Connected, closing: Dead} {
		if got := stateOf(t, table, id); got != want {
			t.Errorf("%v: %v, not %v", id, got, want)
		}
	}
	if len(emitted) != 2 {
		t.Error(emitted)
	}
	run(t, table, mine, Close)
	if stateOf(t, table, mine) != Dead || table.Len() != 2 {
		t.Error("left", table.Len())
	}
	id := mustNew(t, table, 1, 1, 0)
	if err := table.Step(id, Connect, 0, func(_ control.ConnID, r Result) {
		if r.Errno != syscall.EUNATCH {
			t.Error("a port without a manager", r.Errno)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// Grace: connections are held, claimed by OKAY, closed by DONE or by time.
func TestGrace(t *testing.T) {
	const grace = 3 * time.Second
	table := newTable(t, 100, grace)
	var ids []control.ConnID
	for port := range uint16(6) {
		ids = append(ids, connect(t, table, port, 1, 7+uint32(port)/3))
	}
	quiet := func(control.ConnID, Result) {}
	if _, ok := table.NextExpiry(); ok {
		t.Error("nothing is held")
	}
	table.ManagerGone(7, all, 100*time.Second, quiet) // ports 0, 1, 2
	table.ManagerGone(8, all, 101*time.Second, quiet) // ports 3, 4, 5
	if at, ok := table.NextExpiry(); !ok || at != 103*time.Second {
		t.Error(at, ok)
	}
	for _, id := range ids {
		if stateOf(t, table, id) != Held {
			t.Fatal("not held")
		}
	}
	if err := table.Claim(ids[1], 9, 102*time.Second, quiet); err != nil {
		t.Fatal(err)
	}
	if p, err := table.Get(ids[1]); err != nil || p.State != Connected || p.Manager != 9 || !p.VC {
		t.Error("claimed", p, err)
	}
	if err := table.Claim(ids[1], 9, 102*time.Second, quiet); err != syscall.ENOTCONN {
		t.Error("claimed twice", err)
	}
	table.Done(func(port uint16) bool { return port < 2 }, 102*time.Second, quiet)
	expect := func(when string, want ...State) {
		t.Helper()
		for i, id := range ids {
			if got := stateOf(t, table, id); got != want[i] {
				t.Errorf("%s: port %d is %v, not %v", when, i, got, want[i])
			}
		}
	}
	expect("DONE for ports 0 and 1", Cleared, Connected, Held, Held, Held, Held)
	table.Expire(103*time.Second-1, quiet)
	expect("before time", Cleared, Connected, Held, Held, Held, Held)
	table.Expire(103*time.Second, quiet)
	expect("in time", Cleared, Connected, Cleared, Held, Held, Held)
	run(t, table, ids[4], Close) // from the middle of the list
	expect("closed while held", Cleared, Connected, Cleared, Held, Dead, Held)
	var last []Action
	table.Expire(math.MaxInt64, func(_ control.ConnID, r Result) { last = append(last, actions(r.Actions)...) })
	expect("all over", Cleared, Connected, Cleared, Cleared, Dead, Cleared)
	if fmt.Sprint(last) != "[stop hold unbind VC user unattached stop hold unbind VC user unattached]" {
		t.Error(last)
	}
	if _, ok := table.NextExpiry(); ok || table.held.first != 0 || table.held.last != 0 {
		t.Error("something is held")
	}
	// The claimed one has a manager as any other: it is asked, and it may die too.
	run(t, table, ids[1], Modify)
	table.ManagerGone(9, all, 200*time.Second, quiet)
	if at, _ := table.NextExpiry(); at != 203*time.Second || stateOf(t, table, ids[1]) != Held {
		t.Error("the second death", at)
	}
}

// The user's process dies: its connections close, and nobody tells it anything.
func TestUserGone(t *testing.T) {
	table := newTable(t, 100, 0)
	mine, other := connect(t, table, 1, 1, 7), connect(t, table, 1, 2, 7)
	pvc, idle := mustNew(t, table, 1, 1, 7), mustNew(t, table, 1, 1, 7)
	run(t, table, pvc, Attach)
	closing := connect(t, table, 1, 1, 7)
	run(t, table, closing, Close)
	check := func(_ control.ConnID, r Result) {
		if r.Errno != 0 {
			t.Error(r.Errno)
		}
		for _, a := range actions(r.Actions) {
			if a == UserReleased || a == UserClosed || a == UserUnattached {
				t.Error(a)
			}
		}
	}
	table.UserGone(1, all, 0, check)
	for id, want := range map[control.ConnID]State{mine: Closing, other: Connected, pvc: Dead, idle: Dead, closing: Closing} {
		if got := stateOf(t, table, id); got != want {
			t.Errorf("%v, not %v", got, want)
		}
	}
	for _, id := range []control.ConnID{mine, closing} {
		if err := table.Step(id, Released, 0, check); err != nil || stateOf(t, table, id) != Dead {
			t.Error(err)
		}
	}
	if table.Len() != 1 {
		t.Error(table.Len())
	}
}

// Random events on random connections, some under old and invented ids: counts, lists and
// maps stay right, and in the end nothing is left.
func TestTableRandom(t *testing.T) {
	r := seeded(t)
	for range 50 {
		w := world{t: t, table: newTable(t, 40, time.Duration(r.IntN(2))*time.Second), bound: map[control.ConnID]bool{}}
		for range 2000 {
			w.turn(r.IntN(100), r.IntN(1000), r.IntN(1000))
		}
		w.end()
	}
}

// FuzzTable is the same, by the fuzzer's choice.
func FuzzTable(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\x00\x0a\x01\x02\x0a\x0b\x0b"))
	f.Add([]byte{0, 1, 2, 20, 0, 1, 20, 0, 13, 90, 0, 0, 95, 0, 0, 20, 0, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := world{t: t, table: newTable(t, 8, time.Duration(len(b)%2)*time.Second), bound: map[control.ConnID]bool{}}
		for ; len(b) >= 3; b = b[3:] {
			w.turn(int(b[0])%100, int(b[1]), int(b[2]))
		}
		w.end()
	})
}

// world is a table and what its hub knows of it.
type world struct {
	t     testing.TB
	table *Table
	ids   []control.ConnID // ever given
	bound map[control.ConnID]bool
	now   time.Duration
}

// turn does one thing; the numbers choose.
func (w *world) turn(what, x, y int) {
	id := control.ConnID(x)
	if len(w.ids) > 0 && x%16 != 0 {
		id = w.ids[len(w.ids)-1-x%min(len(w.ids), 50)]
	}
	port, manager := uint16(y%4), uint32(y%4+1)
	switch {
	case what < 10:
		if y%5 == 0 {
			manager = 0
		}
		if id, _, err := w.table.New(port, uint32(x%3+1), manager); err == nil {
			w.ids = append(w.ids, id)
		}
	case what < 20:
		if id, _, err := w.table.Incoming(id); err == nil {
			w.ids = append(w.ids, id)
		}
	case what < 90:
		_ = w.table.Step(id, Event(y%int(numEvents)), w.now, w.emit)
	case what < 92:
		if p, err := w.table.Get(id); err == nil {
			p.Listen(y % 6)
		}
	case what < 93:
		w.table.UserGone(uint32(x%3+1), all, w.now, w.emit)
	case what < 95:
		w.table.ManagerGone(manager, all, w.now, w.emit)
	case what < 97:
		_ = w.table.Claim(id, manager, w.now, w.emit)
	case what < 98:
		w.table.Done(func(p uint16) bool { return p == port }, w.now, w.emit)
	default:
		w.now += time.Duration(y) * time.Millisecond
		w.table.Expire(w.now, w.emit)
	}
	w.check()
}

func (w *world) emit(id control.ConnID, r Result) {
	for _, a := range actions(r.Actions) {
		switch {
		case a == BindVC && w.bound[id], a == UnbindVC && !w.bound[id], a == Free && w.bound[id]:
			w.t.Fatalf("%v: %v, bound %t", id, a, w.bound[id])
		case a == BindVC:
			w.bound[id] = true
		case a == UnbindVC:
			delete(w.bound, id)
		}
	}
}

// check counts again what the table counts.
func (w *world) check() {
	used, held, bound, waiting := 0, 0, 0, map[uint32]int{}
	for i, s := range w.table.slots {
		p := s.pcb
		if p == nil {
			continue
		}
		used++
		if p.State == Held {
			held++
		}
		if p.VC {
			bound++
			if !w.bound[w.table.id(uint32(i))] {
				w.t.Fatal("a VC that nobody has bound")
			}
		}
		if p.State == Offered {
			waiting[p.listener]++
			if l := w.table.slots[p.listener].pcb; l == nil || l.State != Listening {
				w.t.Fatal("a call waits for nobody")
			}
		}
	}
	if used != w.table.Len() || bound != len(w.bound) {
		w.t.Fatalf("%d used, %d counted; %d bound, %d counted", used, w.table.Len(), bound, len(w.bound))
	}
	before := time.Duration(math.MinInt64)
	for i := w.table.held.first; i != 0; i = w.table.slots[i].pcb.next {
		p := w.table.slots[i].pcb
		if held--; p.State != Held || p.until < before {
			w.t.Fatal("the list of held connections", p.State, p.until, before)
		}
		before = p.until
	}
	if held != 0 {
		w.t.Fatal("held connections that are not in the list", held)
	}
	for i, s := range w.table.slots {
		if p := s.pcb; p != nil && p.State == Listening && p.waiting != waiting[uint32(i)] {
			w.t.Fatalf("%d wait, %d counted", waiting[uint32(i)], p.waiting)
		}
	}
}

// end lets every user and every manager go: nothing may be left.
func (w *world) end() {
	for user := range uint32(4) {
		w.table.UserGone(user, all, w.now, w.emit)
	}
	for manager := range uint32(6) {
		w.table.ManagerGone(manager, all, w.now, w.emit)
	}
	if w.table.Len() != 0 || len(w.bound) != 0 {
		w.t.Fatalf("%d connections and %d VCs are left", w.table.Len(), len(w.bound))
	}
	for _, id := range w.ids {
		if _, err := w.table.Get(id); err != syscall.ESTALE {
			w.t.Fatal("an old id", id, err)
		}
	}
}

// A step allocates nothing.
func TestAllocations(t *testing.T) {
	table := newTable(t, 10, 0)
	id := mustNew(t, table, 1, 1, 1)
	n := 0
	emit := func(control.ConnID, Result) { n++ }
	run(t, table, id, Connect)
	if allocs := testing.AllocsPerRun(100, func() {
		for _, e := range []Event{AddVC, Alerting, DelVC, Okay} {
			if table.Step(id, e, 0, emit) != nil {
				t.Fatal(e)
			}
		}
	}); allocs != 0 || n == 0 {
		t.Error(allocs)
	}
}

// TestParts: a user's connections end some at a time, each once, and nobody else's.
func TestParts(t *testing.T) {
	table := newTable(t, 100, 0)
	for i := range 50 {
		id, _, err := table.New(1, uint32(1+i%2), 7)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Step(id, Connect, 0, func(control.ConnID, Result) {}); err != nil {
			t.Fatal(err)
		}
	}
	ended := map[control.ConnID]int{}
	steps := 0
	for part := (Part{Most: 4}); ; {
		before := len(ended)
		part.From = table.UserGone(2, part, 0, func(id control.ConnID, _ Result) { ended[id]++ })
		if n := len(ended) - before; n > part.Most || n < part.Most && part.From != 0 {
			t.Errorf("%d at once, of at most %d", n, part.Most)
		}
		if steps++; part.From == 0 || steps > 50 {
			break
		}
	}
	if len(ended) != 25 || steps != 7 {
		t.Errorf("%d ended in %d steps", len(ended), steps)
	}
	for id, n := range ended {
		if p, err := table.Get(id); n != 1 || err == nil && p.User != 2 {
			t.Errorf("%v: %d times", id, n)
		}
	}
}
