package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/port"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// portRemedy adds what to do about a refusal of the carrier.
func portRemedy(err error) error {
	switch {
	case errors.Is(err, nic.ErrNeedNetRaw):
		return fmt.Errorf("%w: run as root, or give the capability", err)
	case errors.Is(err, nic.ErrAddressInUse):
		return fmt.Errorf("%w: take another port, or end the program that has it", err)
	}
	return err
}

// retryInterval is how often what is not as it should be is tried again.
const retryInterval = time.Second

// supervise keeps the two devices open on the interfaces that have their names. What
// changes is only a reason to look: the state is always read afresh, so that nothing
// is missed when the kernel cannot tell of every change.
func (t *tunnel) supervise(ctx context.Context, out *display) {
	tap := &follower{t: t, out: out, name: t.c.name, opened: t.device.opened, reopen: t.reopenTAP, ours: !t.device.existed}
	carrier := &follower{t: t, out: out, name: t.underlay.Name, opened: t.underlay, reopen: t.reopenPort, carrier: true}
	followers := []*follower{tap}
	if carrier.name != "" {
		followers = append(followers, carrier)
	}
	told := false
	for ctx.Err() == nil {
		events, err := link.Watch(ctx)
		if err != nil && !told {
			out.message("cannot watch interfaces, looking every %v instead: %v", retryInterval, err)
			told = true
		}
		t.follow(ctx, events, followers)
	}
}

// follow looks at the interfaces at every event, until the events end.
func (t *tunnel) follow(ctx context.Context, events <-chan link.Event, followers []*follower) {
	for {
		well := true
		for _, f := range followers {
			f.look()
			well = well && f.err == nil && f.opened.Index != 0
		}
		var again <-chan time.Time
		if !well || events == nil {
			again = time.After(retryInterval)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.failures:
		case <-again:
			if events == nil {
				return // try to watch again
			}
		case _, ok := <-events:
			if !ok {
				return
			}
		}
	}
}

// follower keeps one device open on its interface.
type follower struct {
	t       *tunnel
	out     *display
	name    string
	opened  link.State // the interface that the device is open on; Index 0 when there is none
	state   linkState  // as last told
	carrier bool
	ours    bool // the interface is made by us: when it is gone, it is made again
	err     error
	reopen  func() error
}

type linkState int

const (
	linkWorks linkState = iota // from the best to the worst
	linkNoCarrier
	linkDown
	linkGone
)

// look compares the interface with what the device is open on, and does what is to be
// done.
func (f *follower) look() {
	now, err := f.find()
	switch {
	case err != nil && !errors.Is(err, link.ErrNotFound):
		return // netlink failed: nothing is known
	case err != nil:
		f.opened = link.State{}
		f.tell(linkGone)
		if !f.ours || !f.open() {
			return
		}
	case f.err != nil || now.Index != f.opened.Index || f.carrier && differs(now, f.opened):
		if !f.open() {
			return
		}
	}
	if now, err = f.find(); err == nil {
		f.tell(stateOf(now))
	}
}

// find is the interface that the device is open on, whatever it is called now, or
// else the one of the name.
func (f *follower) find() (link.State, error) {
	if f.opened.Index != 0 {
		now, err := link.GetIndex(f.opened.Index)
		if err == nil && now.Name != f.name {
			f.out.message("%s is called %s now; traffic goes on", f.name, now.Name)
			f.name = now.Name
		}
		if err == nil {
			return now, nil
		}
	}
	return link.Get(f.name)
}

// differs tells whether a carrier is no longer what its port was set up for.
func differs(now, opened link.State) bool {
	return now.MTU != opened.MTU || !slices.Equal(now.HardwareAddr, opened.HardwareAddr)
}

func stateOf(s link.State) linkState {
	switch {
	case !s.Up:
		return linkDown
	case !s.Running:
		return linkNoCarrier
	}
	return linkWorks
}

// tell says what has become of the interface: worse things once, and that it is back.
// An interface that was deleted comes back down at first, which is not worth a line.
func (f *follower) tell(now linkState) {
	was := f.state
	if now < was && now != linkWorks {
		return
	}
	f.state = now
	if now == was {
		return
	}
	how := [...]string{linkWorks: "is back", linkNoCarrier: "has no carrier", linkDown: "is down", linkGone: "was deleted"}[now]
	if now != linkWorks {
		how += "; traffic goes on when it returns"
	}
	f.out.message("%s %s", f.name, how)
}

// open opens the device anew; false, told once and tried again, when it cannot be.
func (f *follower) open() bool {
	before := f.opened
	err := f.reopen()
	now, stateErr := link.Get(f.name)
	if stateErr == nil {
		f.opened = now
	}
	switch {
	case err == nil && before.Index == now.Index && before.MTU != now.MTU:
		f.out.message("%s has MTU %d now", f.name, now.MTU)
	case err != nil && (f.err == nil || f.err.Error() != err.Error()):
		f.out.message("%s: %v", f.name, err)
	}
	f.err = err
	return err == nil
}

// reopenTAP makes or takes the TAP again.
func (t *tunnel) reopenTAP() error {
	var err error
	t.hub.Call(func() { t.tap.Detach() }) // a device of ours holds the name until it is closed
	dev, err := t.device.open()
	if err != nil {
		return err
	}
	t.hub.Call(func() { err = t.tap.Replace(dev) })
	return err
}

// reopenPort opens the carrier again: on another interface of the name, or because its
// MTU or address is another.
func (t *tunnel) reopenPort() error {
	if t.c.spec.Kind == port.UDP {
		t.hub.Call(func() { t.port.Detach() }) // the address is taken until the socket is closed
	}
	c, err := t.c.spec.Open()
	if err != nil {
		return err
	}
	if err := t.fits(c); err != nil {
		_ = c.Device.Close()
		return err
	}
	var own [6]byte
	if c.Ethernet != nil {
		own = c.Ethernet.Own
	}
	t.hub.Call(func() { err = t.port.Replace(c.Device, own) })
	return err
}

// failed is told of a device's failure, on the hub: the supervisor is to look.
func (t *tunnel) failed(error) {
	select {
	case t.failures <- struct{}{}:
	default: // it is to look already
	}
}
