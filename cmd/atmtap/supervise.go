package main

import (
	"context"
	"errors"
	"fmt"
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

// rewatchDelay is the pause before the kernel is asked again for changes of
// interfaces after it had to drop some.
const rewatchDelay = 100 * time.Millisecond

// supervise follows the two interfaces: it says when one goes and comes, and opens
// the device anew when its interface is another one than before.
func (t *tunnel) supervise(ctx context.Context, out *display) error {
	tap := &follower{t: t, out: out, name: t.c.name, reopen: t.reopenTAP}
	carrier := &follower{t: t, out: out, name: t.c.spec.Underlay(), reopen: t.reopenPort}
	names := []string{tap.name}
	if carrier.name != "" {
		names = append(names, carrier.name)
	}
	for ctx.Err() == nil {
		events, err := link.Watch(ctx, names...)
		if err != nil {
			return fmt.Errorf("watch interfaces: %w", err)
		}
		for e := range events {
			for _, f := range []*follower{tap, carrier} {
				if e.Name == f.name {
					f.event(e)
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(rewatchDelay):
		}
	}
	return nil
}

// follower is what is known of one interface.
type follower struct {
	t      *tunnel
	out    *display
	name   string
	index  int // the kernel's number of the interface the device is open on; 0 when there is none
	state  linkState
	reopen func() error
}

type linkState int

const (
	linkUnknown linkState = iota // then from the best to the worst
	linkWorks
	linkNoCarrier
	linkDown
	linkGone
)

// event takes one change.
func (f *follower) event(e link.Event) {
	if e.Gone && f.index != 0 && f.index != e.Index {
		return // the one before: there is another already
	}
	was := f.state
	f.state = stateOf(e)
	switch {
	case f.state == linkGone:
		f.index = 0
		f.lost(was, "was deleted")
		if f.name == f.t.c.name && !f.t.device.existed {
			f.open() // it was ours: make it again
		}
		return
	case was == linkUnknown:
		f.index = e.Index // open since the start
	case f.index != e.Index:
		f.open()
	}
	switch {
	case f.state == linkDown:
		f.lost(was, "is down")
	case f.state == linkNoCarrier:
		f.lost(was, "has no carrier")
	case was != linkWorks && was != linkUnknown:
		f.out.message("%s is back", f.name)
	}
}

func stateOf(e link.Event) linkState {
	switch {
	case e.Gone:
		return linkGone
	case !e.Up:
		return linkDown
	case !e.Running:
		return linkNoCarrier
	}
	return linkWorks
}

// lost tells of a loss, unless one of the same or a worse kind has been told of: an
// interface that is made anew is down at first.
func (f *follower) lost(was linkState, how string) {
	if was < f.state {
		f.out.message("%s %s; traffic goes on when it returns", f.name, how)
	}
}

func (f *follower) open() {
	if err := f.reopen(); err != nil {
		f.out.message("%s: %v", f.name, err)
		return
	}
	if now, err := link.Get(f.name); err == nil {
		f.index = now.Index
	}
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

// reopenPort opens the carrier's interface again.
func (t *tunnel) reopenPort() error {
	if t.c.spec.Kind != port.Ethernet {
		return nil // a socket finds its interface by address
	}
	c, err := t.c.spec.Open()
	if err != nil {
		return err
	}
	t.hub.Call(func() { err = t.port.Replace(c.Device, c.Ethernet.Own) })
	return err
}
