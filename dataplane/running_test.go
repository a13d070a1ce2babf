package dataplane

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
)

// runners are hubs that really run, each on its own thread.
type runners struct {
	t      *testing.T
	arena  *block.Arena
	hubs   []*Hub
	fabric *Fabric
	names  Registry
	line   *Line
	wait   sync.WaitGroup
	before int // goroutines
	procs  int // GOMAXPROCS
}

func newRunners(t *testing.T, hubs int) *runners {
	t.Helper()
	r := &runners{t: t, before: runtime.NumGoroutine()}
	r.procs = runtime.GOMAXPROCS(hubs + 2) // a busy hub keeps its processor from the test's goroutines
	var err error
	if r.arena, err = block.NewArena(block.Config{Hubs: hubs, Small: 512}); err != nil {
		t.Fatal(err)
	}
	for i := range hubs {
		h, err := NewHub(Config{Pool: r.arena.Pool(i)})
		if err != nil {
			t.Fatal(err)
		}
		r.hubs = append(r.hubs, h)
	}
	if err := r.names.Add("pass", func(string) (Module, error) { return pass("pushed"), nil }); err != nil {
		t.Fatal(err)
	}
	if r.fabric, err = NewFabric(&r.names, r.hubs...); err != nil {
		t.Fatal(err)
	}
	if r.line, err = r.hubs[hubs-1].NewLine(); err != nil {
		t.Fatal(err)
	}
	return r
}

// command sends a command as a message, to the first hub, and waits for its answer.
func (r *runners) command(c Command) (Answer, error) {
	for !r.line.Send(Msg{Type: Ctl, Class: control.ClassHub, Dst: r.hubs[0].Number(), Info: uint32(c.Number)}, c.Encode()) {
		runtime.Gosched()
	}
	for {
		<-r.line.Ready()
		if m, data, ok := r.line.Receive(); ok {
			return DecodeAnswer(m, data)
		}
	}
}

func (r *runners) start() {
	r.wait.Go(r.fabric.Run)
	for _, h := range r.hubs { // before it runs, a call runs on its caller
		for passes := uint64(0); passes == 0; h.Call(func() { passes = h.counters.Passes }) {
			runtime.Gosched()
		}
	}
}

// stop ends the hubs and wants nothing to be left: no goroutine, block, node, refusal
// or timer.
func (r *runners) stop() {
	r.t.Helper()
	r.fabric.Stop()
	r.wait.Wait()
	runtime.GOMAXPROCS(r.procs)
	closeHubs(r.t, r.arena, r.hubs)
	for _, h := range r.hubs {
		if h.Call(func() {}) {
			r.t.Error("a hub that has ended takes calls")
		}
	}
	for range 1000 { // Run's goroutine may take a moment to die
		if runtime.NumGoroutine() <= r.before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	r.t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), r.before)
}

// terminal is an end of a stream that sends numbers and checks those it gets.
type terminal struct {
	hub      *Hub
	out      *Queue
	send     uint64 // how many to send
	sent     uint64
	got      uint64
	high     uint64 // high-priority ones, numbered apart
	waits    bool   // for blocks
	trouble  error
	arrivals chan struct{} // closed when want have come
	want     uint64
}

func (e *terminal) module(top bool) Module {
	m := Module{Name: "terminal", Open: func(q *Queue) error {
		e.out = q
		if top {
			e.out = q.Mate()
		}
		return nil
	}}
	service := func(*Queue) {} // Poll goes on
	if top {
		m.ReadPut, m.WriteService = e.take, service
	} else {
		m.WritePut, m.ReadService = e.take, service
	}
	return m
}

// Poll sends a burst, as long as there is room: every fourth message in a block, every
// eighth ahead of all others.
func (e *terminal) Poll() (n int) {
	for ; n < 32 && e.sent < e.send && e.out.CanPutNext(); n++ {
		m := Msg{Type: Data, Conn: e.sent}
		if e.sent%8 == 7 {
			m.Type = PCProto
		}
		if e.sent%4 == 3 {
			b := e.hub.Pool.Alloc(1)
			if b == 0 {
				if !e.waits {
					e.waits = e.hub.BufCall(16, 1, func() { e.waits = false })
				}
				return n
			}
			e.hub.Pool.Extend(b, 8)[0] = byte(e.sent)
			m.Block, m.Len = b, 8
		}
		e.sent++
		e.out.PutNext(m)
	}
	return n
}

func (e *terminal) Send() {}

func (e *terminal) take(q *Queue, m Msg) {
	next := &e.got
	if m.Type == PCProto {
		next = &e.high
	}
	at := *next
	if m.Type == PCProto {
		at = 8*at + 7
	} else {
		at += at / 7 // the others, without every eighth
	}
	if m.Conn != at && e.trouble == nil {
		e.trouble = fmt.Errorf("%d came, type %#x, where %d was due", m.Conn, m.Type, at)
	}
	if m.Block != 0 && e.hub.Pool.Bytes(m.Block)[0] != byte(m.Conn) && e.trouble == nil {
		e.trouble = fmt.Errorf("%d came with another block", m.Conn)
	}
	q.Hub().Free(m)
	*next++
	if e.got+e.high == e.want {
		close(e.arrivals)
	}
}

// stream builds a terminal on hub a, modules above it, and a terminal on hub b.
func (r *runners) stream(a, b int, n uint64, modules ...Module) (ends [2]*terminal, ids []ProcID) {
	r.t.Helper()
	add := func(h int, m Module) {
		id, err := r.hubs[h].Add(m)
		if err != nil {
			r.t.Fatal(err)
		}
		if ids = append(ids, id); len(ids) > 1 {
			if err := r.fabric.Join(ids[len(ids)-2], id); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	for i, h := range []int{a, b} {
		ends[i] = &terminal{hub: r.hubs[h], send: n, want: n, arrivals: make(chan struct{})}
	}
	add(a, ends[0].module(false))
	for _, m := range modules {
		add(a, m)
	}
	add(b, ends[1].module(true))
	for i, id := range []ProcID{ids[0], ids[len(ids)-1]} {
		if err := ends[i].hub.AddPoller(id, ends[i]); err != nil {
			r.t.Fatal(err)
		}
	}
	return ends, ids
}

// arrive waits until both ends have got all, and looks whether that was in order.
func (r *runners) arrive(ends [2]*terminal) {
	r.t.Helper()
	for i, e := range ends {
		select {
		case <-e.arrivals:
		case <-time.After(time.Minute): // a stream that stands still, not a slow one
			var got uint64
			e.hub.Call(func() { got = e.got + e.high })
			r.t.Errorf("end %d: %d of %d came", i, got, e.want)
			r.dump()
			r.t.FailNow()
		}
		e.hub.Call(func() {
			if e.trouble != nil {
				r.t.Errorf("end %d: %v", i, e.trouble)
			}
		})
	}
	for i, h := range r.hubs {
		h.Call(func() {
			if c := h.counters; c.NoDefer+c.NoNodes+c.Flushed+c.Unlinked+c.NoBlocks != 0 {
				r.t.Errorf("hub %d has lost something: %+v", i, c)
			}
		})
	}
}

// dump shows what stands where.
func (r *runners) dump() {
	for i, h := range r.hubs {
		h.Call(func() {
			r.t.Logf("hub %d: %+v, %d blocks available, %d calls for blocks", i, h.counters, h.Pool.Available(1), len(h.bufcalls))
			for _, p := range h.standing() {
				r.t.Logf("  %#x %s: up %+v, down %+v", p.id, p.module.Name, p.rq.Stat(0), p.wq.Stat(0))
				if x := p.proxy; x != nil {
					r.t.Logf("    to %#x, credit %d, owed %d", x.mate.pair().id, x.credit, x.owed)
				}
			}
		})
	}
}

func load(n uint64) uint64 {
	if testing.Short() {
		return n / 10
	}
	return n
}

// TestRunningHubsKeepOrder sends both ways through two hubs that run.
func TestRunningHubsKeepOrder(t *testing.T) {
	r := newRunners(t, 2)
	var all [][2]*terminal
	for range 4 {
		ends, _ := r.stream(0, 1, load(20000), pass("m"), through("t"))
		all = append(all, ends)
	}
	r.start()
	for _, ends := range all {
		r.arrive(ends)
	}
	r.stop()
}

// TestRunningMove takes two modules from hub to hub and home while they carry traffic.
func TestRunningMove(t *testing.T) {
	r := newRunners(t, 3)
	ends, ids := r.stream(0, 0, load(100000), pass("low"), pass("a"), pass("b"), through("high"))
	r.start()
	run := ids[2:4]
	moves := 0
	for done := false; !done; {
		select {
		case <-ends[0].arrivals:
			done = true
		default:
		}
		for _, to := range []int{1, 2, 0} {
			if err := r.fabric.Move(run, to); err != nil {
				t.Fatal(err)
			}
			moves++
		}
	}
	r.arrive(ends)
	for i, h := range r.hubs {
		h.Call(func() {
			for _, p := range h.standing() {
				if p.proxy != nil {
					t.Errorf("a proxy is left on hub %d", i)
				}
			}
		})
	}
	t.Logf("%d moves", moves)
	r.stop()
}

// TestRunningMovesApart moves four modules, each by itself, without waiting.
func TestRunningMovesApart(t *testing.T) {
	r := newRunners(t, 3)
	ends, ids := r.stream(1, 2, load(50000), pass("a"), through("b"), pass("c"), pass("d"))
	r.start()
	rng := rand.New(rand.NewPCG(7, 7))
	modules := ids[1:5]
	for range 60 {
		i, to := rng.IntN(4), rng.IntN(3)
		if err := r.fabric.Move(modules[i:i+1], to); err != nil {
			t.Fatal(err)
		}
	}
	r.arrive(ends)
	r.stop()
}

// TestRunningCommands pushes and pops modules by commands under traffic, while calls
// from other goroutines look at the hub.
func TestRunningCommands(t *testing.T) {
	r := newRunners(t, 2)
	ends, ids := r.stream(0, 1, load(50000), pass("m"))
	r.start()
	do := func(c Command) ProcID {
		a, err := r.command(c)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		return a.Number
	}
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			for i := range 200 {
				h := r.hubs[i%2]
				if !h.Call(func() { _ = h.Counters(); _, _ = h.Pool.InUse() }) {
					t.Error("a call was not taken")
				}
			}
		})
	}
	for range 100 {
		a := do(Command{Number: control.HubPush, A: ids[0], Name: "pass"})
		b := do(Command{Number: control.HubPush, A: a, Name: "pass"})
		do(Command{Number: control.HubReplace, A: a, Name: "pass"})
		do(Command{Number: control.HubPop, A: a})
		do(Command{Number: control.HubPop, A: b})
	}
	calls.Wait()
	r.arrive(ends)
	r.stop()
}

// TestIdleHubSleepsAndWakes: a hub without work sleeps, and a call, a timer, a message
// from another hub, a descriptor and Stop wake it.
func TestIdleHubSleepsAndWakes(t *testing.T) {
	r := newRunners(t, 2)
	ends, _ := r.stream(0, 1, 0)
	r.start()
	asleep := func() { // with no work, passes end however long we wait
		t.Helper()
		for _, h := range r.hubs {
			passes := func() (n uint64) {
				h.Call(func() { n = h.counters.Passes })
				return n
			}
			for before, tries := passes(), 0; ; tries++ {
				time.Sleep(20 * time.Millisecond)
				after := passes()
				if after-before < 40 {
					break
				}
				if before = after; tries == 100 {
					t.Fatal("an idle hub turns on and on")
				}
			}
		}
	}
	asleep()
	fired := make(chan struct{})
	timer := Timer{Fire: func() { close(fired) }}
	if !r.hubs[0].Call(func() { r.hubs[0].StartTimer(&timer, r.hubs[0].Now()+int64(3*time.Millisecond)) }) {
		t.Fatal("not called")
	}
	<-fired
	asleep()
	r.hubs[0].Call(func() { ends[0].send, ends[1].want = 1000, 1000 })
	<-ends[1].arrivals
	asleep()
	r.stop()
}

// TestRunningMovesAndCommands pushes and pops by command in a stream whose modules are
// moved at the same time.
func TestRunningMovesAndCommands(t *testing.T) {
	r := newRunners(t, 2)
	ends, ids := r.stream(0, 0, load(50000), through("low"), pass("a"), pass("b"), through("high"))
	r.start()
	var commands sync.WaitGroup
	done := make(chan struct{})
	pushed := 0
	commands.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			for _, at := range []ProcID{ids[0], ids[1], ids[4]} {
				a, err := r.command(Command{Number: control.HubPush, A: at, Name: "pass"})
				if err == nil {
					_, err = r.command(Command{Number: control.HubPop, A: a.Number})
				}
				if err != nil {
					t.Error(err)
					return
				}
				pushed++
			}
		}
	})
	run := ids[2:4]
	moves := 0
	for range 6 {
		for _, to := range []int{1, 0} {
			if err := r.fabric.Move(run, to); err != nil {
				t.Error(err)
			}
			moves++
		}
	}
	close(done)
	commands.Wait()
	r.arrive(ends)
	t.Logf("%d moves, %d modules pushed and popped", moves, pushed)
	if moves == 0 || pushed == 0 {
		t.Error("one kept the other from all it wanted to do")
	}
	r.stop()
}

// TestRunningPartAndJoin takes a path between two hubs apart and makes it anew, again
// and again, under traffic: what is lost is counted, the rest comes in order, and no
// path has the messages or the credit of one before.
func TestRunningPartAndJoin(t *testing.T) {
	r := newRunners(t, 2)
	ends, ids := r.stream(0, 1, 0, pass("m"))
	var last [2]uint64
	for i, e := range ends {
		inOrder := Module{Name: "terminal", Poller: e, Open: func(*Queue) error { return nil }}
		take := func(q *Queue, m Msg) {
			if m.Type == Data {
				if m.Conn < last[i] {
					e.trouble = fmt.Errorf("%d came after %d", m.Conn, last[i])
				}
				last[i] = m.Conn
			}
			e.got++
			q.Hub().Free(m)
		}
		service := func(*Queue) {}
		inOrder.WritePut, inOrder.ReadService = take, service
		if i == 1 {
			inOrder.WritePut, inOrder.ReadService = nil, nil
			inOrder.ReadPut, inOrder.WriteService = take, service
		}
		if err := e.hub.Replace([]ProcID{ids[0], ids[2]}[i], inOrder); err != nil {
			t.Fatal(err)
		}
		e.send = 1 << 40
	}
	r.start()
	for range 150 {
		if err := r.fabric.Part(ids[1]); err != nil {
			t.Fatal(err)
		}
		if err := r.fabric.Join(ids[1], ids[2]); err != nil {
			t.Fatal(err)
		}
	}
	var sent, got, lost uint64
	for _, e := range ends {
		e.hub.Call(func() { e.send = 0 })
	}
	count := func() {
		sent, got, lost = 0, 0, 0
		for i, e := range ends {
			e.hub.Call(func() {
				if e.trouble != nil {
					t.Errorf("end %d: %v", i, e.trouble)
				}
				sent += e.sent
				got += e.got
				lost += e.hub.counters.Unlinked + e.hub.counters.Flushed
			})
		}
	}
	for tries := 0; tries < 1000; tries++ {
		if count(); sent == got+lost {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if sent != got+lost || got == 0 {
		t.Errorf("%d sent, %d came, %d are counted as lost", sent, got, lost)
	}
	for _, h := range r.hubs {
		h.Call(func() {
			for _, p := range h.standing() {
				if p.proxy != nil && p.proxy.credit > creditWindow {
					t.Errorf("a path has the credit of another: %d", p.proxy.credit)
				}
			}
		})
	}
	r.stop()
}
