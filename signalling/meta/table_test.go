package meta

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// effects takes the actions of a machine and writes them in short: messages in
// brackets without their reference identifier.
func effects(actions []Action) string {
	var out []string
	for _, a := range actions {
		if a.Kind != Send {
			text := fmt.Sprintf("%v %d/%d", a.Kind, a.ChannelA, a.ChannelB)
			if a.Cause != 0 {
				text += ": " + a.Cause.String()
			}
			out = append(out, text)
			continue
		}
		m, err := Decode(a.Cell[:])
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		text := m.Type.String()
		if messages[m.Type].has&paramChannelA != 0 {
			text += fmt.Sprintf(" %d", m.ChannelA)
		}
		if m.Cause != 0 {
			text += ": " + m.Cause.String()
		}
		out = append(out, "["+text+"]")
	}
	if out == nil {
		return "-"
	}
	return strings.Join(out, ", ")
}

// cell is a line of a state table: in a state, when something comes, this is
// done, and then the state is this, with these timers running.
type cell struct{ state, event, does, then string }

var userConfig = UserConfig{Configuration: General, Profile: "p", Rate: 100, Timers: DefaultTimers(), Seed: 1}

const userChannel, otherChannel = 40, 41

// userIn gives a machine in a state.
func userIn(t testing.TB, s UserState) *User {
	t.Helper()
	u, err := NewUser(userConfig)
	must(t, err)
	give := func(m Message) {
		cell, err := Encode(m)
		must(t, err)
		must(t, u.Receive(u.now, cell[:]))
	}
	if s != UserIdle {
		must(t, u.Request(0))
	}
	if s > UserWaiting {
		u.HandleTimeout(u.t03.at)
	}
	if s > UserRequesting {
		give(Message{Type: Assigned, Reference: u.reference, ChannelA: userChannel, ChannelB: 2, Rate: 100, Profile: "p"})
	}
	if s > UserAssigned {
		must(t, u.Release(u.now))
	}
	if u.State() != s {
		t.Fatalf("%v, not %v", u.State(), s)
	}
	u.Actions()
	return u
}

// userEvents makes what may come to a user.
var userEvents = []struct {
	name string
	do   func(u *User) error
}{
	{"request", func(u *User) error { return u.Request(u.now) }},
	{"release", func(u *User) error { return u.Release(u.now) }},
	{"ASSIGNED", func(u *User) error {
		return u.give(Message{Type: Assigned, Reference: max(u.reference, 1), ChannelA: userChannel, ChannelB: 2, Rate: 100, Profile: "p"})
	}},
	{"ASSIGNED, other RI", func(u *User) error {
		return u.give(Message{Type: Assigned, Reference: u.reference ^ 0x5555, ChannelA: userChannel, ChannelB: 2, Rate: 100, Profile: "p"})
	}},
	{"ASSIGNED, other SPID", func(u *User) error {
		return u.give(Message{Type: Assigned, Reference: max(u.reference, 1), ChannelA: otherChannel, ChannelB: 2, Rate: 100, Profile: "q"})
	}},
	{"DENIED", func(u *User) error {
		return u.give(Message{Type: Denied, Reference: max(u.reference, 1), Cause: NoRate, Profile: "p"})
	}},
	{"DENIED, other RI", func(u *User) error {
		return u.give(Message{Type: Denied, Reference: u.reference ^ 0x5555, Cause: NoRate, Profile: "p"})
	}},
	{"CHECK REQUEST", func(u *User) error { return u.give(Message{Type: CheckRequest, Reference: 9, ChannelA: userChannel}) }},
	{"CHECK REQUEST of all", func(u *User) error { return u.give(Message{Type: CheckRequest, Reference: 9}) }},
	{"CHECK REQUEST, other", func(u *User) error { return u.give(Message{Type: CheckRequest, Reference: 9, ChannelA: otherChannel}) }},
	{"REMOVED", func(u *User) error { return u.give(Message{Type: Removed, ChannelA: userChannel, Cause: NoResponse}) }},
	{"REMOVED of all", func(u *User) error { return u.give(Message{Type: Removed, Cause: Restart}) }},
	{"REMOVED, other", func(u *User) error { return u.give(Message{Type: Removed, ChannelA: otherChannel, Cause: NoResponse}) }},
	{"T01", func(u *User) error { return u.expire(userT01) }},
	{"T01, the last", func(u *User) error { u.tries = u.cfg.Timers.N01; return u.expire(userT01) }},
	{"T03", func(u *User) error { return u.expire(userT03) }},
	{"T05", func(u *User) error { return u.expire(userT05) }},
	{"T05, the last", func(u *User) error { u.tries = u.cfg.Timers.N05; return u.expire(userT05) }},
}

func (u *User) give(m Message) error {
	cell, err := Encode(m)
	if err != nil {
		return err
	}
	return u.Receive(u.now, cell[:])
}

// expire is a timer that runs out, if it can in this state.
func (u *User) expire(e userEvent) error {
	timer := map[userEvent]*timer{userT01: &u.t01, userT03: &u.t03, userT05: &u.t05}[e]
	if !timer.running {
		return ErrState
	}
	u.HandleTimeout(timer.at)
	return nil
}

// userCells is the table of the user side (10.2 to 10.6). What is not here is
// ignored, or refused when it is a request.
var userCells = []cell{
	{"Idle", "request", "-", "Waiting T03"},
	{"Waiting", "release", "-", "Idle"},
	{"Waiting", "T03", "[ASSIGN REQUEST]", "Requesting T01"},
	{"Requesting", "release", "-", "Idle"},
	{"Requesting", "ASSIGNED", "Ready 40/2", "Assigned"},
	{"Requesting", "DENIED", "Gone 0/0: cell rate not available", "Idle"},
	{"Requesting", "T01", "[ASSIGN REQUEST]", "Requesting T01"},
	{"Requesting", "T01, the last", "Gone 0/0: no response", "Idle"},
	{"Assigned", "release", "[REMOVED 40: by the user]", "Releasing T05"},
	{"Assigned", "ASSIGNED, other RI", "Gone 40/2: assigned twice", "Idle"},
	{"Assigned", "CHECK REQUEST", "[CHECK RESPONSE 40]", "Assigned"},
	{"Assigned", "CHECK REQUEST of all", "-", "Assigned T03"},
	{"Assigned", "REMOVED", "Gone 40/2: no response", "Idle"},
	{"Assigned", "REMOVED of all", "Gone 40/2: restart", "Idle"},
	{"Releasing", "REMOVED", "Gone 40/2: by the user", "Idle"},
	{"Releasing", "REMOVED of all", "Gone 40/2: by the user", "Idle"},
	{"Releasing", "T05", "[REMOVED 40: by the user]", "Releasing T05"},
	{"Releasing", "T05, the last", "Gone 40/2: by the user", "Idle"},
}

// runUser gives the line for a state and an event.
func runUser(t testing.TB, s UserState, name string, do func(*User) error) cell {
	t.Helper()
	u := userIn(t, s)
	before := u.Counters().Ignored
	err := do(u)
	does := effects(u.Actions())
	if err == ErrState {
		does = "refused, or cannot be"
	} else if err != nil {
		t.Fatal(err)
	} else if u.Counters().Ignored != before {
		does = "ignored"
	}
	then := u.State().String()
	for n, timer := range map[string]*timer{" T01": &u.t01, " T03": &u.t03, " T05": &u.t05} {
		if timer.running {
			then += n
		}
	}
	return cell{s.String(), name, does, then}
}

// rest gives the line of what means nothing: the state stays, its timer too.
func rest(c cell) bool {
	stays := map[string]string{"Waiting": "Waiting T03", "Requesting": "Requesting T01", "Releasing": "Releasing T05",
		"Checking": "Checking T02", "Removing": "Removing T05"}
	want, ok := stays[c.state]
	if !ok {
		want = c.state
	}
	return c.then == want && (c.does == "ignored" || c.does == "refused, or cannot be")
}

// compare holds a line against the table.
func compare(cells []cell, got cell) error {
	for _, want := range cells {
		if want.state == got.state && want.event == got.event {
			if want != got {
				return fmt.Errorf("%+v\nwant %+v", got, want)
			}
			return nil
		}
	}
	if !rest(got) {
		return fmt.Errorf("%+v: is not in the table", got)
	}
	return nil
}

// Every event in every state of the user side.
func TestUserTable(t *testing.T) {
	for s := range numUserStates {
		for _, e := range userEvents {
			if err := compare(userCells, runUser(t, s, e.name, e.do)); err != nil {
				t.Error(err)
			}
		}
	}
}

var networkConfig = NetworkConfig{First: 40, Last: 47, Broadcast: 2, Selective: true, Rate: 1000, Timers: DefaultTimers(), Seed: 1}

var networkRequest = Message{Type: AssignRequest, Reference: 5, Configuration: General, Rate: 100, Profile: "p"}

// networkIn gives a machine with channel 40 in a state.
func networkIn(t testing.TB, s ChannelState) *Network {
	t.Helper()
	n, err := NewNetwork(networkConfig)
	must(t, err)
	if s != ChannelFree {
		must(t, n.give(networkRequest))
	}
	switch s {
	case ChannelChecking:
		must(t, n.Check(0, userChannel))
	case ChannelRemoving:
		must(t, n.Remove(0, userChannel))
	}
	if n.State(userChannel) != s {
		t.Fatalf("%v, not %v", n.State(userChannel), s)
	}
	n.Actions()
	return n
}

func (n *Network) give(m Message) error {
	cell, err := Encode(m)
	if err != nil {
		return err
	}
	return n.Receive(n.now, cell[:])
}

func (n *Network) expire(which func(*channel) *timer) error {
	timer := which(n.channel(userChannel))
	if !timer.running {
		return ErrUnknown
	}
	n.HandleTimeout(timer.at)
	return nil
}

func ofT02(c *channel) *timer { return &c.t02 }
func ofT05(c *channel) *timer { return &c.t05 }

var networkEvents = []struct {
	name string
	do   func(n *Network) error
}{
	{"ASSIGN REQUEST", func(n *Network) error { return n.give(networkRequest) }},
	{"CHECK RESPONSE", func(n *Network) error {
		return n.give(Message{Type: CheckResponse, Reference: max(n.channel(userChannel).checkRef, 1), ChannelA: userChannel, ChannelB: 2, Profile: "p"})
	}},
	{"CHECK RESPONSE twice", func(n *Network) error {
		m := Message{Type: CheckResponse, Reference: max(n.channel(userChannel).checkRef, 1), ChannelA: userChannel, ChannelB: 2, Profile: "p"}
		if err := n.give(m); err != nil {
			return err
		}
		return n.give(m)
	}},
	{"CHECK RESPONSE, other RI", func(n *Network) error {
		return n.give(Message{Type: CheckResponse, Reference: n.channel(userChannel).checkRef ^ 0x5555, ChannelA: userChannel, ChannelB: 2, Profile: "p"})
	}},
	{"CHECK RESPONSE, other SPID", func(n *Network) error {
		return n.give(Message{Type: CheckResponse, Reference: max(n.channel(userChannel).checkRef, 1), ChannelA: userChannel, ChannelB: 2, Profile: "q"})
	}},
	{"REMOVED", func(n *Network) error { return n.give(Message{Type: Removed, ChannelA: userChannel, Cause: ByUser}) }},
	{"check", func(n *Network) error { return n.Check(n.now, userChannel) }},
	{"check of all", func(n *Network) error { return n.Check(n.now, 0) }},
	{"remove", func(n *Network) error { return n.Remove(n.now, userChannel) }},
	{"T02", func(n *Network) error { return n.expire(ofT02) }},
	{"T02, answered", func(n *Network) error { n.channel(userChannel).responses = 1; return n.expire(ofT02) }},
	{"T02, the last", func(n *Network) error { n.channel(userChannel).tries = n.cfg.Timers.N02; return n.expire(ofT02) }},
	{"T05", func(n *Network) error { return n.expire(ofT05) }},
	{"T05, the last", func(n *Network) error { n.channel(userChannel).tries = n.cfg.Timers.N05; return n.expire(ofT05) }},
}

// networkCells is the table of a channel at the network (10.4 to 10.6).
var networkCells = []cell{
	{"Free", "ASSIGN REQUEST", "Allocated 40/2, [ASSIGNED 40]", "Assigned"},
	{"Free", "CHECK RESPONSE", "[REMOVED 40: not assigned]", "Free"},
	{"Free", "CHECK RESPONSE twice", "[REMOVED 40: not assigned], [REMOVED 40: not assigned]", "Free"},
	{"Free", "CHECK RESPONSE, other RI", "[REMOVED 40: not assigned]", "Free"},
	{"Free", "CHECK RESPONSE, other SPID", "[REMOVED 40: not assigned]", "Free"},
	{"Free", "check of all", "[CHECK REQUEST 0]", "Free"},
	{"Assigned", "ASSIGN REQUEST", "[ASSIGNED 40]", "Assigned"},
	{"Assigned", "REMOVED", "Freed 40/2: by the user", "Free"},
	{"Assigned", "check", "[CHECK REQUEST 40]", "Checking T02"},
	{"Assigned", "check of all", "[CHECK REQUEST 0]", "Checking T02"},
	{"Assigned", "remove", "Freed 40/2: unspecified, [REMOVED 40: unspecified]", "Removing T05"},
	{"Checking", "ASSIGN REQUEST", "[ASSIGNED 40]", "Checking T02"},
	{"Checking", "CHECK RESPONSE", "-", "Checking T02"},
	{"Checking", "CHECK RESPONSE twice", "Freed 40/2: assigned twice, [REMOVED 40: assigned twice]", "Removing T05"},
	{"Checking", "CHECK RESPONSE, other SPID", "Freed 40/2: assigned twice, [REMOVED 40: assigned twice]", "Removing T05"},
	{"Checking", "REMOVED", "Freed 40/2: by the user", "Free"},
	{"Checking", "check of all", "[CHECK REQUEST 0]", "Checking T02"},
	{"Checking", "remove", "Freed 40/2: unspecified, [REMOVED 40: unspecified]", "Removing T05"},
	{"Checking", "T02", "[CHECK REQUEST 40]", "Checking T02"},
	{"Checking", "T02, answered", "-", "Assigned"},
	{"Checking", "T02, the last", "Freed 40/2: no response, [REMOVED 40: no response]", "Removing T05"},
	{"Removing", "check of all", "[CHECK REQUEST 0]", "Removing T05"},
	{"Removing", "T05", "[REMOVED 40: unspecified]", "Removing T05"},
	{"Removing", "T05, the last", "-", "Free"},
}

func runNetwork(t testing.TB, s ChannelState, name string, do func(*Network) error) cell {
	t.Helper()
	n := networkIn(t, s)
	before := n.Counters().Ignored
	err := do(n)
	does := effects(n.Actions())
	if err == ErrUnknown {
		does = "refused, or cannot be"
	} else if err != nil {
		t.Fatal(err)
	} else if n.Counters().Ignored != before {
		does = "ignored"
	}
	c := n.channel(userChannel)
	then := c.state.String()
	if c.t02.running {
		then += " T02"
	}
	if c.t05.running {
		then += " T05"
	}
	return cell{s.String(), name, does, then}
}

// Every event in every state of a channel at the network.
func TestNetworkTable(t *testing.T) {
	for s := range numChannelStates {
		for _, e := range networkEvents {
			if err := compare(networkCells, runNetwork(t, s, e.name, e.do)); err != nil {
				t.Error(err)
			}
		}
	}
}

// runTo lets time pass for one machine.
func runTo(until time.Duration, m interface {
	Timeout() (time.Duration, bool)
	HandleTimeout(time.Duration)
}) {
	for {
		at, running := m.Timeout()
		if !running || at > until {
			return
		}
		m.HandleTimeout(at)
	}
}
