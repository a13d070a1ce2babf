package meta

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// ChannelState is where the network is with one user's channel.
type ChannelState uint8

// The states of a channel at the network.
const (
	ChannelFree     ChannelState = iota // nobody has it
	ChannelAssigned                     // somebody has it
	ChannelChecking                     // waits for CHECK RESPONSE
	ChannelRemoving                     // repeats REMOVED
	numChannelStates
)

var channelStateNames = [numChannelStates]string{"Free", "Assigned", "Checking", "Removing"}

// String gives the state's name.
func (s ChannelState) String() string {
	if s < numChannelStates {
		return channelStateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

type channelEvent uint8

const (
	channelRequest  channelEvent = iota // the request that it was assigned for, again
	channelResponse                     // CHECK RESPONSE
	channelRemoved                      // REMOVED of the user
	channelCheck                        // by order
	channelRemove                       // by order
	channelT02
	channelT05
	numChannelEvents
)

// channelTable has a handler for each event that means something in a state.
var channelTable = [numChannelStates][numChannelEvents]func(*Network, *channel){
	ChannelFree: {
		channelResponse: (*Network).unknown,
	},
	ChannelAssigned: {
		channelRequest: (*Network).assign, channelRemoved: (*Network).returned, channelCheck: (*Network).check, channelRemove: (*Network).remove,
	},
	ChannelChecking: {
		channelRequest: (*Network).assign, channelResponse: (*Network).response, channelRemoved: (*Network).returned,
		channelRemove: (*Network).remove, channelT02: (*Network).concludes,
	},
	ChannelRemoving: {
		channelT05: (*Network).removeAgain,
	},
}

// Limits of a NetworkConfig.
const (
	MaxChannels = 1024 // signalling channels of an interface
	MaxRate     = 1<<24 - 1
)

// NetworkConfig is the network's end of one interface.
type NetworkConfig struct {
	First, Last uint16    // VCIs of signalling channels, from 32 and at most MaxChannels of them
	Broadcast   uint16    // VCI of the broadcast channel of all users; 0: there is none
	Selective   bool      // profiles may have broadcast channels of their own
	Rate        uint32    // the highest that a user may have, cells a second
	Profiles    []Profile // those that are known; none: all are
	Timers      Timers
	Seed        uint64 // makes reference identifiers; differs from life to life
}

// channel is one user's pair of channels.
type channel struct {
	state     ChannelState
	request   Message // that it was assigned for
	a, b      uint16
	cause     Cause // of its removal
	t02, t05  timer
	tries     int
	checkRef  uint16
	responses int
}

// Network is the network side of meta-signalling for one interface: see the
// package's comment. Make it with NewNetwork. It is not safe for use by two
// goroutines at once.
type Network struct {
	outbox
	cfg      NetworkConfig
	rng      *rand.Rand
	now      time.Duration
	channels []*channel // that are not free, by VCI of A
	next     uint16     // where the search for a free one begins
	audit    timer      // T04
	restart  timer      // T05 for REMOVED of all
	restarts int
	in       Message
	global   uint16 // reference of the check of all that goes out, or 0
}

// NewNetwork makes a machine that has assigned nothing. The error wraps
// ErrConfig.
func NewNetwork(cfg NetworkConfig) (*Network, error) {
	if err := cfg.Timers.validate(); err != nil {
		return nil, err
	}
	if cfg.First < 32 || cfg.Last < cfg.First || cfg.Last-cfg.First >= MaxChannels {
		return nil, fmt.Errorf("%w: VCIs %d to %d, not from 32 and up to %d", ErrConfig, cfg.First, cfg.Last, MaxChannels)
	}
	if cfg.Rate < 1 || cfg.Rate > MaxRate || cfg.Broadcast >= cfg.First && cfg.Broadcast <= cfg.Last {
		return nil, fmt.Errorf("%w: rate %d, broadcast channel %d", ErrConfig, cfg.Rate, cfg.Broadcast)
	}
	return &Network{cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 2)), next: cfg.First}, nil
}

// Start tells all users that nothing is assigned, in case an earlier life had
// assigned something (10.6).
func (n *Network) Start(now time.Duration) {
	n.now = max(n.now, now)
	n.restarts = 0
	n.removeAll()
	n.startAudit()
}

func (n *Network) removeAll() {
	if n.restarts == n.cfg.Timers.N05 {
		return
	}
	n.restarts++
	n.send(Message{Type: Removed, Cause: Restart})
	n.restart.start(n.now, n.cfg.Timers.T05)
}

func (n *Network) startAudit() {
	if n.cfg.Timers.T04 > 0 {
		n.audit.start(n.now, n.cfg.Timers.T04)
	}
}

// State gives the state of a channel.
func (n *Network) State(a uint16) ChannelState { return n.channel(a).state }

// Check asks whether the user of a channel is there, or those of all (0), and
// frees channels that nobody has (10.5). ErrUnknown if it is not assigned.
func (n *Network) Check(now time.Duration, a uint16) error {
	n.now = max(n.now, now)
	if a == 0 {
		n.checkAll()
		return nil
	}
	return n.order(a, channelCheck)
}

// Remove takes a channel away (10.6). ErrUnknown if it is not assigned.
func (n *Network) Remove(now time.Duration, a uint16) error {
	n.now = max(n.now, now)
	return n.order(a, channelRemove)
}

func (n *Network) order(a uint16, e channelEvent) error {
	c := n.channel(a)
	if channelTable[c.state][e] == nil {
		return ErrUnknown
	}
	c.cause = Unspecified
	n.handle(c, e)
	return nil
}

// channel finds a channel, or gives one that is free.
func (n *Network) channel(a uint16) *channel {
	if i, ok := n.search(a); ok {
		return n.channels[i]
	}
	return &channel{a: a}
}

func (n *Network) search(a uint16) (int, bool) {
	return slices.BinarySearchFunc(n.channels, a, func(c *channel, a uint16) int { return int(c.a) - int(a) })
}

func (n *Network) handle(c *channel, e channelEvent) {
	h := channelTable[c.state][e]
	if h == nil {
		n.count.Ignored++
		return
	}
	h(n, c)
}

// Receive takes the payload of a cell that came on VCI 1. The error says why
// it was dropped; it is counted, and good for a trace only.
func (n *Network) Receive(now time.Duration, cell []byte) error {
	n.now = max(n.now, now)
	m, err := n.take(cell, fromUser)
	if err != nil {
		return err
	}
	n.in = m
	switch m.Type {
	case AssignRequest:
		n.requested()
	case CheckResponse:
		n.handle(n.channel(m.ChannelA), channelResponse)
	case Removed:
		n.handle(n.channel(m.ChannelA), channelRemoved)
	}
	return nil
}

// Timeout says when HandleTimeout must be called next, and whether at all.
func (n *Network) Timeout() (time.Duration, bool) {
	t := sooner(n.audit, n.restart)
	for _, c := range n.channels {
		t = sooner(t, sooner(c.t02, c.t05))
	}
	return t.at, t.running
}

// HandleTimeout lets the timers expire that are due at now.
func (n *Network) HandleTimeout(now time.Duration) {
	n.now = max(n.now, now)
	if n.restart.due(n.now) {
		n.removeAll()
	}
	for _, c := range slices.Clone(n.channels) {
		if c.t02.due(n.now) {
			n.handle(c, channelT02)
		}
		if c.t05.due(n.now) {
			n.handle(c, channelT05)
		}
	}
	if n.audit.due(n.now) {
		n.checkAll()
		n.startAudit()
	}
}

// requested: 10.4.
func (n *Network) requested() {
	for _, c := range n.channels {
		if c.request == n.in { // said again: the answer was lost
			n.handle(c, channelRequest)
			return
		}
	}
	if cause := n.refuses(); cause != 0 {
		n.deny(cause)
		return
	}
	b, ok := n.broadcast()
	a := n.free(b)
	if !ok || a == 0 {
		n.deny(NoChannel)
		if slices.ContainsFunc(n.channels, func(c *channel) bool { return c.state == ChannelAssigned }) {
			n.checkAll() // perhaps somebody has gone
		}
		return
	}
	c := &channel{state: ChannelAssigned, request: n.in, a: a, b: b}
	i, _ := n.search(a)
	n.channels = slices.Insert(n.channels, i, c)
	n.next = a + 1
	n.tell(c, Allocated)
	n.assign(c)
}

// refuses gives why a request cannot be had, or 0.
func (n *Network) refuses() Cause {
	switch {
	case len(n.cfg.Profiles) > 0 && !slices.Contains(n.cfg.Profiles, n.in.Profile):
		return UnknownProfile
	case n.in.Rate > n.cfg.Rate:
		return NoRate
	case n.in.Configuration == PointToPoint, n.in.Configuration == General && n.cfg.Broadcast != 0, n.in.Configuration == Selective && n.cfg.Selective:
		return 0
	}
	return NoConfiguration
}

func (n *Network) deny(c Cause) {
	n.send(Message{Type: Denied, Reference: n.in.Reference, Cause: c, Profile: n.in.Profile})
}

// broadcast gives the broadcast channel of the request: that of all, or that
// of the profile, which the first user of it gets a new one for.
func (n *Network) broadcast() (b uint16, ok bool) {
	switch n.in.Configuration {
	case General:
		return n.cfg.Broadcast, true
	case Selective:
		for _, c := range n.channels {
			if c.request.Configuration == Selective && c.request.Profile == n.in.Profile && c.state != ChannelRemoving {
				return c.b, true
			}
		}
		b = n.free(0)
		return b, b != 0
	}
	return 0, true
}

// free finds a channel that nobody has and that is not but, beginning behind
// the last one given: one that has just come free is given as late as can be.
func (n *Network) free(but uint16) uint16 {
	used := map[uint16]bool{but: true}
	for _, c := range n.channels {
		used[c.a], used[c.b] = true, true
	}
	size := int(n.cfg.Last-n.cfg.First) + 1
	for i := range size {
		a := n.cfg.First + uint16((int(n.next-n.cfg.First)+i)%size)
		if !used[a] {
			return a
		}
	}
	return 0
}

func (n *Network) tell(c *channel, kind ActionKind) {
	n.actions = append(n.actions, Action{
		Kind: kind, ChannelA: c.a, ChannelB: c.b, Rate: c.request.Rate, Profile: c.request.Profile, Cause: c.cause,
	})
}

// assign: 10.4.
func (n *Network) assign(c *channel) {
	n.send(Message{Type: Assigned, Reference: c.request.Reference, ChannelA: c.a, ChannelB: c.b, Rate: c.request.Rate, Profile: c.request.Profile})
}

// returned: 10.6.
func (n *Network) returned(c *channel) {
	c.cause = n.in.Cause
	n.tell(c, Freed)
	n.drop(c)
}

func (n *Network) drop(c *channel) {
	if i, ok := n.search(c.a); ok {
		n.channels = slices.Delete(n.channels, i, i+1)
	}
}

// checkAll asks all users at once (10.5), those that we do not know of too.
func (n *Network) checkAll() {
	n.global = n.reference()
	n.send(Message{Type: CheckRequest, Reference: n.global})
	for _, c := range n.channels {
		if c.state == ChannelAssigned {
			n.check(c)
		}
	}
	n.global = 0
}

func (n *Network) reference() uint16 { return uint16(1 + n.rng.IntN(1<<16-1)) }

// check: 10.5.
func (n *Network) check(c *channel) {
	c.state, c.tries = ChannelChecking, 0
	n.checkOnce(c)
}

// checkOnce asks one user, if not all are asked at once.
func (n *Network) checkOnce(c *channel) {
	c.tries++
	c.responses, c.checkRef = 0, n.global
	if n.global == 0 {
		c.checkRef = n.reference()
		n.send(Message{Type: CheckRequest, Reference: c.checkRef, ChannelA: c.a})
	}
	c.t02.start(n.now, n.cfg.Timers.T02)
}

// response: 10.5. Two to one question, or one of another profile, mean that
// two users have the channel.
func (n *Network) response(c *channel) {
	if n.in.Reference != c.checkRef {
		n.count.Ignored++
		return
	}
	c.responses++
	if c.responses > 1 || n.in.Profile != c.request.Profile {
		c.cause = Duplicate
		n.remove(c)
	}
}

// concludes: 10.5, T02. It has waited for a second response, too.
func (n *Network) concludes(c *channel) {
	switch {
	case c.responses == 1:
		c.state = ChannelAssigned
	case c.tries < n.cfg.Timers.N02:
		n.checkOnce(c)
	default:
		c.cause = NoResponse
		n.remove(c)
	}
}

// unknown: somebody has a channel that is not assigned (10.5, 10.6).
func (n *Network) unknown(c *channel) {
	n.send(Message{Type: Removed, ChannelA: c.a, Cause: NotAssigned})
}

// remove: 10.6.
func (n *Network) remove(c *channel) {
	c.state, c.tries = ChannelRemoving, 0
	c.t02.stop()
	n.tell(c, Freed)
	n.removeAgain(c)
}

// removeAgain: 10.6, T05. Nothing answers REMOVED, so it is said several times.
func (n *Network) removeAgain(c *channel) {
	if c.tries == n.cfg.Timers.N05 {
		n.drop(c)
		return
	}
	c.tries++
	n.send(Message{Type: Removed, ChannelA: c.a, Cause: c.cause})
	c.t05.start(n.now, n.cfg.Timers.T05)
}
