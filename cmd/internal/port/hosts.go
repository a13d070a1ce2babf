package port

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/follow"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/nic"
	"github.com/cellhub/cellhub/nic/link"
)

// Store holds open files beyond the end of the process, for the one that is started in its place.
type Store interface {
	Keep(name string, fd int) // fd stays the caller's
	LetGo(name string)
}

// keptPrefix begins the names of the files in a Store, which an administrator's have not.
const keptPrefix = "kept-"

// Hosts are the TAPs and TUNs of a process's streams. Each is kept open on its interface, as
// atmtap keeps its own; those that were made here are held by a Store, too, so that they
// and their addresses outlive a crash.
type Hosts struct {
	passed *Descriptors
	store  Store
	tell   func(follow.Event)

	mu     sync.Mutex
	all    map[*hosted]struct{}
	stores []storing // in order
	ending bool      // what is closed now stays in the store
	wake   chan struct{}
}

// NewHosts makes an empty one; a nil store is none, and tell is told what becomes of the devices.
func NewHosts(passed *Descriptors, store Store, tell func(follow.Event)) *Hosts {
	return &Hosts{passed: passed, store: store, tell: tell, all: map[*hosted]struct{}{}, wake: make(chan struct{}, 1)}
}

// storing is something that the store has to be told.
type storing struct {
	name string
	fd   int // a duplicate; -1: it is to be let go
}

// hosted is one TAP or TUN.
type hosted struct {
	host
	hosts    *Hosts
	tap      *modules.TAP
	dev      nic.Device                    // its hub's, once the module is open
	hub      atomic.Pointer[dataplane.Hub] // nil: the module is not open
	follower *follow.Follower              // the keeper's
	restless bool                          // is to be looked at without a change, too
	said     string                        // its state, as the driver has it
	failed   atomic.Bool                   // its device has failed
	stored   bool
}

// module makes the driver of a device that is open.
func (d *hosted) module(dev nic.Device, role follow.Role) dataplane.Module {
	d.dev = dev
	state, _ := link.Get(dev.Info().Name) // else the first look will find that it is gone
	d.follower = follow.New(role, d.name, state, d.mtu)
	d.tap = modules.NewTAP(dev, func(error) { d.failed.Store(true); d.hosts.look() })
	m := d.tap.Module()
	open, end, arrive := m.Open, m.Close, m.Arrive
	m.Open = func(q *dataplane.Queue) error {
		if err := open(q); err != nil {
			return err
		}
		d.hub.Store(q.Hub())
		d.hosts.enter(d)
		return nil
	}
	m.Arrive = func(q *dataplane.Queue) { arrive(q); d.hub.Store(q.Hub()) }
	m.Close = func(q *dataplane.Queue) {
		d.hub.Store(nil)
		d.hosts.leave(d)
		end(q)
	}
	return m
}

// on runs fn on the hub that the device stands on; false: on none any more. A hub does not
// move a process between a look at where it is and fn.
func (d *hosted) on(fn func()) bool {
	for {
		h := d.hub.Load()
		here := false
		switch {
		case h == nil, !h.Call(func() {
			if here = d.hub.Load() == h; here {
				fn()
			}
		}):
			return false
		case here:
			return true
		}
	}
}

func (h *Hosts) enter(d *hosted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all[d] = struct{}{}
	h.keep(d)
}

// keep has the store hold what was made here. h.mu is held.
func (h *Hosts) keep(d *hosted) {
	if h.store == nil || d.stored || d.fd != "" || d.follower.Role != follow.Made {
		return
	}
	if fd, err := unix.FcntlInt(uintptr(d.dev.FD()), unix.F_DUPFD_CLOEXEC, 0); err == nil { // else it is not kept
		d.stored = true
		h.stores = append(h.stores, storing{keptPrefix + d.name, fd})
		h.look()
	}
}

// letGo takes a device out of the store. h.mu is held.
func (h *Hosts) letGo(d *hosted) {
	if d.stored && !h.ending {
		d.stored = false
		h.stores = append(h.stores, storing{keptPrefix + d.name, -1})
		h.look()
	}
}

// replaced says that what the store has under the name of a device is not that device.
func (h *Hosts) replaced(d *hosted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.letGo(d)
}

func (h *Hosts) leave(d *hosted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, d)
	h.letGo(d)
}

// Ending says that the process ends: the store keeps what it has.
func (h *Hosts) Ending() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending = true
}

// Settle lets go of what the store held from before and nobody has asked for: it was not to last.
func (h *Hosts) Settle() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range h.passed.forgetKept() {
		h.stores = append(h.stores, storing{name, -1})
	}
	h.look()
}

// look asks for a look.
func (h *Hosts) look() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run keeps the devices until ctx ends: it looks at all of them when an interface changes, and
// every second at those that are not as they should be.
func (h *Hosts) Run(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	var watched *link.Changes
	every := true
	for ctx.Err() == nil {
		if watched == nil {
			watched, _ = link.Watch(ctx) // else lookInterval has to do
			every = true
		}
		h.tellStore()
		for _, d := range h.toLookAt(every || watched == nil) {
			h.step(d)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookPause):
		}
		var changes <-chan struct{}
		if watched != nil {
			changes = watched.C()
		}
		every = false
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-h.wake:
		case _, ok := <-changes:
			if every = true; !ok {
				watched = nil
			}
		}
	}
	h.tellStore()
}

// tellStore carries out what the store has to do, off the hubs.
func (h *Hosts) tellStore() {
	h.mu.Lock()
	all := h.stores
	h.stores = nil
	h.mu.Unlock()
	for _, s := range all {
		if s.fd < 0 {
			h.store.LetGo(s.name)
			continue
		}
		h.store.Keep(s.name, s.fd)
		_ = unix.Close(s.fd)
	}
}

func (h *Hosts) toLookAt(every bool) (list []*hosted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for d := range h.all {
		if failed := d.failed.Swap(false); failed || every || d.restless {
			list = append(list, d)
		}
	}
	return list
}

// step looks at one device and does what is to be done.
func (h *Hosts) step(d *hosted) {
	var seen follow.Sight
	see := func() follow.Sight {
		seen = SeeTAP(d.follower, func(look func(nic.Device)) bool { return d.on(func() { look(d.dev) }) })
		return seen
	}
	last := d.said
	for _, e := range d.follower.Step(see, d.reopen, d.resize) {
		last = e.Text
		h.tell(e)
	}
	d.restless = d.follower.Level != follow.Works || d.follower.Opened.Index == 0 || seen.Elsewhere || seen.Unknown
	if d.follower.Level == follow.Works && d.follower.Opened.Index != 0 {
		last = ""
	}
	if last != d.said {
		d.said = last
		d.on(func() { d.tap.SetState(last) })
	}
}

// reopen makes the device again, or takes it: the one before was deleted.
func (d *hosted) reopen(follow.Order) (on link.State, err error) {
	if d.fd != "" {
		return on, fmt.Errorf("the descriptor %q that was passed leads nowhere now: have whoever passed it open it anew, and restart", d.fd)
	}
	dev, err := d.open()
	if err != nil {
		return on, hostRemedy(err)
	}
	if on, err = link.Get(dev.Info().Name); err != nil {
		_ = dev.Close()
		return on, err
	}
	here := d.on(func() {
		if err = d.tap.Replace(dev); err == nil {
			d.dev = dev
			d.hosts.mu.Lock()
			defer d.hosts.mu.Unlock()
			d.hosts.letGo(d)
			d.hosts.keep(d)
		}
	})
	if !here { // the stream has been closed meanwhile
		_ = dev.Close()
		err = os.ErrClosed
	}
	return on, err
}

// resize follows another MTU as far as an SDU holds its frames.
func (d *hosted) resize(what follow.Order) error {
	most := d.maxMTU()
	d.mtu = min(what.MTU, most)
	d.on(func() {
		if dev, ok := d.dev.(nic.Sizer); ok {
			dev.SetMaxFrame(d.frame())
			d.tap.Resize()
		}
	})
	if what.MTU > most {
		return fmt.Errorf("its MTU is %d now, and an AAL5 SDU holds %d at most: longer packets are lost", what.MTU, most)
	}
	return nil
}
