package meta

import (
	"errors"
	"fmt"
	"time"
)

// What a request may be refused for.
var (
	ErrState   = errors.New("meta: no such request in this state")
	ErrConfig  = errors.New("meta: bad configuration")
	ErrUnknown = errors.New("meta: no such channel")
)

// ActionKind says what is to be done.
type ActionKind uint8

// The actions, and which fields of Action go with them.
const (
	// Send: transmit Cell on VCI 1.
	Send ActionKind = iota
	// Ready (user): ChannelA, with ChannelB and Rate, is ours.
	Ready
	// Gone (user): it is no longer, for Cause; or the request has failed, with
	// NoResponse if the network did not answer.
	Gone
	// Allocated (network): ChannelA, with ChannelB and Rate, is Profile's.
	Allocated
	// Freed (network): it is no longer, for Cause. It is not given to another
	// user before all repetitions of REMOVED have been sent.
	Freed
)

var actionNames = [...]string{"Send", "Ready", "Gone", "Allocated", "Freed"}

// String gives the action's name.
func (k ActionKind) String() string {
	if int(k) < len(actionNames) {
		return actionNames[k]
	}
	return fmt.Sprintf("action %d", uint8(k))
}

// Action is something that the caller has to do, or to know.
type Action struct {
	Kind     ActionKind
	Cell     [CellPayload]byte
	ChannelA uint16
	ChannelB uint16
	Rate     uint32
	Profile  Profile
	Cause    Cause
}

// Timers are the timers of clause 11 and how often a message is sent. The
// names are T01 to T05; what each of them is for, and the values that
// DefaultTimers gives, are ours: see the package's comment.
type Timers struct {
	T01 time.Duration // user: for an answer to ASSIGN REQUEST
	T02 time.Duration // network: for an answer to CHECK REQUEST; longer than T03
	T03 time.Duration // user: at most so long it holds back what many may send at once (10.2)
	T04 time.Duration // network: between checks of all channels; 0: none
	T05 time.Duration // both: between repetitions of REMOVED

	N01, N02, N05 int // how often ASSIGN REQUEST, CHECK REQUEST, REMOVED are sent at most; 1 to MaxTries
}

// MaxTries is how often a message may be sent at most.
const MaxTries = 100

// DefaultTimers gives values in the manner of Q.921's management of TEIs.
func DefaultTimers() Timers {
	return Timers{
		T01: 2 * time.Second, T02: 2 * time.Second, T03: time.Second, T04: time.Minute, T05: 500 * time.Millisecond,
		N01: 3, N02: 3, N05: 3,
	}
}

func (t Timers) validate() error {
	for _, d := range []time.Duration{t.T01, t.T02, t.T03, t.T05} {
		if d <= 0 || d > time.Hour {
			return fmt.Errorf("%w: a timer of %v", ErrConfig, d)
		}
	}
	if t.T04 < 0 || t.T04 > 24*time.Hour || t.T02 <= t.T03 {
		return fmt.Errorf("%w: T04 is %v, T02 is %v, T03 is %v", ErrConfig, t.T04, t.T02, t.T03)
	}
	for _, n := range []int{t.N01, t.N02, t.N05} {
		if n < 1 || n > MaxTries {
			return fmt.Errorf("%w: %d tries, not 1 to %d", ErrConfig, n, MaxTries)
		}
	}
	return nil
}

// timer runs until at, or does not run.
type timer struct {
	at      time.Duration
	running bool
}

func (t *timer) start(now, d time.Duration) { *t = timer{now + d, true} }

func (t *timer) stop() { t.running = false }

// due stops the timer and says that it has expired, if it has.
func (t *timer) due(now time.Duration) bool {
	if !t.running || t.at > now {
		return false
	}
	t.running = false
	return true
}

// sooner gives the earlier of two deadlines.
func sooner(a, b timer) timer {
	if !a.running || b.running && b.at < a.at {
		return b
	}
	return a
}

// Counters count since the machine was made.
type Counters struct {
	Received [numTypes]uint64 // messages that could be read and are for this side
	Sent     [numTypes]uint64
	Invalid  uint64 // cells dropped: wrong length, CRC, discriminator, version, type or parameter
	Side     uint64 // messages dropped that this side sends itself
	Ignored  uint64 // messages that mean nothing to us, or not in this state
}

// outbox collects actions.
type outbox struct {
	actions []Action
	count   Counters
}

// Actions gives what is to be done, in order, and forgets it. The list is the
// caller's.
func (o *outbox) Actions() []Action {
	list := o.actions
	o.actions = nil
	return list
}

// Counters gives a copy of the counters.
func (o *outbox) Counters() Counters { return o.count }

// send gives out a message of ours, which is always one that can be written.
func (o *outbox) send(m Message) {
	cell, err := Encode(m)
	if err != nil {
		panic(err) // ours, not the peer's
	}
	o.count.Sent[m.Type]++
	o.actions = append(o.actions, Action{Kind: Send, Cell: cell})
}

// take reads a cell that the other side has sent.
func (o *outbox) take(cell []byte, from side) (Message, error) {
	m, err := Decode(cell)
	if err != nil {
		o.count.Invalid++
		return m, err
	}
	if messages[m.Type].from&from == 0 {
		o.count.Side++
		return m, ErrType
	}
	o.count.Received[m.Type]++
	return m, nil
}
