package dataplane

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
)

// Fabric is hubs that make one: it builds their streams, by commands, and joins and moves
// processes across them while they carry traffic. Its methods are for any goroutine
// outside the hubs.
//
// What concerns one hub is done there between two messages. For what concerns more than
// one all stand still, each between two messages, and what is on its way between them
// lies in the queues that it is meant for: then a change is plain code over plain
// structures.
type Fabric struct {
	mu       sync.Mutex
	hubs     []*Hub
	registry *Registry
	clerk    []*Line // by hub: the commands that have come as messages
	bell     chan struct{}
	stop     chan struct{}
	stopOnce sync.Once
	between  func()     // before each change, for tests: the hubs turn
	aside    func(*Hub) // between a hub's flag and its look, for tests: others go on
}

// step lets a test's other threads go on, where that makes a difference.
func (h *Hub) step() {
	if h.fabric != nil && h.fabric.aside != nil {
		h.fabric.aside(h)
	}
}

var errNobody = errors.New("no such process")

// NewFabric joins hubs: hub i has pool i of one arena, and all its pools are in. Their
// modules are made by the registry's constructors. None may run yet.
func NewFabric(r *Registry, hubs ...*Hub) (*Fabric, error) {
	f := &Fabric{hubs: hubs, registry: r, bell: make(chan struct{}, 1), stop: make(chan struct{})}
	for i, h := range hubs {
		if h.index != i || h.Pool.Arena != hubs[0].Pool.Arena || h.Pool.Hubs() != len(hubs) || h.fabric != nil {
			return nil, fmt.Errorf("%w: hub %d: a fabric takes the pools of one arena, in order, all of them, once", ErrHub, i)
		}
	}
	for i, h := range hubs {
		h.fabric, h.peers = f, make([]*peer, len(hubs))
		clerk, err := h.newLine(f.bell)
		if err != nil {
			return nil, err
		}
		f.clerk = append(f.clerk, clerk)
		for _, o := range hubs[:i] {
			if err := connect(h, o); err != nil {
				return nil, err
			}
		}
	}
	for _, h := range hubs {
		for _, p := range h.peers {
			if p != nil {
				var err error
				if p.post, err = h.addInternal(p.postModule()); err != nil {
					return nil, err
				}
			}
		}
	}
	return f, nil
}

// Hub is hub i.
func (f *Fabric) Hub(i int) *Hub { return f.hubs[i] }

// Hubs is how many there are.
func (f *Fabric) Hubs() int { return len(f.hubs) }

// Modules gives the names that are registered, in order.
func (f *Fabric) Modules() []string { return f.registry.Names() }

// Run turns all hubs until Stop, and carries out the commands that come as messages.
func (f *Fabric) Run() {
	var wait sync.WaitGroup
	for _, h := range f.hubs {
		wait.Go(h.Run)
	}
	for running := true; running; {
		select {
		case <-f.stop:
			running = false
		case <-f.bell:
			f.attend()
		}
	}
	for _, h := range f.hubs {
		h.Stop()
	}
	wait.Wait()
}

// Stop ends Run. Any goroutine may call it.
func (f *Fabric) Stop() { f.stopOnce.Do(func() { close(f.stop) }) }

// Close closes all hubs. Run must have returned, if it was called.
func (f *Fabric) Close() error {
	var errs []error
	for _, h := range f.hubs {
		errs = append(errs, h.Close())
	}
	for _, h := range f.hubs {
		h.Pool.TakeHome()
	}
	return errors.Join(errs...)
}

// attend carries out the commands that have come as messages, and answers them.
func (f *Fabric) attend() {
	for _, l := range f.clerk {
		for m, data, ok := l.Receive(); ok; m, data, ok = l.Receive() {
			var a Answer
			c, err := decodeCommand(m, data)
			if err == nil {
				a, err = f.Do(c)
			}
			reply := Msg{Type: IocAck, Class: m.Class, Dst: m.Src, Conn: m.Conn, Info: uint32(a.Number)}
			data = a.encode(m.Class)
			if err != nil {
				reply.Type, reply.Info, data = IocNak, uint32(Errno(err)), nil
			}
			for !l.Send(reply, data) && !f.stopping() { // the hub takes them every pass
				<-f.bell
			}
		}
	}
}

func (f *Fabric) stopping() bool {
	select {
	case <-f.stop:
		return true
	default:
		return false
	}
}

// On runs fn on the hub that a process stands on, between two messages.
func (x Changes) On(id ProcID, fn func()) error {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err == nil {
		err = x.at(p.rq.hub, func() error { fn(); return nil })
	}
	return err
}

// SetMarks sets the water marks of what waits on its way up at a process, in octets; 0 takes
// the default, which of the low mark is a quarter of the high one.
func (x Changes) SetMarks(id ProcID, hi, lo uint32) error {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err != nil {
		return err
	}
	if hi == 0 {
		hi = DefaultHiWat
	}
	if lo == 0 {
		lo = hi / 4
	}
	return x.at(p.rq.hub, func() error { p.rq.SetMarks(int(hi), int(lo)); return nil })
}

// Counters reads the counters of processes: on each hub at one moment.
func (f *Fabric) Counters(ids ...ProcID) ([][]Count, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pairs, counts := make([]*pair, len(ids)), make([][]Count, len(ids))
	var err error
	for i, id := range ids {
		if pairs[i], err = f.find(id); err != nil {
			return nil, err
		}
	}
	for _, h := range f.hubs {
		if err := f.Alone().at(h, func() error {
			for i, p := range pairs {
				if p.rq.hub == h && p.module.Counters != nil {
					counts[i] = p.module.Counters()
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// still runs a change while no hub turns.
func (f *Fabric) still(fn func() error) error {
	if f.between != nil {
		f.between()
	}
	release := make(chan struct{})
	defer close(release)
	var stands []chan bool
	for _, h := range f.hubs {
		if h.turn.TryLock() { // nobody turns it
			defer h.turn.Unlock()
			if h.closed {
				return fmt.Errorf("%w: hub %d is closed", ErrHub, h.index)
			}
			continue
		}
		stand := make(chan bool, 2)
		stands = append(stands, stand)
		go func() {
			if !h.Call(func() { stand <- true; <-release }) {
				stand <- false
			}
		}()
	}
	all := true
	for _, s := range stands {
		all = <-s && all
	}
	if !all {
		return fmt.Errorf("%w: a hub is closed", ErrHub)
	}
	f.land()
	return fn()
}

// land takes what is on its way along paths between the hubs into their queues, and
// delivers what is addressed to a process.
func (f *Fabric) land() {
	for range maxSettle {
		work := 0
		for _, h := range f.hubs {
			h.settle()
			h.publish()
		}
		for _, h := range f.hubs {
			for _, p := range h.peers {
				if p != nil {
					work += h.landRing(p.urgentIn) + h.landRing(p.dataIn)
				}
			}
		}
		if work == 0 {
			return
		}
	}
}

// find is the pair of a number that a module is, wherever it stands: those that the
// executive has for itself are not to be changed. Tables and links change under f.mu
// alone, so that it may look.
func (f *Fabric) find(id ProcID) (*pair, error) {
	if id.Hub() < len(f.hubs) {
		if p := f.hubs[id.Hub()].numbers.find(id); p != nil && p.proxy == nil && !p.internal {
			return p, nil
		}
	}
	return nil, fmt.Errorf("%w: %w: %#x", ErrHub, errNobody, uint32(id))
}

func (x Changes) top(id ProcID) ProcID {
	x.lock()
	defer x.unlock()
	p, err := x.f.find(id)
	if err != nil {
		return 0
	}
	return p.top().id
}

// hub is the hub of its number; 0 is the first.
func (f *Fabric) hub(id ProcID) (*Hub, error) {
	if id == 0 {
		return f.hubs[0], nil
	}
	if id.Hub() >= len(f.hubs) || id != f.hubs[id.Hub()].Number() {
		return nil, fmt.Errorf("%w: %#x is no hub: %w", ErrHub, uint32(id), syscall.ENXIO)
	}
	return f.hubs[id.Hub()], nil
}
