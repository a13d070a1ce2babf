// Package follow keeps devices open on the kernel's interfaces: what may become of an
// interface, and what is to be done about it.
package follow

import (
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/nic/link"
)

// RetryInterval is how soon what could not be opened, or is gone again, is tried again.
const RetryInterval = time.Second

// Role is what a followed device is to the tunnel.
type Role int

// The roles.
const (
	Made  Role = iota // a TAP or TUN that we make, and makes again
	Taken             // one of an administrator's, taken again when it is made again
	Ether             // an Ethernet port's interface, known by its index
	UDP               // the interface that a UDP port's datagrams leave by
)

// Sight is what the kernel shows of a followed device at one moment.
type Sight struct {
	Unknown   bool         // it did not answer: nothing is known
	Present   bool         // the interface is there
	Elsewhere bool         // a TAP: in another network namespace
	Moved     bool         // not present: it went to another namespace
	Now       link.State   // of the interface; in another namespace at least its name
	Master    string       // of the bridge or bond that it belongs to
	Named     []link.State // interfaces that have a name of it and are not it
	NoPath    string       // UDP: why there is no way to the peer; empty: there is
	MTU       int          // octets of a packet: the interface's or, over UDP, the path's
}

// Order is what is to be done about a device.
type Order struct {
	Do  Action
	On  link.State // to open: the interface; index 0: it is to be made
	MTU int        // to resize: octets of a packet
}

// Action is what an order asks for.
type Action int

// The actions.
const (
	DoNothing   Action = iota
	DoOpen             // open a device, and give up the one before
	DoResize           // frames have another limit now
	DoReaddress        // frames come from another station now
)

// Event is something that the user is told.
type Event struct {
	Kind string // for machines: one word
	Dev  string // the interface
	Text string // a line for people
}

// Level is how well an interface does.
type Level int

// The levels.
const (
	Works Level = iota // from the best to the worst
	NoCarrier
	Unreachable
	Down
	Gone
)

var levelKinds = [...]string{Works: "back", NoCarrier: "no-carrier", Unreachable: "no-path", Down: "down", Gone: "gone"}

// Follower keeps one device on its interface. It is a machine without a clock and without questions of its own: Look
// is told what there is, and when, and answers what to do and what to tell; Done is told what became of it. The
// interface is followed by its number; a name only finds another when that is gone.
type Follower struct {
	Role     Role
	Want     string     // the name that the user gave; empty: a route finds the interface
	Called   string     // the name it had last
	Opened   link.State // what the device is open on; index 0: nothing is
	MTU      int        // that it is open for
	Level    Level      // as last told
	away     bool       // told to be in another namespace
	master   string     // as last told
	stranger int        // the interface that has the wanted name while ours has another
	next     time.Time  // not to be opened before
	trouble  string     // what last failed, as told
	limit    limiter
}

// New makes a follower of a device that is open on an interface with that MTU; want is the
// name that the user gave.
func New(role Role, want string, opened link.State, mtu int) *Follower {
	return &Follower{Role: role, Want: want, Called: opened.Name, Opened: opened, MTU: mtu}
}

// Retry lets what could not be opened be tried at once, and told again when it fails.
func (f *Follower) Retry() { f.next, f.trouble = time.Time{}, "" }

// Look compares what there is with what the device is open on.
func (f *Follower) Look(now time.Time, s Sight) (Order, []Event) {
	if s.Unknown {
		return Order{}, nil
	}
	var events []Event
	var what Order
	if s.Present {
		what, events = f.lookAtOurs(s)
	} else {
		what, events = f.lookForAnother(s)
	}
	if what.Do == DoOpen && now.Before(f.next) {
		what = Order{}
	}
	return what, f.limit.pass(now, f.Called, f.Level, events)
}

// Step looks once, has done what is to be done, and gives what is to be told.
func (f *Follower) Step(see func() Sight, open func(Order) (link.State, error), change func(Order) error) []Event {
	what, events := f.Look(time.Now(), see())
	on, err := what.On, error(nil)
	switch what.Do {
	case DoNothing:
		return events
	case DoOpen:
		on, err = open(what)
		if what.MTU == 0 {
			what.MTU = on.MTU
		}
	case DoResize, DoReaddress:
		err = change(what)
	}
	events = append(events, f.Done(time.Now(), what, on, err)...)
	if what.Do == DoOpen && err == nil { // its state is news
		_, news := f.Look(time.Now(), see())
		events = append(events, news...)
	}
	return events
}

// lookAtOurs is for an interface that is still there.
func (f *Follower) lookAtOurs(s Sight) (Order, []Event) {
	var events []Event
	tell := func(kind, format string, args ...any) {
		events = append(events, Event{Kind: kind, Dev: f.Called, Text: fmt.Sprintf(format, args...)})
	}
	f.stranger = 0
	if s.Now.Name != f.Want && len(s.Named) > 0 {
		f.stranger = s.Named[0].Index
	}
	switch {
	case f.Role == UDP && f.Want == "":
		if s.Now.Index != f.Opened.Index && f.Called != "" && s.Now.Name != f.Called && f.Level != Gone {
			tell("route", "the peer is reached by %s now, not by %s", s.Now.Name, f.Called)
		}
		f.Opened, f.Called = s.Now, s.Now.Name
	case s.Elsewhere != f.away && s.Elsewhere:
		tell("moved", "%s is in another network namespace now, called %s there; traffic goes on", f.Called, s.Now.Name)
	case s.Elsewhere != f.away:
		tell("moved", "%s is back in this network namespace, called %s", f.Called, s.Now.Name)
	case s.Now.Name != f.Called:
		tell("renamed", "%s is called %s now; traffic goes on", f.Called, s.Now.Name)
	}
	f.away, f.Called = s.Elsewhere, s.Now.Name
	if s.Now.Index == 0 { // in a namespace that cannot be looked into
		return Order{}, events
	}
	if s.Master != f.master {
		if s.Master != "" && f.Role == Ether {
			tell("enslaved", "%s belongs to %s now, which gets all its frames: take it out, or put the port on %s", f.Called, s.Master, s.Master)
		}
		f.master = s.Master
	}
	events = append(events, f.tell(f.judge(s), s)...)
	switch {
	case f.Opened.Index == 0:
		return Order{Do: DoOpen, On: s.Now, MTU: s.MTU}, events
	case f.Role == Ether && !slices.Equal(s.Now.HardwareAddr, f.Opened.HardwareAddr):
		return Order{Do: DoReaddress, On: s.Now, MTU: f.MTU}, events
	case s.MTU != f.MTU && s.MTU != 0 && s.NoPath == "":
		return Order{Do: DoResize, On: s.Now, MTU: s.MTU}, events
	}
	return Order{}, events
}

// lookForAnother is for an interface that is gone: another may have come under its name.
func (f *Follower) lookForAnother(s Sight) (Order, []Event) {
	f.Opened, f.away, f.master = link.State{}, false, ""
	state := Gone
	if f.Called == "" { // no route has led to an interface yet
		state = Unreachable
	}
	events := f.tell(state, s)
	if f.Role == Made {
		return Order{Do: DoOpen}, events
	}
	for _, candidate := range s.Named {
		if candidate.Index != f.stranger {
			return Order{Do: DoOpen, On: candidate, MTU: candidate.MTU}, events
		}
	}
	return Order{}, events
}

// Done is told what became of an order. On success the device is open on the interface as given.
func (f *Follower) Done(now time.Time, what Order, on link.State, err error) []Event {
	if what.Do == DoOpen {
		f.next = now.Add(RetryInterval)
	}
	if err != nil {
		if err.Error() == f.trouble {
			return nil
		}
		f.trouble = err.Error()
		return []Event{{"error", f.Called, fmt.Sprintf("%s: %v", f.Called, err)}}
	}
	f.trouble = ""
	var events []Event
	if f.MTU != 0 && what.MTU != f.MTU && what.MTU != 0 && f.Opened.Index == on.Index {
		events = append(events, Event{Kind: "mtu", Dev: on.Name, Text: f.mtuText(on, what.MTU)})
	}
	f.Opened, f.Called, f.MTU = on, on.Name, what.MTU
	if what.MTU == 0 {
		f.MTU = on.MTU
	}
	return events
}

func (f *Follower) mtuText(on link.State, mtu int) string {
	if mtu < on.MTU {
		return fmt.Sprintf("%s has MTU %d, but the path to the peer holds %d octets now", on.Name, on.MTU, mtu)
	}
	return fmt.Sprintf("%s has MTU %d now", on.Name, mtu)
}

// judge says how well an interface that is there does. A TAP's carrier is ours to give.
func (f *Follower) judge(s Sight) Level {
	switch {
	case !s.Now.Up:
		return Down
	case s.NoPath != "":
		return Unreachable
	case !s.Now.Running && (f.Role == Ether || f.Role == UDP):
		return NoCarrier
	}
	return Works
}

// tell says what has become of the interface: worse things once, and that it is back. One that was deleted comes back
// down at first, which is not worth a line.
func (f *Follower) tell(now Level, s Sight) []Event {
	was := f.Level
	if now < was && now != Works || now == was {
		return nil
	}
	f.Level = now
	text := f.Called
	switch now {
	case Works:
		return []Event{{levelKinds[now], f.Called, text + " is back"}}
	case NoCarrier:
		text += " has no carrier"
	case Unreachable:
		text = s.NoPath
	case Down:
		text += " is down"
	case Gone:
		text += " was deleted"
		if s.Moved {
			text = f.Called + " was moved to another network namespace, where this tunnel cannot follow it"
		}
	}
	return []Event{{levelKinds[now], f.Called, text + "; traffic goes on when it returns"}}
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

func (l *limiter) pass(now time.Time, dev string, state Level, events []Event) []Event {
	if n := int(now.Sub(l.since) / tellInterval); n > 0 {
		l.spent = max(0, l.spent-n)
		l.since = l.since.Add(time.Duration(n) * tellInterval)
		if l.spent == 0 {
			l.since = now
		}
	}
	if l.silent > 0 && l.spent < tellBurst && len(events) == 0 {
		how := [...]string{Works: "works", NoCarrier: "has no carrier", Unreachable: "has no path to the peer", Down: "is down", Gone: "is gone"}[state]
		events = []Event{{levelKinds[state], dev, fmt.Sprintf("%s has changed %d times more; it %s now", dev, l.silent, how)}}
		l.silent = 0
	}
	room := min(tellBurst-l.spent, len(events))
	l.spent += room
	l.silent += len(events) - room
	return events[:room]
}
