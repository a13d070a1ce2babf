package dataplane

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/ring"
	"github.com/cellhub/cellhub/dataplane/thread"
)

// simKernel is what a sleeping hub asks, and whom it asks, in a simulation: descriptors
// are numbers of simulated devices.
type simKernel struct {
	bell  bool
	sets  [2]map[int]unix.EpollEvent // outer and nested
	ready func(fd int) uint32        // the events that a descriptor has
}

func (k *simKernel) Control(nested bool, op, fd int, e *unix.EpollEvent) error {
	set := k.sets[boolIndex(nested)]
	if op == unix.EPOLL_CTL_DEL {
		delete(set, fd)
	} else {
		set[fd] = *e
	}
	return nil
}

func boolIndex(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Wait gives the descriptors that are ready; the outer set has the bell and the nested set
// in it.
func (k *simKernel) Wait(nested bool, events []unix.EpollEvent, _ int) (n int, err error) {
	for fd := range 64 { // in order: the same seed, the same world
		if e, in := k.sets[boolIndex(nested)][fd]; in && k.ready(fd)&(e.Events|unix.EPOLLERR) != 0 {
			events[n] = unix.EpollEvent{Fd: e.Fd, Events: k.ready(fd) & (e.Events | unix.EPOLLERR)}
			n++
		}
	}
	if !nested {
		if k.bell {
			events[n] = unix.EpollEvent{Fd: thread.Bell, Events: unix.EPOLLIN}
			n++
		}
		var inner [64]unix.EpollEvent
		if m, _ := k.Wait(true, inner[:], 0); m > 0 {
			events[n] = unix.EpollEvent{Fd: thread.Ready, Events: unix.EPOLLIN}
			n++
		}
	}
	return n, nil
}

func (k *simKernel) Ring()        { k.bell = true }
func (k *simKernel) Hush()        { k.bell = false }
func (k *simKernel) Close() error { return nil }

// sleepHub is a hub that turns only when it is awake, and what it sleeps on.
type sleepHub struct {
	*Hub
	kernel *simKernel
	phase  sleepPhase
	until  int64 // asleep: when a timer ends it; -1: never
	device *sleepDevice
}

type sleepPhase uint8

const (
	awake sleepPhase = iota
	idle
	armed
	asleep
)

// sleepDevice is a driver and its device: a descriptor, frames that wait, and room for
// some.
type sleepDevice struct {
	w          *sleepWorld
	h          *sleepHub
	top        bool
	fd         int
	memory     bool // its hub knows by a word in memory whether there is something
	waiting    int  // to be read
	room       int  // to write
	q          *Queue
	watch      *Watch
	tx         int // frames that wait for room
	calls      int // for blocks, under way
	got, taken int
}

func (d *sleepDevice) module() Module {
	m := Module{Name: "device", Poller: d, HiWat: 2000, LoWat: 500, Open: func(q *Queue) (err error) {
		if d.q = q; d.top {
			d.q = q.Mate()
		}
		var ready func() bool
		if d.memory {
			ready = func() bool { return d.waiting > 0 }
		}
		d.watch, err = q.Watch(d.fd, ready)
		return err
	}}
	put := func(q *Queue, m Msg) {
		if d.tx > 4 || !q.Empty() {
			q.PutQ(m)
			return
		}
		d.take(q, m)
	}
	service := func(q *Queue) {
		for d.tx <= 4 {
			m, ok := q.GetQ()
			if !ok {
				return
			}
			d.take(q, m)
		}
	}
	read := func(*Queue) { d.want() }
	if d.top {
		m.ReadPut, m.ReadService, m.WriteService = put, service, read
	} else {
		m.WritePut, m.WriteService, m.ReadService = put, service, read
	}
	return m
}

func (d *sleepDevice) take(q *Queue, m Msg) {
	q.hub.Free(m)
	d.tx++
	q.AskSend()
}

// want says what is to wake the hub: frames while the stream has room for them, and room
// while frames wait for it.
func (d *sleepDevice) want() { d.watch.Want(d.calls == 0 && d.q.CanPutNext(), d.tx > 0) }

// Poll takes what waits, as long as there are blocks and room.
func (d *sleepDevice) Poll() (n int) {
	for d.waiting > 0 && d.q.CanPutNext() {
		b := d.h.Pool.Alloc(1)
		if b == 0 {
			if d.calls == 0 && d.h.BufCall(1+d.w.rng.IntN(6), 1, func() { d.calls--; d.want() }) {
				d.calls++
			}
			break
		}
		d.waiting--
		d.taken++
		n++
		d.q.PutNext(Msg{Type: []Type{Data, Data, PCProto}[d.w.rng.IntN(3)], Block: b})
	}
	d.want()
	return n
}

func (d *sleepDevice) Send() {
	n := min(d.tx, d.room)
	d.tx, d.room, d.got = d.tx-n, d.room-n, d.got+n
	d.want()
	in := d.q.Mate()
	if d.tx <= 4 && !in.Empty() {
		in.Enable()
	}
}

// events are those of its descriptor.
func (d *sleepDevice) events() (e uint32) {
	if d.waiting > 0 {
		e |= unix.EPOLLIN
	}
	if d.room > 0 {
		e |= unix.EPOLLOUT
	}
	return e
}

type sleepWorld struct {
	rng   *rand.Rand
	now   int64
	hubs  [2]*sleepHub
	line  *Line
	sent  int // commands
	heard int // answers
	id    ProcID
	fired int
	timer Timer
	depth int
	busy  bool // devices and applications go on
	fault error
}

func newSleepWorld(seed uint64) *sleepWorld {
	w := &sleepWorld{rng: rand.New(rand.NewPCG(seed, 0x51EE9))}
	arena, err := block.NewArena(block.Config{Hubs: 2, Small: 12 + w.rng.IntN(30)})
	w.must(err)
	var hubs []*Hub
	for i := range w.hubs {
		how := pace.Config{Latency: time.Duration(w.rng.IntN(2)) * 20 * time.Microsecond}
		h, err := NewHub(Config{Pool: arena.Pool(i), Pace: how, Clock: func() int64 { return w.now }})
		w.must(err)
		_ = h.sleeper.Close()
		k := &simKernel{sets: [2]map[int]unix.EpollEvent{{}, {}}}
		k.ready = func(int) uint32 { return w.hubs[i].device.events() }
		h.sleeper.kernel = k
		w.hubs[i] = &sleepHub{Hub: h, kernel: k}
		hubs = append(hubs, h)
	}
	f, err := connectHubs(hubs...)
	w.must(err)
	for i, h := range w.hubs { // short rings, so that they fill
		p, far := h.peers[1-i], hubs[1-i].peers[i]
		var e1, e2 error
		p.data, far.dataIn, e1 = ring.New[Msg](4)
		p.urgent, far.urgentIn, e2 = ring.New[Msg](4)
		w.must(e1)
		w.must(e2)
	}
	var ids [2]ProcID
	for i, h := range w.hubs {
		h.device = &sleepDevice{w: w, h: h, top: i == 1, fd: 10 + i, memory: w.rng.IntN(2) == 0, room: 5}
		ids[i], err = h.Add(h.device.module())
		w.must(err)
	}
	w.must(f.Join(ids[0], ids[1]))
	own := through("m")
	own.Commands = []ModuleCommand{{Number: 200, Run: func([]byte) ([]byte, error) { return nil, nil }}}
	w.id, err = hubs[w.rng.IntN(2)].Add(own)
	w.must(err)
	w.line, err = hubs[0].NewLine()
	w.must(err)
	w.timer.Fire = func() { w.fired++ }
	f.aside = w.aside
	return w
}

func (w *sleepWorld) must(err error) {
	if err != nil && w.fault == nil {
		w.fault = err
	}
}

// aside is where a hub has stopped between a flag and a look: others go on.
func (w *sleepWorld) aside(h *Hub) {
	if w.depth > 0 || w.rng.IntN(2) == 0 {
		return
	}
	w.depth++
	for range w.rng.IntN(4) {
		switch {
		case w.rng.IntN(2) == 0:
			w.turn(w.hubs[1-h.index])
		case w.busy:
			w.outside()
		}
	}
	w.depth--
}

// step lets one thread go on: a hub, or somebody outside.
func (w *sleepWorld) step() {
	if n := w.rng.IntN(8); n < 6 {
		w.turn(w.hubs[n%2])
	} else if w.busy {
		w.outside()
	}
	for _, h := range w.hubs {
		w.check(h)
	}
}

// turn is the next thing that a hub does: a pass and what it is followed by, the flag, the
// look, or waking up.
func (w *sleepWorld) turn(h *sleepHub) {
	switch h.phase {
	case awake:
		h.pace.Grows = w.rng.IntN(4) == 0 // under load, as far as the hub knows
		work := h.Pass()
		if h.decide(work) == pace.Sleep {
			h.phase = idle
		}
	case idle:
		h.arm()
		h.phase = armed
	case armed:
		if h.phase = asleep; h.pending() {
			h.sleeper.door.Disarm()
			h.phase = awake
			return
		}
		if h.until = -1; h.timeout() >= 0 {
			h.until = w.now + int64(h.timeout())*1_000_000
		}
	case asleep:
		if w.called(h) {
			h.doze(0)
			h.phase = awake
		}
	}
}

// called tells whether something ends a hub's sleep.
func (w *sleepWorld) called(h *sleepHub) bool {
	var events [64]unix.EpollEvent
	n, _ := h.kernel.Wait(false, events[:], 0)
	return n > 0 || h.until >= 0 && w.now >= h.until
}

// outside is what devices, applications and time do.
func (w *sleepWorld) outside() {
	h := w.hubs[w.rng.IntN(2)]
	switch w.rng.IntN(7) {
	case 0, 1:
		h.device.waiting += w.rng.IntN(12)
	case 2, 3:
		h.device.room = min(h.device.room+w.rng.IntN(12), 20)
	case 4:
		for range w.rng.IntN(2 * lineRing) {
			if !w.line.Send(Msg{Type: Ctl, Class: control.ClassMMI, Dst: w.id, Info: 200}, nil) {
				break
			}
			w.sent++
		}
	case 5:
		for range w.rng.IntN(2 * lineRing) {
			if _, _, ok := w.line.Receive(); !ok {
				break
			}
			w.heard++
		}
	case 6:
		w.now += int64(w.rng.IntN(5)) * 1_000_000
		if w.rng.IntN(4) == 0 { // a pause after which a hub no longer sleeps in steps
			w.now += int64(time.Second)
		}
		if !w.timer.Running() && w.hubs[0].phase == awake && w.depth == 0 {
			w.hubs[0].StartTimer(&w.timer, w.now+int64(w.rng.IntN(6)-1)*1_000_000)
		}
	}
}

// check wants whoever sleeps, and is called by nothing, to have nothing to do.
func (w *sleepWorld) check(h *sleepHub) {
	if h.phase != asleep || w.called(h) || w.fault != nil {
		return
	}
	d, p := h.device, h.peers[1-h.index]
	switch {
	case !p.dataIn.Empty() || !p.urgentIn.Empty():
		w.fault = fmt.Errorf("hub %d sleeps over mail", h.index)
	case len(p.waiting) > 0 && p.roomy():
		w.fault = fmt.Errorf("hub %d sleeps over room in a ring", h.index)
	case len(h.bufcalls) > 0 && h.Pool.Returning() > 0:
		w.fault = fmt.Errorf("hub %d sleeps over blocks that have come home", h.index)
	case !w.line.side.pair.wq.Empty() && w.line.side.out.Free() > 0 && h.index == 0, !w.line.side.in.Empty() && w.line.side.pair.wq.Empty() && !h.postFull() && h.index == 0:
		w.fault = fmt.Errorf("hub %d sleeps over a line", h.index)
	case d.waiting > 0 && d.calls == 0 && !d.q.ahead.Full():
		w.fault = fmt.Errorf("hub %d sleeps over %d frames", h.index, d.waiting)
	case d.tx > 0 && d.room > 0:
		w.fault = fmt.Errorf("hub %d sleeps over room in its device", h.index)
	}
	if at, ok := h.timers.Next(); ok && w.now >= at+1_000_000 && w.fault == nil {
		w.fault = fmt.Errorf("hub %d sleeps over a timer", h.index)
	}
}

// drained is whether all that was begun has ended.
func (w *sleepWorld) drained() bool {
	return !w.timer.Running() && w.hubs[0].phase == asleep && w.hubs[1].phase == asleep && !w.called(w.hubs[0]) && !w.called(w.hubs[1])
}

func (w *sleepWorld) run() error {
	w.busy = true
	for range 300 {
		w.step()
	}
	w.busy = false
	for range 60000 { // the world goes on until nothing is left: a hub that never sleeps spins
		w.now += 1000
		for _, h := range w.hubs {
			h.device.room = 20
		}
		for _, _, ok := w.line.Receive(); ok; _, _, ok = w.line.Receive() {
			w.heard++
		}
		if w.step(); w.fault != nil || w.drained() {
			break
		}
	}
	a, b := w.hubs[0].device, w.hubs[1].device
	switch {
	case w.fault != nil:
	case !w.drained():
		w.fault = fmt.Errorf("a hub with nothing to do does not sleep")
	case a.taken != b.got || b.taken != a.got || w.sent != w.heard:
		w.fault = fmt.Errorf("all sleep, and %d of %d, %d of %d frames and %d of %d answers have come", b.got, a.taken, a.got, b.taken, w.heard, w.sent)
	}
	return w.fault
}

// TestSleepSimulation turns two hubs only when a bell, a descriptor or a timer has woken
// them, with everybody else's steps between the flag and the look before each sleep. A
// lost wake-up is met at once: whoever sleeps over something to do.
func TestSleepSimulation(t *testing.T) {
	seeds := uint64(max(*simSeeds, 300))
	for seed := uint64(1); seed <= seeds; seed++ {
		if err := newSleepWorld(seed).run(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
