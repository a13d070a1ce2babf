package q2931

import (
	"errors"
	"fmt"
	"time"

	"github.com/cellhub/cellhub/signalling/ie"
)

// Side is which end of the interface a machine is.
type Side uint8

// Sides.
const (
	User Side = iota
	Network
)

func (s Side) String() string { return [...]string{"user", "network"}[s&1] }

// Limits, where Config gives none.
const (
	DefaultMaxCalls   = 1 << 17
	DefaultMaxParties = 1 << 10
	// MaxPending is how many messages wait for the link; MaxLeaves how many
	// LEAF SETUP REQUESTs for an answer.
	MaxPending = 4096
	MaxLeaves  = 1024
)

// Config is what a machine is. The zero value is a user side of UNI 4.0.
type Config struct {
	Side    Side
	Version Version // UNI40 when 0
	// Location is who this side says it is in causes: ie.LocationUser for a
	// user, LocationPrivateLocal for a network, unless set.
	Location uint8
	Timers   Timers
	// MaxCalls and MaxParties bound the calls of the interface and the
	// parties of a call.
	MaxCalls, MaxParties int
}

// Errors of Step. Nothing has changed when it returns one.
var (
	ErrNoCall       = errors.New("q2931: no such call")
	ErrNoParty      = errors.New("q2931: no such party")
	ErrState        = errors.New("q2931: not possible in this state")
	ErrVersion      = errors.New("q2931: not in this version of the UNI")
	ErrElement      = errors.New("q2931: element missing or out of place")
	ErrTooManyCalls = errors.New("q2931: too many calls")
	ErrTooMany      = errors.New("q2931: too many parties or leaves")
	ErrKind         = errors.New("q2931: not an event for the machine")
	ErrBusy         = errors.New("q2931: too many messages wait for the link")
)

// Counters count what has no other effect.
type Counters struct {
	BadDiscriminator uint64 // 5.6.1
	TooShort         uint64 // 5.6.2
	BadReference     uint64 // 5.6.3.1
	Ignored          uint64 // messages that a clause says to ignore
	PendingDropped   uint64 // messages for the peer that found MaxPending waiting
}

// Machine is one side of one interface. It does no I/O, knows no clock and
// starts no goroutine; it is not safe for use by several at once.
type Machine struct {
	config   Config
	calls    map[Call]*call
	last     uint32 // call reference given last
	timers   timers
	now      time.Duration
	ready    []Event
	link     link
	start    restarter
	respond  responder
	leaves   map[uint32]*leaf
	lastLeaf uint32
	counters Counters
}

// New makes a machine without calls and with the link released.
func New(config Config) (*Machine, error) {
	switch {
	case config.Side > Network:
		return nil, fmt.Errorf("q2931: no side %d", config.Side)
	case config.Version == 0:
		config.Version = UNI40
	case config.Version&(config.Version-1) != 0 || config.Version > UNI40:
		return nil, fmt.Errorf("q2931: no version %d", config.Version)
	}
	if config.Location > 15 || config.MaxCalls < 0 || config.MaxParties < 0 {
		return nil, errors.New("q2931: location or limit out of range")
	}
	for _, d := range config.Timers.fields() {
		if *d < 0 {
			return nil, errors.New("q2931: a timer is negative")
		}
	}
	if config.MaxCalls == 0 {
		config.MaxCalls = DefaultMaxCalls
	}
	if config.MaxCalls > int(MaxReference)-2 {
		return nil, errors.New("q2931: more calls than call references")
	}
	if config.MaxParties == 0 {
		config.MaxParties = DefaultMaxParties
	}
	if config.Side == Network && config.Location == ie.LocationUser {
		config.Location = ie.LocationPrivateLocal
	}
	config.Timers = config.Timers.complete()
	m := &Machine{config: config, calls: map[Call]*call{}, leaves: map[uint32]*leaf{}}
	return m, nil
}

// Config is the configuration, defaults filled in.
func (m *Machine) Config() Config { return m.config }

// Counters are the counters.
func (m *Machine) Counters() Counters { return m.counters }

// Len is the number of calls.
func (m *Machine) Len() int { return len(m.calls) }

// Deadline is when Tick must be called next; ok is false when no timer runs.
func (m *Machine) Deadline() (at time.Duration, ok bool) {
	if len(m.timers) == 0 {
		return 0, false
	}
	return m.timers[0].at, true
}

// Tick lets timers that are due by now expire.
func (m *Machine) Tick(now time.Duration) {
	m.advance(now)
	for len(m.timers) > 0 && m.timers[0].at <= m.now {
		t := m.timers[0]
		m.timers.stop(t)
		m.expire(t)
	}
}

// advance moves the clock, which never goes back.
func (m *Machine) advance(now time.Duration) {
	if now > m.now {
		m.now = now
	}
}

// Ready is what has to be done, in this order: send, and tell call control. The
// list is the caller's.
func (m *Machine) Ready() []Event {
	out := m.ready
	m.ready = nil
	return out
}

// Step takes one event. now is the time since any fixed moment; it does not go
// back. Step fills in what it chooses: Call of SetupRequest, Party of
// AddPartyRequest, Leaf of LeafRequest. With an error nothing has changed.
func (m *Machine) Step(now time.Duration, e *Event) error {
	m.advance(now)
	switch {
	case e.Kind == 0 || e.Kind >= lastInput:
		return ErrKind
	case e.Kind >= EstablishConfirm:
		m.fromSAAL(e)
		return nil
	case !settled(e.Elements):
		return ErrElement
	}
	switch e.Kind {
	case LinkRequest:
		m.establish()
		return nil
	case RestartRequest:
		return m.restartRequest(e)
	case RestartResponse:
		return m.restartResponse()
	case LeafRequest:
		return m.leafRequest(e)
	case LeafFailureRequest:
		return m.leafFailureRequest(e)
	case SetupRequest:
		return m.setupRequest(e)
	}
	c := m.calls[e.Call]
	if c == nil {
		return ErrNoCall
	}
	cell := &states[m.config.Side][c.state][requestSignals[e.Kind]]
	if cell.do == nil {
		return ErrState
	}
	in := input{event: e}
	cell.do(m, c, &in)
	return in.err
}

// settled says that elements end in codeset 0, so that others can follow.
func settled(elements []ie.Element) bool {
	for i := range elements {
		if elements[i].ID == ie.LockingShiftID || elements[i].ID == ie.NonLockingShiftID && i == len(elements)-1 {
			return false
		}
	}
	return true
}

// do adds an action.
func (m *Machine) do(e Event) { m.ready = append(m.ready, e) }

// indicate tells call control of a message.
func (m *Machine) indicate(k Kind, c *call, in *input) {
	e := Event{Kind: k, Call: c.id}
	if in != nil && in.message != nil {
		e.Elements = in.message.Elements
		e.Cause = find[ie.Cause](in.message)
		e.Party, e.Multi = in.party, in.multi
	}
	m.do(e)
}

// cause makes a cause of this side.
func (m *Machine) cause(value uint8, diagnostics ...byte) *ie.Cause {
	return &ie.Cause{Location: m.config.Location, Value: value, Diagnostics: diagnostics}
}

// expired is cause 102 with the timer's number.
func (m *Machine) expired(timer string) *ie.Cause {
	return m.cause(ie.CauseTimerExpired, []byte(timer)...)
}

func (m *Machine) length(t signal) time.Duration {
	return *m.config.Timers.fields()[t-t301]
}

// run starts a timer.
func (m *Machine) run(t *timer, what signal) { m.timers.start(t, m.now+m.length(what), what) }

// expire hands an expired timer to whom it belongs.
func (m *Machine) expire(t *timer) {
	switch {
	case t.party != nil:
		m.partyExpired(t.call, t.party, t.what)
	case t.call != nil:
		if cell := &states[m.config.Side][t.call.state][t.what]; cell.do != nil {
			cell.do(m, t.call, &input{})
		}
	case t.leaf != nil:
		m.leafExpired(t.leaf)
	case t == &m.start.timer:
		m.restartUnanswered()
	case t == &m.respond.timer:
		m.restartOverdue()
	default:
		m.linkExpired(t)
	}
}
