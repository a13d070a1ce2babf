package client

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/pace"
	"github.com/cellhub/cellhub/dataplane/region"
)

// rig is a hub that runs, and regions of clients in it, without a control socket.
type rig struct {
	t      testing.TB
	fabric *dataplane.Fabric
}

// attachment is a client's region in a rig.
type attachment struct {
	rig     *rig
	home    *region.Region
	sockets *modules.Sockets
	driver  dataplane.ProcID
	shared  *shared
	broken  chan uint32
}

func newRig(t testing.TB, pace pace.Config) *rig {
	t.Helper()
	r := &rig{t: t}
	arena, err := block.NewArena(block.Config{Small: 4096, Medium: 256, Large: 16})
	if err != nil {
		t.Fatal(err)
	}
	hub, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Pace: pace})
	if err != nil {
		t.Fatal(err)
	}
	registry := new(dataplane.Registry)
	if err := modules.Register(registry); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]dataplane.Constructor{
		"echo": func(string) (dataplane.Module, error) {
			return dataplane.Module{Name: "echo", ReadService: (*dataplane.Queue).Drain,
				WritePut:     func(q *dataplane.Queue, m dataplane.Msg) { q.ForwardTo(q.Mate(), m) },
				WriteService: func(q *dataplane.Queue) { q.DrainTo(func(*dataplane.Msg) *dataplane.Queue { return q.Mate() }) }}, nil
		},
	} {
		if err := registry.Add(name, c); err != nil {
			t.Fatal(err)
		}
	}
	if r.fabric, err = dataplane.NewFabric(registry, hub); err != nil {
		t.Fatal(err)
	}
	ran := make(chan struct{})
	go func() { r.fabric.Run(); close(ran) }()
	t.Cleanup(func() {
		r.fabric.Stop()
		<-ran
		_ = r.fabric.Close()
		if chunks, views := arena.Pool(0).InUse(); chunks != 0 || views != 0 {
			t.Errorf("after close: %d chunks and %d views are out", chunks, views)
		}
		_ = arena.Close()
	})
	return r
}

func (r *rig) build(parts ...dataplane.Part) []dataplane.ProcID {
	r.t.Helper()
	ids, err := r.fabric.Build(0, parts...)
	if err != nil {
		r.t.Fatal(err)
	}
	return ids
}

func (r *rig) do(c dataplane.Command) dataplane.Answer {
	r.t.Helper()
	a, err := r.fabric.Do(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// attach makes a region in the rig; its client's descriptors are returned.
func (r *rig) attach(c region.Config) (*attachment, region.Passed) {
	r.t.Helper()
	a := &attachment{rig: r, broken: make(chan uint32, 16)}
	home, passed, err := region.Make(c)
	if err != nil {
		r.t.Fatal(err)
	}
	a.home = home
	a.sockets, err = modules.NewSockets(modules.SocketsConfig{Region: home, Now: func() int64 { return time.Now().UnixNano() },
		Broken: func(n uint32) {
			select {
			case a.broken <- n:
			default:
			}
		}})
	if err != nil {
		r.t.Fatal(err)
	}
	m := a.sockets.Module()
	a.driver = r.build(dataplane.Part{Module: &m})[0]
	return a, passed
}

// client is attach with the client in this process.
func (r *rig) client(c region.Config) *attachment {
	r.t.Helper()
	a, passed := r.attach(c)
	mine, err := region.Open(passed[:])
	if err != nil {
		r.t.Fatal(err)
	}
	a.shared = newShared(mine)
	r.t.Cleanup(func() { a.shared.close(net.ErrClosed) })
	return a
}

// place makes a socket above the process below.
func (a *attachment) place(below dataplane.ProcID, max int, kind region.Kind) (region.Place, dataplane.ProcID) {
	t := a.rig.t
	t.Helper()
	s, err := region.ShapeFor(max)
	if err != nil {
		t.Fatal(err)
	}
	s.Kind = kind
	ch, place, err := a.home.Alloc(s)
	if err != nil {
		t.Fatal(err)
	}
	a.sockets.Expect(ch)
	id := a.rig.do(dataplane.Command{Number: control.HubPair, A: a.driver, Arg: strconv.Itoa(int(ch.Number))}).Number
	a.rig.do(dataplane.Command{Number: control.HubLink, A: below, B: id})
	return place, id
}

// flow is a socket above the process below, as its application has it.
func (a *attachment) flow(below dataplane.ProcID, max int, kind region.Kind) *flow {
	a.rig.t.Helper()
	place, _ := a.place(below, max, kind)
	f, err := a.shared.attach(place.Offset, place.Size)
	if err != nil {
		a.rig.t.Fatal(err)
	}
	return f
}

// count is a counter of the hub's end.
func (a *attachment) count(name string) uint64 {
	a.rig.t.Helper()
	counts, err := a.rig.fabric.Counters(a.driver)
	if err != nil {
		a.rig.t.Fatal(err)
	}
	for _, c := range counts[0] {
		if c.Name == name {
			return c.N
		}
	}
	a.rig.t.Fatalf("no counter %q", name)
	return 0
}

// eventually waits for a state.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}
