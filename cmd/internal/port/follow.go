package port

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// How often a carrier's device is looked at.
const (
	lookInterval = time.Second           // when nothing seems to change: a router's word about the path is no event
	lookPause    = 50 * time.Millisecond // at least between two looks, however much changes
)

// MaxLeft bounds the bursts that are taken from a carrier before it is let go: more than
// its ring or socket holds.
const MaxLeft = 1 << 10

// keeper keeps the device of a daemon's carrier open on its interface, and tells how the
// ports do.
type keeper struct {
	c       *Carrier
	on      func(func()) error
	tell    func(number uint32, able bool, why string)
	device  *follow.Follower // of Ethernet
	why     string           // what was told of it last
	changes *link.Changes    // nil: watching is to be tried again
	cancel  context.CancelFunc
}

// held is a port of a carrier, as its keeper knows it.
type held struct {
	*shared
	number uint32
	mtu    int // of its path; 0: not looked at yet, or there is none
}

var _ server.Follower = (*Carrier)(nil)

// Follow begins to keep the device open.
func (c *Carrier) Follow(on func(func()) error, tell func(number uint32, able bool, why string)) {
	k := &keeper{c: c, on: on, tell: tell}
	if c.spec.Kind == Ethernet {
		state, _ := link.Get(c.spec.Device) // else the first look will find that it is gone
		k.device = follow.New(follow.Ether, c.spec.Device, state, state.MTU)
	}
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel, c.keeper = cancel, k
	go k.run(ctx)
}

// Module is the carrier's code. With it the keeper ends, for which nobody waits: it may wait
// for the hub itself, and finds the process gone.
func (c *Carrier) Module() dataplane.Module {
	m := c.Carrier.Module()
	end := m.Close
	m.Close = func(q *dataplane.Queue) {
		if c.keeper != nil {
			c.keeper.cancel()
		}
		end(q)
	}
	return m
}

// run looks at every change and every lookInterval.
func (k *keeper) run(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if k.changes == nil {
			k.changes, _ = link.Watch(ctx) // else lookInterval has to do
		}
		if k.look() != nil {
			return // the carrier has been closed
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookPause):
		}
		var changes <-chan struct{}
		if k.changes != nil {
			changes = k.changes.C()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-k.c.failed:
		case _, ok := <-changes:
			if !ok {
				k.changes = nil
			}
		}
	}
}

// look looks once at the device, or at every port's way. Its error: there is no carrier any
// more.
func (k *keeper) look() error {
	var ports []*held
	if err := k.on(func() { ports = slices.Collect(maps.Values(k.c.ports)) }); err != nil {
		return err
	}
	if k.device != nil {
		see := func() follow.Sight { return k.c.spec.See(k.device, k.changes) }
		for _, e := range k.device.Step(see, k.open, k.change) {
			k.why = e.Text
		}
		for _, p := range ports {
			k.tell(p.number, k.device.Level == follow.Works, k.why)
		}
		return nil
	}
	for _, p := range ports {
		if err := k.lookAtPath(p); err != nil {
			return err
		}
	}
	return nil
}

// lookAtPath follows the way to a port's peer.
func (k *keeper) lookAtPath(p *held) error {
	_, err := link.PathTo(p.Local.Addr(), p.Remote.Addr())
	why := whyNoPath(p.Spec, err)
	k.tell(p.number, why == "", why)
	mtu := p.pathMTU()
	if mtu == 0 || mtu == p.mtu {
		return nil
	}
	p.mtu = mtu
	return k.on(func() { _ = k.c.SetMaxFrame(p.number, p.MaxFrame(mtu)+nic.PeerBytes) }) // it may have gone
}

// open opens the interface anew and then lets the one before go; no frame comes twice.
func (k *keeper) open(what follow.Order) (on link.State, err error) {
	c := k.c
	var before nic.Device
	var ports []*held
	if err := k.on(func() { before, ports = c.device, slices.Collect(maps.Values(c.ports)) }); err != nil {
		return on, err
	}
	for _, p := range ports {
		if err := p.reclaim(what.On.Index); err != nil {
			return on, err
		}
	}
	opened, err := c.spec.Open(Opening{Index: what.On.Index, Replaces: before, Shared: true, Passed: c.passed})
	if err != nil {
		return on, Remedy(err)
	}
	gone := k.on(func() {
		if d, ok := before.(nic.Holder); ok {
			_ = d.Hold() // its interface may be gone
		}
		for i := 0; i < MaxLeft && c.Poll() > 0; i++ { // what had come before
		}
		c.device = opened.Device
		err = errors.Join(c.admit(), c.Replace(opened.Device, opened.Own))
	})
	if gone != nil {
		_ = opened.Device.Close()
	}
	return what.On, errors.Join(gone, err)
}

// change follows another address of the interface, or another MTU. The device stays, and
// receives on, unless its ring cannot hold such frames.
func (k *keeper) change(what follow.Order) (err error) {
	c := k.c
	if what.Do == follow.DoReaddress {
		own, err := c.spec.Station(what.On.Index)
		if err != nil {
			return err
		}
		return k.on(func() { c.Readdress(own) })
	}
	fits := false
	gone := k.on(func() {
		if d, ok := c.device.(nic.Sizer); ok {
			if fits = d.SetMaxFrame(c.spec.MaxFrame(what.MTU)); fits {
				err = c.Resize()
			}
		}
	})
	if gone == nil && !fits {
		_, err = k.open(what)
	}
	return errors.Join(gone, err)
}
