package pcb

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Every pair of state and event is decided, and what is decided is well formed.
func TestTransitionsWhole(t *testing.T) {
	for s := range numStates {
		for e := range numEvents {
			c := &transitions[s][e]
			name := fmt.Sprintf("%v, %v", s, e)
			if !c.decided {
				t.Errorf("%s: not decided", name)
				continue
			}
			do := actions(c.do)
			if c.errno != 0 {
				if c.next != 0 || len(do) > 0 {
					t.Errorf("%s: refused, and does %v", name, do)
				}
				continue
			}
			has := func(a Action) bool { return slices.Contains(do, a) }
			if frees := has(Free); frees != (c.next == Dead) || frees && do[len(do)-1] != Free {
				t.Errorf("%s: to %v by %v", name, c.next, do)
			}
			if (c.next == Held && s != Held) != has(StartHold) || (s == Held && c.next != Held) != has(StopHold) {
				t.Errorf("%s: hold by %v", name, do)
			}
			if i := slices.Index(do, UnbindVC); i >= 0 && slices.ContainsFunc(do[:i], func(a Action) bool { return a != StopHold }) {
				t.Errorf("%s: the maps are cleared after somebody was told: %v", name, do)
			}
			told := 0
			for _, a := range do {
				if a == Forward || a == UserClosed || a == UserUnattached {
					told++
				}
			}
			if c.next == Cleared && s != Cleared && told != 1 {
				t.Errorf("%s: the user is told %d times of the end: %v", name, told, do)
			}
		}
	}
}

// grid says again, by hand, what comes of each event in each state. A letter is the next
// state: I idle, b binding, B bound, L listening, c connecting, O offered, D deferred, A
// accepting, C connected, X cleared, Z closing, H held, _ dead; or a refusal: v EINVAL,
// y EALREADY, s EISCONN, n ENOTCONN, a ECONNABORTED, r ECONNREFUSED, e ESTALE, p EPROTO,
// u EBUSY. Columns are in the order of the events: the user's from BIND to DROPPARTY; the
// manager's from OKAY to ATM DEL; manager gone, hold over, listener gone; OKAY without VC,
// CLOSE alone, manager gone with grace.
var grid = [numStates]string{
	Idle:       "b L c C v v v _ n n n   v v r v v v v v   I I I   v _ I",
	Binding:    "y y y y v v v Z n n n   v X r X X v v v   X b b   B _ X",
	Bound:      "v L c v v v v Z n n n   v X r X X v v v   X B B   v _ X",
	Listening:  "v y v v v v v Z n n n   v X L X X v v v   X L L   L _ X",
	Connecting: "y y y y v v v Z n n n   C X r X X c c c   X c c   p _ X",
	Offered:    "v v v v D A Z Z n n n   v X r X X v v v   X O Z   v _ X",
	Deferred:   "v v v v y A Z Z n n n   v X r X X v v v   X D D   v _ X",
	Accepting:  "y y y y y y y Z n n n   C X r X X v A A   X A A   p _ X",
	Connected:  "s s s s s s s Z C C C   s X r X X s s u   X C C   s _ H",
	Cleared:    "a a a a a a a Z n n n   a X r X X X a X   X X X   a _ X",
	Closing:    "n n n n n n n y n n n   Z Z r Z _ Z a Z   _ Z Z   Z y _",
	Held:       "s s s s s s s _ n n n   C X r X X s s u   H X H   p _ H",
	Dead:       "e e e e e e e e e e e   e e e e e e e e   e e e   e e e",
}

func TestGrid(t *testing.T) {
	states := map[string]State{"I": Idle, "b": Binding, "B": Bound, "L": Listening, "c": Connecting, "O": Offered,
		"D": Deferred, "A": Accepting, "C": Connected, "X": Cleared, "Z": Closing, "H": Held, "_": Dead}
	refusals := map[string]syscall.Errno{"v": syscall.EINVAL, "y": syscall.EALREADY, "s": syscall.EISCONN, "n": syscall.ENOTCONN,
		"a": syscall.ECONNABORTED, "r": syscall.ECONNREFUSED, "e": syscall.ESTALE, "p": syscall.EPROTO, "u": syscall.EBUSY}
	for s, row := range grid {
		columns := strings.Fields(row)
		if len(columns) != int(numEvents) {
			t.Fatalf("%v: %d columns", State(s), len(columns))
		}
		for e, letter := range columns {
			c := transitions[s][e]
			if c.errno != refusals[letter] || c.errno == 0 && c.next != states[letter] {
				t.Errorf("%v, %v: %v %v, not %s", State(s), Event(e), c.next, c.errno, letter)
			}
		}
	}
}

// actions are those up to the first None.
func actions(all [maxActions]Action) []Action {
	i := slices.Index(all[:], None)
	if i < 0 {
		i = len(all)
	}
	return all[:i]
}

// watched is a block with all that was done about it, as the parties see it.
type watched struct {
	PCB
	bound    bool // maps written
	ended    int  // FAIL, CLOSED and their like, as the user was told
	released int  // RELEASED, as the user was told
	freed    bool
}

// public are the events that callers may bring.
const public = okayEarly

// step applies an event and checks what must hold of every step.
func (w *watched) step(e Event, grace bool) (Result, error) {
	before := *w
	r := w.PCB.Step(e, grace)
	if r.Errno != 0 {
		if r.Actions != [maxActions]Action{} || w.State != before.State || w.VC != before.VC || r.Status != -int32(r.Errno) {
			return r, fmt.Errorf("%v in %v is refused and changes something", e, before.State)
		}
		return r, nil
	}
	for _, a := range actions(r.Actions) {
		if w.freed {
			return r, fmt.Errorf("%v after Free", a)
		}
		switch a {
		case BindVC:
			if w.bound {
				return r, fmt.Errorf("%v in %v: bound twice", e, before.State)
			}
			w.bound = true
		case UnbindVC:
			if !w.bound {
				return r, fmt.Errorf("%v in %v: unbound what is not bound", e, before.State)
			}
			w.bound = false
		case Forward:
			if e == Okay && w.State == Connected && !w.bound {
				return r, fmt.Errorf("OKAY before the maps are written")
			}
			if e == Fail || e == Closed {
				w.ended++
			}
		case UserClosed, UserUnattached:
			w.ended++
		case UserReleased:
			w.released++
		case Free:
			w.freed = true
		}
	}
	return r, w.consistent(e, before.State)
}

// consistent tells whether what the parties have seen goes with the state.
func (w *watched) consistent(e Event, before State) error {
	carries := w.State == Connected || w.State == Held
	switch {
	case w.bound != w.VC:
		return fmt.Errorf("%v in %v: VC is %t, maps are %t", e, before, w.VC, w.bound)
	case carries && !w.bound, (w.State == Cleared || w.State == Dead) && w.bound:
		return fmt.Errorf("%v in %v: %v with maps %t", e, before, w.State, w.bound)
	case w.freed != (w.State == Dead):
		return fmt.Errorf("%v in %v: %v and freed %t", e, before, w.State, w.freed)
	case w.ended > 1, w.released > 1:
		return fmt.Errorf("%v in %v: the user hears %d ends, %d RELEASED", e, before, w.ended, w.released)
	case w.State == Dead && !w.userGone && w.released != 1:
		return fmt.Errorf("%v in %v: dead, and the user was not told", e, before)
	case w.State == Cleared && !w.userGone && w.ended != 1:
		return fmt.Errorf("%v in %v: cleared, and the user was not told", e, before)
	case w.PVC && w.State != Connected && w.State != Dead:
		return fmt.Errorf("%v in %v: a PVC that is %v", e, before, w.State)
	}
	return nil
}

// end lets the user close and the manager release: whatever came before, that is the end.
func (w *watched) end() error {
	for _, e := range []Event{Close, Released} {
		if w.State == Dead {
			break
		}
		if _, err := w.step(e, false); err != nil {
			return err
		}
	}
	if w.State != Dead || !w.userGone && w.released != 1 {
		return fmt.Errorf("after CLOSE and RELEASED it is %v, %d RELEASED", w.State, w.released)
	}
	return nil
}

// reachable walks every sequence of events from the given blocks on, and gives each
// block that can come to be, with the shortest way to it.
func reachable(t *testing.T, from []watched) map[watchedKey]watched {
	t.Helper()
	seen := map[watchedKey]watched{}
	var queue []watched
	add := func(w watched) {
		if _, ok := seen[w.key()]; !ok {
			seen[w.key()] = w
			queue = append(queue, w)
		}
	}
	for _, w := range from {
		add(w)
	}
	for len(queue) > 0 {
		w := queue[0]
		queue = queue[1:]
		for e := range public {
			for _, grace := range []bool{false, true} {
				next := w
				if _, err := next.step(e, grace); err != nil {
					t.Fatal(err)
				}
				add(next)
			}
		}
	}
	return seen
}

// watchedKey is all of a block that its future depends on.
type watchedKey struct {
	State                                  State
	VC, PVC, orphan, userGone, bound, free bool
	ended, released                        int
}

func (w *watched) key() watchedKey {
	return watchedKey{w.State, w.VC, w.PVC, w.orphan, w.userGone, w.bound, w.freed, w.ended, w.released}
}

// starts are the blocks as they are made: by a request, with and without a manager, and
// by INCOMING.
func starts() []watched {
	return []watched{{}, {PCB: PCB{orphan: true}}, {PCB: PCB{State: Offered}}}
}

// Every block that any sequence of events can lead to holds what must hold, is left by
// CLOSE and RELEASED, and every state comes to be.
func TestEverySequence(t *testing.T) {
	seen := reachable(t, starts())
	var states [numStates]bool
	for _, w := range seen {
		states[w.State] = true
		if err := w.end(); err != nil {
			t.Errorf("%+v: %v", w.key(), err)
		}
	}
	for s, ok := range states {
		if !ok {
			t.Errorf("%v is never reached", State(s))
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d blocks", len(seen))
	}
}

// Every two messages that cross, in every block that can be, in both orders: the parties
// never disagree about the end, and one RELEASED comes of it.
func TestEveryCrossing(t *testing.T) {
	crossings := 0
	for _, w := range reachable(t, starts()) {
		for a := range public {
			for b := range public {
				one, other := w, w
				for _, e := range []Event{a, b} {
					if _, err := one.step(e, false); err != nil {
						t.Fatal(err)
					}
				}
				for _, e := range []Event{b, a} {
					if _, err := other.step(e, false); err != nil {
						t.Fatal(err)
					}
				}
				crossings++
				if err := one.end(); err != nil {
					t.Errorf("%v, then %v, then %v: %v", w.State, a, b, err)
				}
				if err := other.end(); err != nil {
					t.Errorf("%v, then %v, then %v: %v", w.State, b, a, err)
				}
			}
		}
	}
	t.Logf("%d crossings", crossings)
}

// CLOSE against each word of the manager's, in each state that has a manager: both orders
// end in the same state, and the manager's words are not refused for coming late.
func TestCloseAgainst(t *testing.T) {
	for _, s := range []State{Binding, Bound, Listening, Connecting, Offered, Deferred, Accepting, Connected, Cleared} {
		for _, m := range []Event{Okay, Fail, Closed, Alerting, Released, ManagerGone} {
			for _, vc := range []bool{false, true} {
				w := watched{PCB: PCB{State: s, VC: vc}, bound: vc}
				carries := s == Connecting || s == Accepting || s == Connected
				if vc && !carries || !vc && s == Connected {
					continue // cannot be
				}
				if s == Cleared {
					w.ended = 1
				}
				want := Closing
				if m == Released || m == ManagerGone {
					want = Dead
				}
				closeFirst, manFirst := w, w
				_, err1 := closeFirst.step(Close, false)
				r, err2 := closeFirst.step(m, false)
				_, err3 := manFirst.step(m, false)
				_, err4 := manFirst.step(Close, false)
				for _, err := range []error{err1, err2, err3, err4} {
					if err != nil {
						t.Errorf("%v, %v: %v", s, m, err)
					}
				}
				if closeFirst.State != want || manFirst.State != want {
					t.Errorf("%v: CLOSE, %v: %v; %[2]v, CLOSE: %v; not %v", s, m, closeFirst.State, manFirst.State, want)
				}
				if r.Status < 0 {
					t.Errorf("%v: CLOSE, %v is refused: %v", s, m, r.Errno)
				}
			}
		}
	}
}

// The manager dies in each state, without and with grace.
func TestManagerDeath(t *testing.T) {
	for _, c := range []struct {
		from, to, withGrace State
		vc                  bool
		do                  []Action
	}{
		{Idle, Idle, Idle, false, nil},
		{Binding, Cleared, Cleared, false, []Action{UserUnattached}},
		{Bound, Cleared, Cleared, false, []Action{UserUnattached}},
		{Listening, Cleared, Cleared, false, []Action{UserUnattached}},
		{Connecting, Cleared, Cleared, true, []Action{UnbindVC, UserUnattached}},
		{Connecting, Cleared, Cleared, false, []Action{UserUnattached}},
		{Offered, Cleared, Cleared, false, []Action{UserUnattached}},
		{Deferred, Cleared, Cleared, false, []Action{UserUnattached}},
		{Accepting, Cleared, Cleared, true, []Action{UnbindVC, UserUnattached}},
		{Connected, Cleared, Held, true, []Action{UnbindVC, UserUnattached}},
		{Cleared, Cleared, Cleared, false, nil},
		{Closing, Dead, Dead, true, []Action{UnbindVC, UserReleased, Free}},
		{Closing, Dead, Dead, false, []Action{UserReleased, Free}},
		{Held, Held, Held, true, nil},
	} {
		p := PCB{State: c.from, VC: c.vc}
		r := p.Step(ManagerGone, false)
		if p.State != c.to || !slices.Equal(actions(r.Actions), c.do) || r.Errno != 0 {
			t.Errorf("%v: %v by %v", c.from, p.State, actions(r.Actions))
		}
		if p.State != Dead {
			// Later requests fail at once, and closing waits for nobody.
			for _, e := range []Event{Bind, Listen, Connect, Accept, Defer, Modify, AddParty, DropParty} {
				if r := p.Step(e, false); c.from != Held && r.Errno != syscall.EUNATCH {
					t.Errorf("%v, manager gone, %v: %v", c.from, e, r.Errno)
				}
			}
			if p.Step(Close, false); p.State != Dead && c.from != Held {
				t.Errorf("%v, manager gone, CLOSE: %v", c.from, p.State)
			}
		}
		p = PCB{State: c.from, VC: c.vc}
		if p.Step(ManagerGone, true); p.State != c.withGrace {
			t.Errorf("%v with grace: %v", c.from, p.State)
		}
	}
	p := PCB{State: Dead}
	if r := p.Step(ManagerGone, false); r.Errno != syscall.ESTALE {
		t.Error(r)
	}
}

// A PVC has no manager: no death of one, and no word of one, touches it.
func TestPVC(t *testing.T) {
	for _, orphan := range []bool{false, true} {
		p := PCB{orphan: orphan}
		if r := p.Step(Attach, true); p.State != Connected || !p.PVC || actions(r.Actions)[0] != BindVC {
			t.Fatal(p, r)
		}
		for e := range public {
			q := p
			r := q.Step(e, true)
			switch {
			case e == Close:
				if q.State != Dead || !slices.Equal(actions(r.Actions), []Action{UnbindVC, UserReleased, Free}) {
					t.Error("CLOSE", q.State, actions(r.Actions))
				}
			case q.State != Connected || !q.VC:
				t.Errorf("%v: %v", e, q.State)
			case e >= Okay && e <= DelVC && r.Errno != syscall.EPERM:
				t.Errorf("%v: %v", e, r.Errno)
			}
		}
	}
}

// A call out and a call in, step by step, as the page tells them.
func TestCalls(t *testing.T) {
	type turn struct {
		e    Event
		to   State
		do   []Action
		code syscall.Errno
	}
	for name, call := range map[string][]turn{
		"out": {
			{Connect, Connecting, []Action{Forward}, 0}, {Okay, Connecting, nil, early}, {Alerting, Connecting, []Action{Forward}, 0},
			{AddVC, Connecting, []Action{BindVC}, 0}, {AddVC, Connecting, nil, syscall.EEXIST},
			{Okay, Connected, []Action{Forward}, 0}, {Connect, Connected, nil, isConn}, {Modify, Connected, []Action{Forward}, 0}, {DelVC, Connected, nil, busy},
			{Close, Closing, []Action{ManagerClose}, 0}, {Close, Closing, nil, already},
			{DelVC, Closing, []Action{UnbindVC}, 0}, {Released, Dead, []Action{UserReleased, Free}, 0}, {Close, Dead, nil, stale},
		},
		"released by the network": {
			{Bind, Binding, []Action{Forward}, 0}, {Okay, Bound, []Action{Forward}, 0}, {Connect, Connecting, []Action{Forward}, 0},
			{AddVC, Connecting, []Action{BindVC}, 0}, {Okay, Connected, []Action{Forward}, 0},
			{Closed, Cleared, []Action{UnbindVC, Forward}, 0}, {Closed, Cleared, nil, 0}, {Fail, Cleared, nil, 0},
			{DelVC, Cleared, nil, 0}, {Close, Closing, []Action{ManagerClose}, 0},
			{DelVC, Closing, nil, 0}, {Released, Dead, []Action{UserReleased, Free}, 0},
		},
		"listener": {
			{Listen, Listening, []Action{Forward}, 0}, {Okay, Listening, []Action{Forward}, 0}, {Incoming, Listening, []Action{Offer}, 0},
			{Close, Closing, []Action{ManagerClose}, 0}, {Incoming, Closing, nil, refused}, {Released, Dead, []Action{UserReleased, Free}, 0},
		},
		"released early": { // the manager has forgotten it: CLOSE waits for nobody
			{Connect, Connecting, []Action{Forward}, 0}, {Released, Cleared, []Action{UserClosed}, 0}, {Close, Dead, []Action{UserReleased, Free}, 0},
		},
	} {
		var p PCB
		for i, c := range call {
			r := p.Step(c.e, false)
			if p.State != c.to || !slices.Equal(actions(r.Actions), c.do) || r.Errno != c.code {
				t.Errorf("%s, %d: %v: %v by %v, %v", name, i, c.e, p.State, actions(r.Actions), r.Errno)
			}
		}
	}
	p := PCB{State: Offered}
	for _, c := range []turn{
		{Defer, Deferred, []Action{ManagerAlerting}, 0}, {Accept, Accepting, []Action{Forward}, 0}, {Accept, Accepting, nil, already},
		{AddVC, Accepting, []Action{BindVC}, 0}, {DelVC, Accepting, []Action{UnbindVC}, 0}, {DelVC, Accepting, nil, syscall.ENOENT},
		{AddVC, Accepting, []Action{BindVC}, 0}, {Okay, Connected, []Action{Forward}, 0},
	} {
		r := p.Step(c.e, false)
		if p.State != c.to || !slices.Equal(actions(r.Actions), c.do) || r.Errno != c.code {
			t.Errorf("in: %v: %v by %v, %v", c.e, p.State, actions(r.Actions), r.Errno)
		}
	}
	// CLOSED is answered "a close is still due" as long as one is.
	if r := p.Step(Closed, false); r.Status != StatusCloseDue || p.State != Cleared {
		t.Error(r)
	}
	if r := p.Step(Reject, false); r.Status != 0 || p.State != Closing {
		t.Error("REJECT of what has ended", r, p.State)
	}
	if r := p.Step(Closed, false); r.Status != 0 || r.Errno != 0 {
		t.Error(r)
	}
}

// Events that are Step's own, or none, are refused.
func TestNoEvent(t *testing.T) {
	for e := public; e < 255; e++ {
		p := PCB{State: Connected, VC: true}
		if r := p.Step(e, false); r.Errno != syscall.EINVAL || p.State != Connected {
			t.Errorf("%v: %v", e, r)
		}
	}
	if State(99).String() != "state 99" || Event(99).String() != "event 99" || Action(99).String() != "action 99" || LeafState(9).String() != "leaf state 9" {
		t.Error("names")
	}
	for s := range numStates {
		if s.String() == "" {
			t.Error("a state without a name")
		}
	}
}
