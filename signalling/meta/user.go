package meta

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// UserState is where a user's machine is.
type UserState uint8

// The states of the user side.
const (
	UserIdle       UserState = iota // no channel, and none wanted
	UserWaiting                     // holds ASSIGN REQUEST back (10.2)
	UserRequesting                  // waits for ASSIGNED or DENIED
	UserAssigned                    // has a channel
	UserReleasing                   // repeats REMOVED
	numUserStates
)

var userStateNames = [numUserStates]string{"Idle", "Waiting", "Requesting", "Assigned", "Releasing"}

// String gives the state's name.
func (s UserState) String() string {
	if s < numUserStates {
		return userStateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// userEvent is what may happen to a user's machine.
type userEvent uint8

const (
	userRequest userEvent = iota
	userRelease
	userAssigned
	userDenied
	userCheck
	userRemoved
	userT01
	userT03
	userT05
	numUserEvents
)

// userTable has a handler for each event that means something in a state.
var userTable = [numUserStates][numUserEvents]func(*User){
	UserIdle: {
		userRequest: (*User).wait, userAssigned: (*User).returnLate,
	},
	UserWaiting: {
		userRelease: (*User).forget, userT03: (*User).request, userAssigned: (*User).returnLate,
	},
	UserRequesting: {
		userRelease: (*User).cancel, userAssigned: (*User).accept, userDenied: (*User).denied, userT01: (*User).again,
	},
	UserAssigned: {
		userRelease: (*User).release, userAssigned: (*User).robbed, userCheck: (*User).checked, userRemoved: (*User).removed,
		userT03: (*User).respond,
	},
	UserReleasing: {
		userRemoved: (*User).released, userT05: (*User).remove,
	},
}

// UserConfig is a user's end.
type UserConfig struct {
	Configuration Configuration
	Profile       Profile // at most MaxProfile octets
	Rate          uint32  // of the channel, cells a second: 1 to 2^24-1
	Timers        Timers

	// Seed makes reference identifiers and delays. Users on one interface, and
	// lives of one program, must have different ones.
	Seed uint64
}

// User is the user side of meta-signalling for one pair of signalling
// channels: see the package's comment. Make it with NewUser. It is not safe
// for use by two goroutines at once.
type User struct {
	outbox
	cfg   UserConfig
	rng   *rand.Rand
	state UserState
	now   time.Duration

	t01, t03, t05 timer
	tries         int
	reference     uint16 // of the request
	given         uint16 // of the last request that was given up
	checkRef      uint16 // of the check that is answered later
	have          Message
	in            Message
}

// NewUser makes a machine in state UserIdle. The error wraps ErrConfig.
func NewUser(cfg UserConfig) (*User, error) {
	if err := cfg.Timers.validate(); err != nil {
		return nil, err
	}
	probe := Message{Type: AssignRequest, Reference: 1, Configuration: cfg.Configuration, Rate: cfg.Rate, Profile: cfg.Profile}
	if probe.check() != nil || cfg.Configuration > Selective {
		return nil, fmt.Errorf("%w: configuration %d, rate %d or profile %q", ErrConfig, cfg.Configuration, cfg.Rate, string(cfg.Profile))
	}
	return &User{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 1))}, nil
}

// State gives the state.
func (u *User) State() UserState { return u.state }

// Request asks for a channel: Ready or Gone will tell. ErrState unless idle.
func (u *User) Request(now time.Duration) error { return u.order(now, userRequest) }

// Release gives the channel back, or forgets the request. ErrState if there is
// neither.
func (u *User) Release(now time.Duration) error { return u.order(now, userRelease) }

func (u *User) order(now time.Duration, e userEvent) error {
	u.now = max(u.now, now)
	if !u.handle(e) {
		return ErrState
	}
	return nil
}

// handle calls the handler, if there is one.
func (u *User) handle(e userEvent) bool {
	h := userTable[u.state][e]
	if h == nil {
		return false
	}
	h(u)
	return true
}

// Receive takes the payload of a cell that came on VCI 1. The error says why
// it was dropped; it is counted, and good for a trace only.
func (u *User) Receive(now time.Duration, cell []byte) error {
	u.now = max(u.now, now)
	m, err := u.take(cell, fromNetwork)
	if err != nil {
		return err
	}
	u.in = m
	event := map[Type]userEvent{Assigned: userAssigned, Denied: userDenied, CheckRequest: userCheck, Removed: userRemoved}[m.Type]
	if !u.handle(event) {
		u.count.Ignored++
	}
	return nil
}

// Timeout says when HandleTimeout must be called next, and whether at all.
func (u *User) Timeout() (time.Duration, bool) {
	t := sooner(sooner(u.t01, u.t03), u.t05)
	return t.at, t.running
}

// HandleTimeout lets the timers expire that are due at now.
func (u *User) HandleTimeout(now time.Duration) {
	u.now = max(u.now, now)
	for _, t := range []struct {
		timer *timer
		event userEvent
	}{{&u.t01, userT01}, {&u.t03, userT03}, {&u.t05, userT05}} {
		if t.timer.due(u.now) {
			u.handle(t.event)
		}
	}
}

func (u *User) enter(s UserState) {
	u.state = s
	u.t01.stop()
	u.t03.stop()
	u.t05.stop()
}

func (u *User) tell(kind ActionKind, c Cause) {
	u.actions = append(u.actions, Action{
		Kind: kind, ChannelA: u.have.ChannelA, ChannelB: u.have.ChannelB, Rate: u.have.Rate, Profile: u.cfg.Profile, Cause: c,
	})
}

// hold starts T03 with a random part of it, so that users that have the same
// reason to send do not all send at once (10.2).
func (u *User) hold() { u.t03.start(u.now, time.Duration(u.rng.Int64N(int64(u.cfg.Timers.T03)))) }

// mine says whether the message answers this user's request.
func (u *User) mine(reference uint16) bool {
	return u.in.Reference == reference && u.in.Profile == u.cfg.Profile
}

// wait: 10.2, 10.4.
func (u *User) wait() {
	u.enter(UserWaiting)
	u.hold()
}

// request: 10.4.
func (u *User) request() {
	u.enter(UserRequesting)
	u.tries = 0
	u.reference = uint16(1 + u.rng.IntN(1<<16-1))
	u.again()
}

// again: 10.4, T01. The same reference, so that the network knows a repetition.
func (u *User) again() {
	if u.tries == u.cfg.Timers.N01 {
		u.cancel()
		u.tell(Gone, NoResponse)
		return
	}
	u.tries++
	u.send(Message{Type: AssignRequest, Reference: u.reference, Configuration: u.cfg.Configuration, Rate: u.cfg.Rate, Profile: u.cfg.Profile})
	u.t01.start(u.now, u.cfg.Timers.T01)
}

// accept: 10.4.
func (u *User) accept() {
	if !u.mine(u.reference) {
		u.count.Ignored++
		return
	}
	u.have = u.in
	u.enter(UserAssigned)
	u.tell(Ready, 0)
}

// denied: 10.4.
func (u *User) denied() {
	if !u.mine(u.reference) {
		u.count.Ignored++
		return
	}
	u.enter(UserIdle)
	u.tell(Gone, u.in.Cause)
}

func (u *User) forget() { u.enter(UserIdle) }

// cancel gives the request up. Its answer may still come.
func (u *User) cancel() {
	u.given = u.reference
	u.enter(UserIdle)
}

// returnLate gives back what was assigned to a request that was given up.
func (u *User) returnLate() {
	if u.given == 0 || !u.mine(u.given) {
		u.count.Ignored++
		return
	}
	u.send(Message{Type: Removed, ChannelA: u.in.ChannelA, Cause: ByUser})
}

// robbed: our channel is given to another (10.5). A repetition of our own
// ASSIGNED is none.
func (u *User) robbed() {
	if u.in.ChannelA != u.have.ChannelA || u.mine(u.have.Reference) {
		u.count.Ignored++
		return
	}
	u.lose(Duplicate)
}

func (u *User) lose(c Cause) {
	u.enter(UserIdle)
	u.tell(Gone, c)
	u.have = Message{}
}

// checked: 10.5. A check of all is answered later (10.2).
func (u *User) checked() {
	switch u.in.ChannelA {
	case 0:
		u.checkRef = u.in.Reference
		if !u.t03.running {
			u.hold()
		}
	case u.have.ChannelA:
		u.checkRef = u.in.Reference
		u.t03.stop()
		u.respond()
	default:
		u.count.Ignored++
	}
}

// respond: 10.5.
func (u *User) respond() {
	u.send(Message{Type: CheckResponse, Reference: u.checkRef, ChannelA: u.have.ChannelA, ChannelB: u.have.ChannelB, Profile: u.cfg.Profile})
}

// removed: 10.6.
func (u *User) removed() {
	if u.in.ChannelA != 0 && u.in.ChannelA != u.have.ChannelA {
		u.count.Ignored++
		return
	}
	u.lose(u.in.Cause)
}

// release: 10.6.
func (u *User) release() {
	u.enter(UserReleasing)
	u.tries = 0
	u.remove()
}

// remove: 10.6, T05. Nothing answers REMOVED, so it is said several times.
func (u *User) remove() {
	if u.tries == u.cfg.Timers.N05 {
		u.lose(ByUser)
		return
	}
	u.tries++
	u.send(Message{Type: Removed, ChannelA: u.have.ChannelA, Cause: ByUser})
	u.t05.start(u.now, u.cfg.Timers.T05)
}

// released: the network has removed it meanwhile.
func (u *User) released() {
	if u.in.ChannelA != 0 && u.in.ChannelA != u.have.ChannelA {
		u.count.Ignored++
		return
	}
	u.lose(ByUser)
}
