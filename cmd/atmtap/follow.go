package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

// retryInterval is how soon what could not be opened, or is gone again, is tried again.
const retryInterval = time.Second

// role is what a followed device is to the tunnel.
type role int

const (
	roleMade  role = iota // a TAP or TUN that atmtap makes, and makes again
	roleTaken             // one of an administrator's, taken again when it is made again
	roleEther             // an Ethernet port's interface, known by its index
	roleUDP               // the interface that a UDP port's datagrams leave by
)

// sight is what the kernel shows of a followed device at one moment.
type sight struct {
	unknown   bool         // it did not answer: nothing is known
	present   bool         // the interface is there
	elsewhere bool         // a TAP: in another network namespace
	moved     bool         // not present: it went to another namespace
	now       link.State   // of the interface; in another namespace at least its name
	master    string       // of the bridge or bond that it belongs to
	named     []link.State // interfaces that have a name of it and are not it
	noPath    string       // UDP: why there is no way to the peer; empty: there is
	mtu       int          // octets of a packet: the interface's or, over UDP, the path's
}

// order is what is to be done about a device.
type order struct {
	do  action
	on  link.State // to open: the interface; index 0: it is to be made
	mtu int        // to resize: octets of a packet
}

type action int

const (
	doNothing   action = iota
	doOpen             // open a device, and give up the one before
	doResize           // frames have another limit now
	doReaddress        // frames come from another station now
)

// event is something that the user is told.
type event struct {
	kind string // for machines: one word
	dev  string // the interface
	text string // a line for people
}

// level is how well an interface does.
type level int

const (
	linkWorks level = iota // from the best to the worst
	linkNoCarrier
	linkNoPath
	linkDown
	linkGone
)

var levelKinds = [...]string{linkWorks: "back", linkNoCarrier: "no-carrier", linkNoPath: "no-path", linkDown: "down", linkGone: "gone"}

// follower keeps one device on its interface. It is a machine without a clock and without questions of its own: look
// is told what there is, and when, and answers what to do and what to tell; done is told what became of it. The
// interface is followed by its number; a name only finds another when that is gone.
type follower struct {
	role     role
	want     string     // the name that the user gave; empty: a route finds the interface
	called   string     // the name it had last
	opened   link.State // what the device is open on; index 0: nothing is
	mtu      int        // that it is open for
	level    level      // as last told
	away     bool       // told to be in another namespace
	master   string     // as last told
	stranger int        // the interface that has the wanted name while ours has another
	next     time.Time  // not to be opened before
	trouble  string     // what last failed, as told
	limit    limiter
}

// look compares what there is with what the device is open on.
func (f *follower) look(now time.Time, s sight) (order, []event) {
	if s.unknown {
		return order{}, nil
	}
	var events []event
	var what order
	if s.present {
		what, events = f.lookAtOurs(s)
	} else {
		what, events = f.lookForAnother(s)
	}
	if what.do == doOpen && now.Before(f.next) {
		what = order{}
	}
	return what, f.limit.pass(now, f.called, f.level, events)
}

// lookAtOurs is for an interface that is still there.
func (f *follower) lookAtOurs(s sight) (order, []event) {
	var events []event
	tell := func(kind, format string, args ...any) {
		events = append(events, event{kind, f.called, fmt.Sprintf(format, args...)})
	}
	f.stranger = 0
	if s.now.Name != f.want && len(s.named) > 0 {
		f.stranger = s.named[0].Index
	}
	switch {
	case f.role == roleUDP && f.want == "":
		if s.now.Index != f.opened.Index && f.called != "" && s.now.Name != f.called && f.level != linkGone {
			tell("route", "the peer is reached by %s now, not by %s", s.now.Name, f.called)
		}
		f.opened, f.called = s.now, s.now.Name
	case s.elsewhere != f.away && s.elsewhere:
		tell("moved", "%s is in another network namespace now, called %s there; traffic goes on", f.called, s.now.Name)
	case s.elsewhere != f.away:
		tell("moved", "%s is back in this network namespace, called %s", f.called, s.now.Name)
	case s.now.Name != f.called:
		tell("renamed", "%s is called %s now; traffic goes on", f.called, s.now.Name)
	}
	f.away, f.called = s.elsewhere, s.now.Name
	if s.now.Index == 0 { // in a namespace that cannot be looked into
		return order{}, events
	}
	if s.master != f.master {
		if s.master != "" && f.role == roleEther {
			tell("enslaved", "%s belongs to %s now, which gets all its frames: take it out, or put the port on %s", f.called, s.master, s.master)
		}
		f.master = s.master
	}
	events = append(events, f.tell(f.judge(s), s)...)
	switch {
	case f.opened.Index == 0:
		return order{do: doOpen, on: s.now, mtu: s.mtu}, events
	case f.role == roleEther && !slices.Equal(s.now.HardwareAddr, f.opened.HardwareAddr):
		return order{do: doReaddress, on: s.now, mtu: f.mtu}, events
	case s.mtu != f.mtu && s.mtu != 0 && s.noPath == "":
		return order{do: doResize, on: s.now, mtu: s.mtu}, events
	}
	return order{}, events
}

// lookForAnother is for an interface that is gone: another may have come under its name.
func (f *follower) lookForAnother(s sight) (order, []event) {
	f.opened, f.away, f.master = link.State{}, false, ""
	state := linkGone
	if f.called == "" { // no route has led to an interface yet
		state = linkNoPath
	}
	events := f.tell(state, s)
	if f.role == roleMade {
		return order{do: doOpen}, events
	}
	for _, candidate := range s.named {
		if candidate.Index != f.stranger {
			return order{do: doOpen, on: candidate, mtu: candidate.MTU}, events
		}
	}
	return order{}, events
}

// done is told what became of an order. On success the device is open on the interface as given.
func (f *follower) done(now time.Time, what order, on link.State, err error) []event {
	if what.do == doOpen {
		f.next = now.Add(retryInterval)
	}
	if err != nil {
		if err.Error() == f.trouble {
			return nil
		}
		f.trouble = err.Error()
		return []event{{"error", f.called, fmt.Sprintf("%s: %v", f.called, err)}}
	}
	f.trouble = ""
	var events []event
	if f.mtu != 0 && what.mtu != f.mtu && what.mtu != 0 && f.opened.Index == on.Index {
		events = append(events, event{"mtu", on.Name, f.mtuText(on, what.mtu)})
	}
	f.opened, f.called, f.mtu = on, on.Name, what.mtu
	if what.mtu == 0 {
		f.mtu = on.MTU
	}
	return events
}

func (f *follower) mtuText(on link.State, mtu int) string {
	if mtu < on.MTU {
		return fmt.Sprintf("%s has MTU %d, but the path to the peer holds %d octets now", on.Name, on.MTU, mtu)
	}
	return fmt.Sprintf("%s has MTU %d now", on.Name, mtu)
}

// judge says how well an interface that is there does. A TAP's carrier is ours to give.
func (f *follower) judge(s sight) level {
	switch {
	case !s.now.Up:
		return linkDown
	case s.noPath != "":
		return linkNoPath
	case !s.now.Running && (f.role == roleEther || f.role == roleUDP):
		return linkNoCarrier
	}
	return linkWorks
}

// tell says what has become of the interface: worse things once, and that it is back. One that was deleted comes back
// down at first, which is not worth a line.
func (f *follower) tell(now level, s sight) []event {
	was := f.level
	if now < was && now != linkWorks || now == was {
		return nil
	}
	f.level = now
	text := f.called
	switch now {
	case linkWorks:
		return []event{{levelKinds[now], f.called, text + " is back"}}
	case linkNoCarrier:
		text += " has no carrier"
	case linkNoPath:
		text = s.noPath
	case linkDown:
		text += " is down"
	case linkGone:
		text += " was deleted"
		if s.moved {
			text = f.called + " was moved to another network namespace, where this tunnel cannot follow it"
		}
	}
	return []event{{levelKinds[now], f.called, text + "; traffic goes on when it returns"}}
}

// Limits of what is told of one interface: so many changes at once, and then one an interval.
const (
	tellBurst    = 10
	tellInterval = 10 * time.Second
)

// limiter bounds what is told of an interface that changes all the time. What was left out is summed up, so that the
// last state is always told.
type limiter struct {
	spent  int // of the burst
	since  time.Time
	silent int // changes left out
}

func (l *limiter) pass(now time.Time, dev string, state level, events []event) []event {
	if n := int(now.Sub(l.since) / tellInterval); n > 0 {
		l.spent = max(0, l.spent-n)
		l.since = l.since.Add(time.Duration(n) * tellInterval)
		if l.spent == 0 {
			l.since = now
		}
	}
	if l.silent > 0 && l.spent < tellBurst && len(events) == 0 {
		how := [...]string{linkWorks: "works", linkNoCarrier: "has no carrier", linkNoPath: "has no path to the peer", linkDown: "is down", linkGone: "is gone"}[state]
		events = []event{{levelKinds[state], dev, fmt.Sprintf("%s has changed %d times more; it %s now", dev, l.silent, how)}}
		l.silent = 0
	}
	room := min(tellBurst-l.spent, len(events))
	l.spent += room
	l.silent += len(events) - room
	return events[:room]
}
