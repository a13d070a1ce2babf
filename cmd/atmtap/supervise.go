package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// How often the supervisor looks.
const (
	lookInterval = time.Second           // when nothing seems to change: a router's word about the path is no event
	lookPause    = 50 * time.Millisecond // at least between two looks, however much changes
)

// Of the names of remote hosts.
const (
	resolveInterval = 10 * time.Second
	resolveTimeout  = 5 * time.Second
)

// supervisor keeps the tunnel's two devices open on their interfaces. What changes is only
// a reason to look: the state is always read afresh, so that nothing is missed when the
// kernel cannot tell of every change. What to do is decided by the followers.
type supervisor struct {
	t       *tunnel
	out     *display
	changes *link.Changes // nil: watching is to be tried again
	tap     *follow.Follower
	carrier *follow.Follower
	peer    listener
	cable   bool // the TAP has its carrier
	vc      continuity
	proving bool // continuity check has begun
	blind   bool // told that interfaces cannot be watched
	failed  bool // told that the capture has failed

	resolved  chan port.Spec // an answer about the remote's name
	resolving bool
	asked     time.Time
	mtuFits   string    // the complaint about sizes as last told
	degraded  [2]string // what TAP and carrier have given up, as last told

	offloadTrouble string // of the tunnel in the kernel, as last told
}

func newSupervisor(t *tunnel, out *display) *supervisor {
	s := &supervisor{t: t, out: out, cable: true, resolved: make(chan port.Spec, 1)}
	s.peer.patience, s.vc.by = t.c.silence, t.c.proof
	s.tap = follow.New(follow.Made, t.c.name, t.device.opened, t.device.mtu)
	if t.device.existed {
		s.tap.Role = follow.Taken
	}
	s.carrier = follow.New(follow.Ether, t.c.spec.Device, t.underlay, t.underlay.MTU)
	if t.c.spec.Kind == port.UDP {
		s.carrier.Role, s.carrier.Want = follow.UDP, t.c.spec.Zone()
	}
	return s
}

// run looks at every change and every lookInterval, until ctx ends.
func (s *supervisor) run(ctx context.Context, hangup <-chan os.Signal) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	s.complain()
	for ctx.Err() == nil {
		s.watch(ctx)
		s.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookPause):
		}
		var changes <-chan struct{}
		if s.changes != nil {
			changes = s.changes.C()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-s.t.failures:
		case <-hangup:
			s.reload(ctx)
		case spec := <-s.resolved:
			s.resolving = false
			s.turnTo(spec)
		case _, ok := <-changes:
			if !ok {
				s.changes = nil
			}
			s.resolve(ctx) // the network may give the name another address
		}
	}
}

// watch watches interfaces, if it does not already.
func (s *supervisor) watch(ctx context.Context) {
	if s.changes != nil {
		return
	}
	changes, err := link.Watch(ctx)
	if err == nil {
		s.changes, s.blind = changes, false
	} else if !s.blind {
		s.blind = true
		s.out.event(follow.Event{Kind: "error", Dev: "", Text: fmt.Sprintf("cannot watch interfaces, looking every %v instead: %v", lookInterval, err)})
	}
}

// reload is what SIGHUP asks for: what is gone is tried again at once.
func (s *supervisor) reload(ctx context.Context) {
	s.t.service.Reloading()
	s.asked = time.Time{}
	s.tap.Retry()
	s.carrier.Retry()
	s.resolve(ctx)
	s.look(ctx)
	s.t.service.Ready()
}

// look looks once at everything and does what is to be done.
func (s *supervisor) look(ctx context.Context) {
	events := s.carrier.Step(s.seeCarrier, s.openPort, s.changePort)
	events = append(events, s.tap.Step(s.seeTAP, s.openTAP, s.resizeTAP)...)
	s.lookOffload()
	s.prove()
	s.passState()
	s.out.events(events) // when "is back" is read it is true of the TAP too
	s.listen(ctx)
	s.tellDegraded()
	if t := s.t.trace; t != nil && !s.failed && t.Failure() != nil {
		s.failed = true
		s.out.event(follow.Event{Kind: "capture", Dev: s.t.c.name, Text: fmt.Sprintf("the capture has ended, traffic goes on: %v", t.Failure())})
	}
}

// seeTAP looks where the TAP is.
func (s *supervisor) seeTAP() follow.Sight {
	return port.SeeTAP(s.tap, func(look func(nic.Device)) bool { return s.t.hub.Call(func() { look(s.t.dev) }) })
}

// seeCarrier looks at the interface of the carrier and, over UDP, at the way to the peer.
func (s *supervisor) seeCarrier() follow.Sight { return s.t.c.spec.See(s.carrier, s.changes) }

// openTAP makes or takes the TAP again: the one before was deleted.
func (s *supervisor) openTAP(follow.Order) (link.State, error) {
	t := s.t
	dev, err := t.device.open()
	if err != nil {
		return link.State{}, err
	}
	t.hub.Call(func() { err = t.tap.Replace(dev) })
	if err != nil {
		return link.State{}, err
	}
	t.dev, s.cable = dev, true
	return t.device.opened, nil
}

// resizeTAP follows another MTU of the TAP as far as the blocks hold its frames.
func (s *supervisor) resizeTAP(what follow.Order) error {
	t := s.t
	most := t.mostMTU()
	t.device.mtuNow = min(what.MTU, most)
	t.hub.Call(func() {
		if d, ok := t.dev.(nic.Sizer); ok {
			d.SetMaxFrame(t.c.frame(t.device.mtuNow))
			t.tap.Resize()
		}
	})
	if what.MTU > most {
		return fmt.Errorf("its MTU is %d now, and this tunnel was started for %d at most: longer packets are lost; end it and start it with --mtu %d",
			what.MTU, most, what.MTU)
	}
	s.complain()
	return nil
}

// openPort opens the carrier anew and then lets the one before go; no frame comes twice.
func (s *supervisor) openPort(what follow.Order) (link.State, error) {
	t := s.t
	if err := t.openCarrier(t.c.spec, what.On.Index); err != nil {
		return link.State{}, err
	}
	s.complain()
	return what.On, nil
}

// openCarrier puts another device in the place of the carrier's.
func (t *tunnel) openCarrier(spec port.Spec, index int) error {
	if spec.Kind == port.UDP && index != 0 {
		spec = spec.InZone(index)
	}
	before := t.carrier
	if err := t.claim(spec, index); err != nil {
		return err
	}
	opening := port.Opening{Index: index, Replaces: before, Region: t.arena.Region(block.Small)}
	c, err := spec.Open(opening)
	if errors.Is(err, nic.ErrQueueInUse) { // by the one before, on the same interface
		t.hub.Call(t.port.Detach)
		c, err = spec.Open(opening)
	}
	if err != nil {
		return port.Remedy(err)
	}
	t.hub.Call(func() {
		if d, ok := before.(nic.Holder); ok {
			_ = d.Hold() // its interface may be gone
		}
		for i := 0; i < port.MaxLeft && t.port.Poll() > 0; i++ { // what had come before
		}
		if d, ok := c.Device.(nic.Holder); ok {
			err = d.Admit()
		}
		err = errors.Join(err, t.port.Replace(c.Device, c.Own))
	})
	if err == nil {
		t.carrier = c.Device
	}
	return err
}

// changePort follows another address of the carrier, or another MTU. The device stays, and receives on.
func (s *supervisor) changePort(what follow.Order) error {
	if what.Do == follow.DoResize {
		return s.resizePort(what)
	}
	own, err := s.t.c.spec.Station(what.On.Index)
	if err == nil {
		s.t.hub.Call(func() { s.t.port.Readdress(own) })
	}
	return err
}

// resizePort has frames follow the MTU of the carrier, or of the path.
func (s *supervisor) resizePort(what follow.Order) error {
	t := s.t
	ok, err := false, error(nil)
	t.hub.Call(func() {
		if d, sizer := t.carrier.(nic.Sizer); sizer {
			if ok = d.SetMaxFrame(t.c.spec.MaxFrame(what.MTU)); ok {
				err = t.port.Resize()
			}
		}
	})
	if !ok {
		err = t.openCarrier(t.c.spec, what.On.Index)
	}
	if err == nil {
		s.complain()
	}
	return err
}

// complain says when frames of the carrier do not hold the device's packets, once.
func (s *supervisor) complain() {
	if t := s.t; !t.c.spec.Mode.Cells() {
		limit := t.longestSDU(t.carrier.Info().MaxFrame) - t.c.encap.HeaderSize(t.c.payload())
		t.hub.Call(func() { t.tooBig.SetLimit(limit) })
	}
	text := ""
	if err := s.t.fits(s.t.device.mtuNow, s.t.carrier.Info()); err != nil {
		text = fmt.Sprintf("packets that fit go on, longer ones are lost and their senders told: %v", err)
	}
	if text != s.mtuFits && text != "" {
		s.out.event(follow.Event{Kind: "mtu", Dev: s.carrier.Called, Text: text})
	}
	s.mtuFits = text
}

// passState gives the TAP its carrier when the tunnel's own works, and takes it when not:
// then the host sends nothing into the void, and routing takes another way.
func (s *supervisor) passState() {
	works := s.carrier.Level == follow.Works && !s.peer.dead(time.Now()) && !s.vc.down
	if works == s.cable {
		return
	}
	var err error
	s.t.hub.Call(func() { err = nic.SetCarrier(s.t.dev, works) })
	if s.t.offload != nil {
		err = errors.Join(err, s.t.offload.SetCarrier(works))
	}
	if err == nil {
		s.cable = works
		_ = s.seeTAP() // a question makes the kernel notice at once, not within a second
	}
}

// listen follows what comes from the peer.
func (s *supervisor) listen(ctx context.Context) {
	n, ok := s.t.portCounts()
	if !ok {
		return
	}
	s.out.events(s.peer.look(time.Now(), n, s.t.c.name))
	s.t.silence.Store(int64(s.peer.silence))
	if s.peer.silence > 0 {
		s.resolve(ctx)
	}
}

// tellDegraded says once what super-frames the devices have given up, and why.
func (s *supervisor) tellDegraded() {
	var now [2]string
	ok := s.t.hub.Call(func() {
		for i, dev := range [...]nic.Device{s.t.dev, s.t.carrier} {
			if d, is := dev.(nic.Degrader); is {
				now[i] = d.Degraded()
			}
		}
	})
	for i, name := range [...]string{s.tap.Called, s.t.carrier.Info().Name} {
		if ok && now[i] != s.degraded[i] && now[i] != "" {
			s.out.event(follow.Event{Kind: "gso", Dev: name, Text: name + ": " + now[i]})
		}
	}
	if ok {
		s.degraded = now
	}
}

// resolve asks for the address of the remote's name, not too often and not here: a
// resolver that is away makes nothing else wait.
func (s *supervisor) resolve(ctx context.Context) {
	spec := s.t.c.spec
	if spec.Name == "" || s.resolving || time.Since(s.asked) < resolveInterval {
		return
	}
	s.asked, s.resolving = time.Now(), true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		answer, err := spec.Resolve(ctx)
		if err != nil {
			answer = spec // no news
		}
		s.resolved <- answer
	}()
}

// turnTo sends to another address of the remote's.
func (s *supervisor) turnTo(spec port.Spec) {
	was := s.t.c.spec.Remote
	if spec.Remote == was || spec.Remote == (netip.AddrPort{}) {
		return
	}
	index := 0
	if s.carrier.Want != "" {
		index = s.carrier.Opened.Index
	}
	if err := s.t.openCarrier(spec, index); err != nil {
		s.out.event(follow.Event{Kind: "error", Dev: "", Text: fmt.Sprintf("%s is %s now, and cannot be turned to: %v", spec.Name, spec.Remote.Addr(), err)})
		return
	}
	s.t.c.spec = spec
	s.carrier.MTU = 0 // another path
	s.out.event(follow.Event{Kind: "remote", Dev: "", Text: fmt.Sprintf("%s is %s now, no longer %s", spec.Name, spec.Remote.Addr(), was.Addr())})
}

// failed is told of a device's failure, on the hub: the supervisor is to look.
func (t *tunnel) failed(error) {
	select {
	case t.failures <- struct{}{}:
	default: // it is to look already
	}
}
