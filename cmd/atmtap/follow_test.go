package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// iface is an interface that works.
func iface(index int, name string) link.State {
	return link.State{Name: name, Index: index, MTU: 1500, HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, byte(index)}, Up: true, Running: true}
}

func with(s link.State, change func(*link.State)) link.State {
	change(&s)
	return s
}

// followerOf is open on an interface, which works.
func followerOf(r role, want string, on link.State) follower {
	return follower{role: r, want: want, called: on.Name, opened: on, mtu: on.MTU}
}

// moment is one look of a script, and what it has to lead to.
type moment struct {
	after time.Duration // since the last
	see   sight
	do    action
	on    int    // index that is to be opened
	fails string // how the order ends; empty: well
	tells []string
}

func present(s link.State) sight { return sight{present: true, now: s, mtu: s.MTU} }

var scripts = []struct {
	name string
	f    follower
	all  []moment
}{
	{"a carrier that goes down and comes back", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "eth0"))},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false })), tells: []string{"eth0 has no carrier"}},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Up, s.Running = false, false })), tells: []string{"eth0 is down"}},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false }))}, // half back
		{see: present(iface(2, "eth0")), tells: []string{"eth0 is back"}},
	}},
	{"a renamed carrier is followed by its number", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "wan0")), tells: []string{"eth0 is called wan0 now"}},
		{see: sight{present: true, now: with(iface(2, "wan0"), func(s *link.State) { s.MTU = 1400 }), mtu: 1400, named: []link.State{iface(3, "eth0")}},
			do: doResize, on: 2, tells: []string{"wan0 has MTU 1400 now"}},
		{see: sight{present: true, now: with(iface(2, "wan0"), func(s *link.State) { s.MTU, s.HardwareAddr = 1400, net.HardwareAddr{2, 0, 0, 0, 0, 9} }), mtu: 1400, named: []link.State{iface(3, "eth0")}},
			do: doReaddress, on: 2},
		{see: sight{present: true, now: with(iface(2, "wan0"), func(s *link.State) { s.MTU, s.HardwareAddr = 1400, net.HardwareAddr{2, 0, 0, 0, 0, 9} }), mtu: 1400, named: []link.State{iface(3, "eth0")}}},
	}},
	{"an interface that got the name while ours lived is a stranger", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: sight{present: true, now: iface(2, "wan0"), mtu: 1500, named: []link.State{iface(3, "eth0")}}, tells: []string{"wan0"}},
		{see: sight{named: []link.State{iface(3, "eth0")}}, tells: []string{"wan0 was deleted"}},
		{after: time.Hour, see: sight{named: []link.State{iface(3, "eth0")}}},
		{see: sight{named: []link.State{iface(4, "wan0"), iface(3, "eth0")}}, do: doOpen, on: 4},
	}},
	{"a carrier renamed, deleted and made again", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "wan0")), tells: []string{"wan0"}},
		{see: sight{}, tells: []string{"wan0 was deleted"}},
		{see: sight{named: []link.State{iface(5, "eth0")}}, do: doOpen, on: 5},
		{see: present(iface(5, "eth0")), tells: []string{"eth0 is back"}},
	}},
	{"a carrier that went to another namespace", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: sight{moved: true}, tells: []string{"another network namespace, where this tunnel cannot follow"}},
		{see: sight{named: []link.State{iface(2, "eth0")}}, do: doOpen, on: 2},
	}},
	{"a carrier that a bridge takes", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: sight{present: true, now: iface(2, "eth0"), mtu: 1500, master: "br0"}, tells: []string{"eth0 belongs to br0 now"}},
		{see: sight{present: true, now: iface(2, "eth0"), mtu: 1500, master: "br0"}},
		{see: present(iface(2, "eth0"))},
	}},
	{"what cannot be opened is told once and tried once a second", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: sight{}, tells: []string{"deleted"}},
		{see: sight{named: []link.State{iface(3, "eth0")}}, do: doOpen, on: 3, fails: "no", tells: []string{"eth0: no"}},
		{after: retryInterval / 2, see: sight{named: []link.State{iface(3, "eth0")}}},
		{after: retryInterval / 2, see: sight{named: []link.State{iface(3, "eth0")}}, do: doOpen, on: 3, fails: "no"},
		{after: retryInterval, see: sight{named: []link.State{iface(3, "eth0")}}, do: doOpen, on: 3, fails: "never", tells: []string{"never"}},
		{after: retryInterval, see: sight{named: []link.State{iface(3, "eth0")}}, do: doOpen, on: 3},
	}},
	{"a TAP that somebody deletes all the time is made once a second", followerOf(roleMade, "atm0", iface(2, "atm0")), []moment{
		{see: sight{}, do: doOpen, on: 0, tells: []string{"atm0 was deleted"}},
		{after: time.Millisecond, see: sight{}},
		{after: retryInterval, see: sight{}, do: doOpen, on: 0},
	}},
	{"a TAP that is moved is let be", followerOf(roleMade, "atm0", iface(2, "atm0")), []moment{
		{see: sight{present: true, elsewhere: true, now: link.State{Name: "eth0"}}, tells: []string{"another network namespace now, called eth0 there; traffic goes on"}},
		{see: sight{present: true, elsewhere: true, now: with(iface(7, "eth0"), func(s *link.State) { s.MTU = 1400 }), mtu: 1400}, do: doResize, on: 7},
		{see: sight{}, do: doOpen, on: 0, tells: []string{"eth0 was deleted"}},
	}},
	{"a TAP has the carrier that we give it", followerOf(roleTaken, "atm0", iface(2, "atm0")), []moment{
		{see: present(with(iface(2, "atm0"), func(s *link.State) { s.Running = false }))},
	}},
	{"an administrator's TAP is not made again by us", followerOf(roleTaken, "atm0", iface(2, "atm0")), []moment{
		{see: sight{}, tells: []string{"atm0 was deleted"}},
		{after: time.Hour, see: sight{}},
		{see: sight{named: []link.State{iface(3, "atm0")}}, do: doOpen, on: 3},
	}},
	{"a path that gets narrower and wider", followerOf(roleUDP, "", iface(2, "eth0")), []moment{
		{see: sight{present: true, now: iface(2, "eth0"), mtu: 1300}, do: doResize, on: 2, tells: []string{"the path to the peer holds 1300 octets now"}},
		{see: sight{present: true, now: iface(2, "eth0"), mtu: 1500}, do: doResize, on: 2, tells: []string{"eth0 has MTU 1500 now"}},
	}},
	{"a route that turns to another interface", followerOf(roleUDP, "", iface(2, "eth0")), []moment{
		{see: present(iface(3, "eth1")), tells: []string{"reached by eth1 now, not by eth0"}},
		{see: sight{present: true, now: iface(3, "eth1"), mtu: 1500, noPath: "there is no route to 192.0.2.1"}, tells: []string{"there is no route to 192.0.2.1"}},
		{see: present(iface(3, "eth1")), tells: []string{"back"}},
	}},
	{"nothing is known, so nothing is done", followerOf(roleEther, "eth0", iface(2, "eth0")), []moment{
		{see: sight{unknown: true}},
	}},
}

// TestFollower plays scripts of what the kernel could show.
func TestFollower(t *testing.T) {
	for _, script := range scripts {
		t.Run(script.name, func(t *testing.T) {
			now, f := start, script.f
			for i, m := range script.all {
				now = now.Add(m.after)
				what, events := f.look(now, m.see)
				if what.do != m.do || what.do != doNothing && what.on.Index != m.on {
					t.Fatalf("step %d: action %d on %d, want %d on %d", i, what.do, what.on.Index, m.do, m.on)
				}
				if what.do != doNothing {
					var err error
					if m.fails != "" {
						err = fmt.Errorf("%s", m.fails)
					}
					on := what.on
					if what.do == doOpen && f.role == roleMade {
						on = iface(50+i, f.want)
					}
					if what.mtu == 0 {
						what.mtu = on.MTU
					}
					events = append(events, f.done(now, what, on, err)...)
				}
				for _, want := range m.tells {
					if !slices.ContainsFunc(events, func(e event) bool { return strings.Contains(e.text, want) }) {
						t.Errorf("step %d: %q, want %q", i, events, want)
					}
				}
				if len(m.tells) == 0 && len(events) > 0 && what.do != doResize {
					t.Errorf("step %d tells %q", i, events)
				}
			}
		})
	}
}

// TestFollowerInAStorm flaps a carrier ten times a second for an hour: little is told, and the last state is.
func TestFollowerInAStorm(t *testing.T) {
	f := followerOf(roleEther, "eth0", iface(2, "eth0"))
	now, told := start, 0
	var last event
	for i := range 36000 {
		now = now.Add(100 * time.Millisecond)
		_, events := f.look(now, present(with(iface(2, "eth0"), func(s *link.State) { s.Running = i%2 == 0 })))
		if told += len(events); len(events) > 0 {
			last = events[len(events)-1]
		}
	}
	if most := tellBurst + int(time.Hour/tellInterval) + 1; told > most || told < tellBurst {
		t.Errorf("%d lines, want %d to %d", told, tellBurst, most)
	}
	for range 20 { // it has come to rest, without carrier
		now = now.Add(tellInterval)
		if _, events := f.look(now, present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false }))); len(events) > 0 {
			last = events[len(events)-1]
		}
	}
	if !strings.Contains(last.text, "it has no carrier now") {
		t.Errorf("the last that was told is %q", last.text)
	}
}

// TestListener tells a silent peer and a dead one from a tunnel that nobody uses.
func TestListener(t *testing.T) {
	type step struct {
		after   time.Duration
		n       traffic
		tells   string
		silent  bool
		cableOn bool
	}
	const patience = 3 * time.Second
	for _, test := range []struct {
		name     string
		patience time.Duration
		steps    []step
	}{
		{"unused", 0, []step{{0, traffic{}, "", false, true}, {time.Hour, traffic{}, "", false, true}}},
		{"answered", 0, []step{{0, traffic{1, 1, 0, 0}, "", false, true}, {silentAfter, traffic{2, 100, 0, 0}, "", false, true}}},
		{"silent and heard again", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{silentAfter - 1, traffic{1, 100, 0, 0}, "", false, true},
			{1, traffic{1, 100, 0, 0}, "nothing has come from the peer for 10s, though 99 frames", true, true},
			{time.Second, traffic{1, 101, 0, 0}, "", true, true},
			{time.Second, traffic{2, 101, 0, 0}, "heard again", false, true},
		}},
		{"too little to call it silent", 0, []step{{0, traffic{}, "", false, true}, {silentAfter, traffic{0, silentSent - 1, 0, 0}, "", false, true}}},
		{"dead, tried again, still dead, and alive", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{time.Second, traffic{1, 9, deadReports - 1, 0}, "", false, true},
			{time.Second, traffic{1, 9, deadReports, 0}, "nobody listens", false, false},
			{deadFor - time.Second, traffic{1, 9, deadReports, 0}, "nothing has come", true, false},
			{time.Second, traffic{1, 9, deadReports, 0}, "", true, true},
			{time.Second, traffic{1, 20, 2 * deadReports, 0}, "", true, false},
			{time.Second, traffic{2, 20, 2 * deadReports, 0}, "heard again", false, true},
		}},
		{"not to be reached", 0, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{time.Second, traffic{1, 9, 0, deadReports - 1}, "", false, true},
			{time.Second, traffic{1, 9, 0, deadReports}, "cannot be reached", false, false},
			{deadFor, traffic{1, 9, 0, deadReports}, "nothing has come", true, true},
			{time.Second, traffic{2, 10, 0, deadReports}, "heard again", false, true},
		}},
		{"dead by silence, tried again, left in peace, and alive", patience, []step{
			{0, traffic{1, 1, 0, 0}, "", false, true},
			{patience - 1, traffic{1, 1 + silentSent, 0, 0}, "", false, true},
			{1, traffic{1, 1 + silentSent, 0, 0}, "counts as dead", false, false},
			{deadFor - time.Second, traffic{1, 1 + silentSent, 0, 0}, "though 3 frames", true, false},
			{time.Second, traffic{1, 1 + silentSent, 0, 0}, "", true, true},
			{time.Hour, traffic{1, 2 * silentSent, 0, 0}, "", true, true}, // two more: too few
			{time.Second, traffic{1, 1 + 2*silentSent, 0, 0}, "", true, false},
			{time.Second, traffic{2, 1 + 2*silentSent, 0, 0}, "heard again", false, true},
			{patience, traffic{3, 99, 0, 0}, "", false, true},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := listener{patience: test.patience}
			now := start
			for i, s := range test.steps {
				now = now.Add(s.after)
				events := l.look(now, s.n, "atm0")
				if s.tells == "" && len(events) > 0 || s.tells != "" && (len(events) != 1 || !strings.Contains(events[0].text, s.tells)) {
					t.Errorf("step %d tells %q, want %q", i, events, s.tells)
				}
				if (l.silence > 0) != s.silent || l.dead(now) == s.cableOn {
					t.Errorf("step %d: silence %v, dead %v", i, l.silence, l.dead(now))
				}
			}
		})
	}
}
