package follow

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
func followerOf(r Role, want string, on link.State) Follower {
	return Follower{Role: r, Want: want, Called: on.Name, Opened: on, MTU: on.MTU}
}

// moment is one look of a script, and what it has to lead to.
type moment struct {
	after time.Duration // since the last
	see   Sight
	Do    Action
	On    int    // index that is to be opened
	fails string // how the order ends; empty: well
	tells []string
}

func present(s link.State) Sight { return Sight{Present: true, Now: s, MTU: s.MTU} }

var scripts = []struct {
	name string
	f    Follower
	all  []moment
}{
	{"a carrier that goes down and comes back", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "eth0"))},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false })), tells: []string{"eth0 has no carrier"}},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Up, s.Running = false, false })), tells: []string{"eth0 is down"}},
		{see: present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false }))}, // half back
		{see: present(iface(2, "eth0")), tells: []string{"eth0 is back"}},
	}},
	{"a renamed carrier is followed by its number", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "wan0")), tells: []string{"eth0 is called wan0 now"}},
		{see: Sight{Present: true, Now: with(iface(2, "wan0"), func(s *link.State) { s.MTU = 1400 }), MTU: 1400, Named: []link.State{iface(3, "eth0")}},
			Do: DoResize, On: 2, tells: []string{"wan0 has MTU 1400 now"}},
		{see: Sight{Present: true, Now: with(iface(2, "wan0"), func(s *link.State) { s.MTU, s.HardwareAddr = 1400, net.HardwareAddr{2, 0, 0, 0, 0, 9} }), MTU: 1400, Named: []link.State{iface(3, "eth0")}},
			Do: DoReaddress, On: 2},
		{see: Sight{Present: true, Now: with(iface(2, "wan0"), func(s *link.State) { s.MTU, s.HardwareAddr = 1400, net.HardwareAddr{2, 0, 0, 0, 0, 9} }), MTU: 1400, Named: []link.State{iface(3, "eth0")}}},
	}},
	{"an interface that got the name while ours lived is a stranger", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: Sight{Present: true, Now: iface(2, "wan0"), MTU: 1500, Named: []link.State{iface(3, "eth0")}}, tells: []string{"wan0"}},
		{see: Sight{Named: []link.State{iface(3, "eth0")}}, tells: []string{"wan0 was deleted"}},
		{after: time.Hour, see: Sight{Named: []link.State{iface(3, "eth0")}}},
		{see: Sight{Named: []link.State{iface(4, "wan0"), iface(3, "eth0")}}, Do: DoOpen, On: 4},
	}},
	{"a carrier renamed, deleted and made again", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: present(iface(2, "wan0")), tells: []string{"wan0"}},
		{see: Sight{}, tells: []string{"wan0 was deleted"}},
		{see: Sight{Named: []link.State{iface(5, "eth0")}}, Do: DoOpen, On: 5},
		{see: present(iface(5, "eth0")), tells: []string{"eth0 is back"}},
	}},
	{"a carrier that went to another namespace", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: Sight{Moved: true}, tells: []string{"another network namespace, where this tunnel cannot follow"}},
		{see: Sight{Named: []link.State{iface(2, "eth0")}}, Do: DoOpen, On: 2},
	}},
	{"a carrier that a bridge takes", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: Sight{Present: true, Now: iface(2, "eth0"), MTU: 1500, Master: "br0"}, tells: []string{"eth0 belongs to br0 now"}},
		{see: Sight{Present: true, Now: iface(2, "eth0"), MTU: 1500, Master: "br0"}},
		{see: present(iface(2, "eth0"))},
	}},
	{"what cannot be opened is told once and tried once a second", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: Sight{}, tells: []string{"deleted"}},
		{see: Sight{Named: []link.State{iface(3, "eth0")}}, Do: DoOpen, On: 3, fails: "no", tells: []string{"eth0: no"}},
		{after: RetryInterval / 2, see: Sight{Named: []link.State{iface(3, "eth0")}}},
		{after: RetryInterval / 2, see: Sight{Named: []link.State{iface(3, "eth0")}}, Do: DoOpen, On: 3, fails: "no"},
		{after: RetryInterval, see: Sight{Named: []link.State{iface(3, "eth0")}}, Do: DoOpen, On: 3, fails: "never", tells: []string{"never"}},
		{after: RetryInterval, see: Sight{Named: []link.State{iface(3, "eth0")}}, Do: DoOpen, On: 3},
	}},
	{"a TAP that somebody deletes all the time is made once a second", followerOf(Made, "atm0", iface(2, "atm0")), []moment{
		{see: Sight{}, Do: DoOpen, On: 0, tells: []string{"atm0 was deleted"}},
		{after: time.Millisecond, see: Sight{}},
		{after: RetryInterval, see: Sight{}, Do: DoOpen, On: 0},
	}},
	{"a TAP that is moved is let be", followerOf(Made, "atm0", iface(2, "atm0")), []moment{
		{see: Sight{Present: true, Elsewhere: true, Now: link.State{Name: "eth0"}}, tells: []string{"another network namespace now, called eth0 there; traffic goes on"}},
		{see: Sight{Present: true, Elsewhere: true, Now: with(iface(7, "eth0"), func(s *link.State) { s.MTU = 1400 }), MTU: 1400}, Do: DoResize, On: 7},
		{see: Sight{}, Do: DoOpen, On: 0, tells: []string{"eth0 was deleted"}},
	}},
	{"a TAP has the carrier that we give it", followerOf(Taken, "atm0", iface(2, "atm0")), []moment{
		{see: present(with(iface(2, "atm0"), func(s *link.State) { s.Running = false }))},
	}},
	{"an administrator's TAP is not made again by us", followerOf(Taken, "atm0", iface(2, "atm0")), []moment{
		{see: Sight{}, tells: []string{"atm0 was deleted"}},
		{after: time.Hour, see: Sight{}},
		{see: Sight{Named: []link.State{iface(3, "atm0")}}, Do: DoOpen, On: 3},
	}},
	{"a path that gets narrower and wider", followerOf(UDP, "", iface(2, "eth0")), []moment{
		{see: Sight{Present: true, Now: iface(2, "eth0"), MTU: 1300}, Do: DoResize, On: 2, tells: []string{"the path to the peer holds 1300 octets now"}},
		{see: Sight{Present: true, Now: iface(2, "eth0"), MTU: 1500}, Do: DoResize, On: 2, tells: []string{"eth0 has MTU 1500 now"}},
	}},
	{"a route that turns to another interface", followerOf(UDP, "", iface(2, "eth0")), []moment{
		{see: present(iface(3, "eth1")), tells: []string{"reached by eth1 now, not by eth0"}},
		{see: Sight{Present: true, Now: iface(3, "eth1"), MTU: 1500, NoPath: "there is no route to 192.0.2.1"}, tells: []string{"there is no route to 192.0.2.1"}},
		{see: present(iface(3, "eth1")), tells: []string{"back"}},
	}},
	{"nothing is known, so nothing is done", followerOf(Ether, "eth0", iface(2, "eth0")), []moment{
		{see: Sight{Unknown: true}},
	}},
}

// TestFollower plays scripts of what the kernel could show.
func TestFollower(t *testing.T) {
	for _, script := range scripts {
		t.Run(script.name, func(t *testing.T) {
			now, f := start, script.f
			for i, m := range script.all {
				now = now.Add(m.after)
				what, events := f.Look(now, m.see)
				if what.Do != m.Do || what.Do != DoNothing && what.On.Index != m.On {
					t.Fatalf("step %d: action %d on %d, want %d on %d", i, what.Do, what.On.Index, m.Do, m.On)
				}
				if what.Do != DoNothing {
					var err error
					if m.fails != "" {
						err = fmt.Errorf("%s", m.fails)
					}
					on := what.On
					if what.Do == DoOpen && f.Role == Made {
						on = iface(50+i, f.Want)
					}
					if what.MTU == 0 {
						what.MTU = on.MTU
					}
					events = append(events, f.Done(now, what, on, err)...)
				}
				for _, want := range m.tells {
					if !slices.ContainsFunc(events, func(e Event) bool { return strings.Contains(e.Text, want) }) {
						t.Errorf("step %d: %q, want %q", i, events, want)
					}
				}
				if len(m.tells) == 0 && len(events) > 0 && what.Do != DoResize {
					t.Errorf("step %d tells %q", i, events)
				}
			}
		})
	}
}

// TestFollowerInAStorm flaps a carrier ten times a second for an hour: little is told, and the last state is.
func TestFollowerInAStorm(t *testing.T) {
	f := followerOf(Ether, "eth0", iface(2, "eth0"))
	now, told := start, 0
	var last Event
	for i := range 36000 {
		now = now.Add(100 * time.Millisecond)
		_, events := f.Look(now, present(with(iface(2, "eth0"), func(s *link.State) { s.Running = i%2 == 0 })))
		if told += len(events); len(events) > 0 {
			last = events[len(events)-1]
		}
	}
	if most := tellBurst + int(time.Hour/tellInterval) + 1; told > most || told < tellBurst {
		t.Errorf("%d lines, want %d to %d", told, tellBurst, most)
	}
	for range 20 { // it has come to rest, without carrier
		now = now.Add(tellInterval)
		if _, events := f.Look(now, present(with(iface(2, "eth0"), func(s *link.State) { s.Running = false }))); len(events) > 0 {
			last = events[len(events)-1]
		}
	}
	if !strings.Contains(last.Text, "it has no carrier now") {
		t.Errorf("the last that was told is %q", last.Text)
	}
}
