package meta

import (
	"errors"
	"testing"
	"time"
)

// ASSIGN REQUEST is held back for a random time below T03, and so is the
// answer to a check of all; other answers are not (10.2).
func TestFocusedMessages(t *testing.T) {
	seen := map[time.Duration]bool{}
	for seed := range uint64(50) {
		cfg := userConfig
		cfg.Seed = seed
		u, err := NewUser(cfg)
		must(t, err)
		must(t, u.Request(10*time.Second))
		at, _ := u.Timeout()
		if at < 10*time.Second || at >= 11*time.Second {
			t.Errorf("seed %d: %v", seed, at)
		}
		seen[at] = true
	}
	if len(seen) < 45 {
		t.Errorf("%d different delays of 50", len(seen))
	}
	u := userIn(t, UserAssigned)
	must(t, u.give(Message{Type: CheckRequest, Reference: 3}))
	at, held := u.Timeout()
	must(t, u.give(Message{Type: CheckRequest, Reference: 4, ChannelA: userChannel}))
	if got := effects(u.Actions()); !held || at >= u.now+time.Second || got != "[CHECK RESPONSE 40]" {
		t.Errorf("%v, %v, %s", at, held, got)
	}
	if _, running := u.Timeout(); running {
		t.Error("answers twice")
	}
	must(t, u.give(Message{Type: CheckRequest, Reference: 5}))
	runTo(u.now+time.Second, u)
	m, err := Decode(u.Actions()[0].Cell[:])
	if err != nil || m.Type != CheckResponse || m.Reference != 5 {
		t.Errorf("%v, %v", m, err)
	}
}

// ASSIGN REQUEST N01 times, T01 apart, with the same reference (10.4).
func TestRequestRepeated(t *testing.T) {
	u := userIn(t, UserRequesting)
	ref := u.reference
	start := u.now
	runTo(start+5*time.Second, u)
	for _, a := range u.Actions() {
		if m, err := Decode(a.Cell[:]); err != nil || m.Reference != ref {
			t.Errorf("%v, %v", m, err)
		}
	}
	if u.State() != UserRequesting || u.Counters().Sent[AssignRequest] != 3 {
		t.Errorf("%v, %d requests", u.State(), u.Counters().Sent[AssignRequest])
	}
	runTo(start+6*time.Second, u)
	if got := effects(u.Actions()); got != "Gone 0/0: no response" {
		t.Error(got)
	}
}

// What comes for a request that was given up is given back (10.4).
func TestLateAnswer(t *testing.T) {
	for _, s := range []UserState{UserIdle, UserWaiting} {
		u := userIn(t, UserRequesting)
		late := Message{Type: Assigned, Reference: u.reference, ChannelA: 44, Rate: 100, Profile: "p"}
		must(t, u.Release(u.now))
		if s == UserWaiting {
			must(t, u.Request(u.now))
		}
		must(t, u.give(late))
		if got := effects(u.Actions()); got != "[REMOVED 44: by the user]" || u.State() != s {
			t.Errorf("%s, %v", got, u.State())
		}
	}
}

// What the network refuses, and why (10.4).
func TestDenied(t *testing.T) {
	cfg := networkConfig
	cfg.Profiles = []Profile{"p", "q"}
	cfg.Last = cfg.First + 1
	cfg.Selective, cfg.Broadcast = false, 0
	n, err := NewNetwork(cfg)
	must(t, err)
	request := func(ref uint16, c Configuration, rate uint32, p Profile) string {
		must(t, n.give(Message{Type: AssignRequest, Reference: ref, Configuration: c, Rate: rate, Profile: p}))
		return effects(n.Actions())
	}
	for _, tt := range []struct {
		got, want string
	}{
		{request(1, PointToPoint, 1, "r"), "[DENIED: profile unknown]"},
		{request(1, PointToPoint, 1001, "p"), "[DENIED: cell rate not available]"},
		{request(1, General, 1, "p"), "[DENIED: configuration not available]"},
		{request(1, Selective, 1, "p"), "[DENIED: configuration not available]"},
		{request(1, 4, 1, "p"), "[DENIED: configuration not available]"},
		{request(1, PointToPoint, 1, "p"), "Allocated 40/0, [ASSIGNED 40]"},
		{request(2, PointToPoint, 1, "p"), "Allocated 41/0, [ASSIGNED 41]"},
		{request(3, PointToPoint, 1, "p"), "[DENIED: no channel free], [CHECK REQUEST 0]"},
		{request(1, PointToPoint, 1, "p"), "[ASSIGNED 40]"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
}

// Broadcast channels: one for all, or one for each profile, which goes with
// its last user (8.5, 8.7).
func TestBroadcastChannels(t *testing.T) {
	n := networkIn(t, ChannelFree)
	request := func(ref uint16, c Configuration, p Profile) string {
		must(t, n.give(Message{Type: AssignRequest, Reference: ref, Configuration: c, Rate: 1, Profile: p}))
		return effects(n.Actions())
	}
	for _, tt := range []struct {
		got, want string
	}{
		{request(1, Selective, "p"), "Allocated 41/40, [ASSIGNED 41]"},
		{request(2, Selective, "p"), "Allocated 42/40, [ASSIGNED 42]"},
		{request(3, Selective, "q"), "Allocated 44/43, [ASSIGNED 44]"},
		{request(4, General, "q"), "Allocated 45/2, [ASSIGNED 45]"},
		{request(5, PointToPoint, "q"), "Allocated 46/0, [ASSIGNED 46]"},
		{request(6, Selective, "r"), "[DENIED: no channel free], [CHECK REQUEST 0]"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
	for _, a := range []uint16{41, 42} {
		must(t, n.give(Message{Type: Removed, ChannelA: a, Cause: ByUser}))
	}
	n.Actions()
	if got := request(6, Selective, "r"); got != "Allocated 40/47, [ASSIGNED 40]" {
		t.Error(got)
	}
}

// Checks: of all at once, then of each that has not answered, N02 times; those
// that have not are removed, and not given away before REMOVED was said N05
// times (10.5, 10.6).
func TestAudit(t *testing.T) {
	n := networkIn(t, ChannelFree)
	for ref := range uint16(8) {
		must(t, n.give(Message{Type: AssignRequest, Reference: ref + 1, Configuration: General, Rate: 1}))
	}
	n.Actions()
	n.startAudit()
	runTo(time.Minute, n)
	check, err := Decode(n.Actions()[0].Cell[:])
	if err != nil || check.Type != CheckRequest || check.ChannelA != 0 {
		t.Fatalf("%v, %v", check, err)
	}
	for a := uint16(41); a < 48; a++ { // 40 is silent
		must(t, n.give(Message{Type: CheckResponse, Reference: check.Reference, ChannelA: a, ChannelB: 2}))
	}
	runTo(time.Minute+6*time.Second, n)
	if got := effects(n.Actions()); got != "[CHECK REQUEST 40], [CHECK REQUEST 40], Freed 40/2: no response, [REMOVED 40: no response]" {
		t.Error(got)
	}
	must(t, n.give(Message{Type: AssignRequest, Reference: 99, Configuration: General, Rate: 1}))
	if got := effects(n.Actions()); got != "[DENIED: no channel free], [CHECK REQUEST 0]" {
		t.Error(got)
	}
	runTo(time.Minute+7500*time.Millisecond, n)
	must(t, n.give(Message{Type: AssignRequest, Reference: 99, Configuration: General, Rate: 1}))
	if got := effects(n.Actions()); got != "[REMOVED 40: no response], [REMOVED 40: no response], Allocated 40/2, [ASSIGNED 40]" {
		t.Error(got)
	}
}

// Each check has a reference of its own, so that an answer to the last one is
// not taken for one to this (8.4).
func TestReferences(t *testing.T) {
	n := networkIn(t, ChannelFree)
	seen := map[uint16]bool{}
	for range 20 {
		must(t, n.Check(0, 0))
		m, err := Decode(n.Actions()[0].Cell[:])
		must(t, err)
		seen[m.Reference] = true
	}
	if len(seen) < 19 {
		t.Errorf("%d references of 20 checks", len(seen))
	}
}

// A network that starts says so N05 times (10.6).
func TestNetworkStart(t *testing.T) {
	n := networkIn(t, ChannelFree)
	n.Start(time.Second)
	runTo(59*time.Second, n)
	if got := effects(n.Actions()); got != "[REMOVED 0: restart], [REMOVED 0: restart], [REMOVED 0: restart]" {
		t.Error(got)
	}
}

// Messages of the wrong side and cells that are none are counted and change
// nothing (10.3).
func TestDropped(t *testing.T) {
	u, n := userIn(t, UserAssigned), networkIn(t, ChannelAssigned)
	for _, s := range samples {
		cell, err := Encode(s.m)
		must(t, err)
		from := messages[s.m.Type].from
		if err := u.Receive(0, cell[:]); (err != nil) != (from&fromNetwork == 0) {
			t.Errorf("user, %v: %v", s.m.Type, err)
		}
		if err := n.Receive(0, cell[:]); (err != nil) != (from&fromUser == 0) {
			t.Errorf("network, %v: %v", s.m.Type, err)
		}
	}
	if u.Receive(0, nil) == nil || n.Receive(0, make([]byte, CellPayload)) == nil {
		t.Error("taken")
	}
	if a, b := u.Counters(), n.Counters(); a.Side != 2 || b.Side != 3 || a.Invalid != 1 || b.Invalid != 1 {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// What the constructors refuse (8.5, 8.8, 8.10, 11).
func TestConfig(t *testing.T) {
	for name, spoil := range map[string]func(*UserConfig){
		"configuration": func(c *UserConfig) { c.Configuration = 0 }, "a new configuration": func(c *UserConfig) { c.Configuration = 4 },
		"no rate": func(c *UserConfig) { c.Rate = 0 }, "rate": func(c *UserConfig) { c.Rate = 1 << 24 },
		"profile": func(c *UserConfig) { c.Profile = "123456789012345678901" }, "T01": func(c *UserConfig) { c.Timers.T01 = 0 },
		"T02": func(c *UserConfig) { c.Timers.T02 = c.Timers.T03 }, "N01": func(c *UserConfig) { c.Timers.N01 = 0 },
		"T04": func(c *UserConfig) { c.Timers.T04 = -1 },
	} {
		cfg := userConfig
		spoil(&cfg)
		if u, err := NewUser(cfg); !errors.Is(err, ErrConfig) || u != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, spoil := range map[string]func(*NetworkConfig){
		"first": func(c *NetworkConfig) { c.First = 31 }, "last": func(c *NetworkConfig) { c.Last = 39 },
		"too many": func(c *NetworkConfig) { c.Last = c.First + MaxChannels }, "rate": func(c *NetworkConfig) { c.Rate = 0 },
		"broadcast": func(c *NetworkConfig) { c.Broadcast = 41 }, "N05": func(c *NetworkConfig) { c.Timers.N05 = MaxTries + 1 },
	} {
		cfg := networkConfig
		spoil(&cfg)
		if n, err := NewNetwork(cfg); !errors.Is(err, ErrConfig) || n != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := networkConfig
	cfg.First, cfg.Last = 65530, 65535
	n, err := NewNetwork(cfg)
	must(t, err)
	for ref := range uint16(7) {
		must(t, n.give(Message{Type: AssignRequest, Reference: ref + 1, Configuration: PointToPoint, Rate: 1}))
	}
	if n.Counters().Sent[Assigned] != 6 || n.Counters().Sent[Denied] != 1 {
		t.Errorf("%+v", n.Counters())
	}
}
