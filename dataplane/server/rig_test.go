package server_test

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/control/controltest"
	"github.com/cellhub/cellhub/dataplane/modules"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/nic"
)

// rig is a server over a fabric that runs, whose ports stand on in-memory wires: the
// specification "wire:NAME-a,LABEL" is a label on one end of the wire NAME, "-b" on the other.
type rig struct {
	t      testing.TB
	fabric *dataplane.Fabric
	arena  *block.Arena
	server *server.Server
	path   string
	wires  wires
	hold   chan struct{} // what the command "block" of a pulse waits for
	paths  []uint64      // handles that a pulse was told of; on the hub
}

func newRig(t testing.TB, hubs int, edit ...func(*server.Config)) *rig {
	t.Helper()
	return newRelayRig(t, hubs, nil, edit...)
}

func newRelayRig(t testing.TB, hubs int, relay server.Relay, edit ...func(*server.Config)) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "control"), wires: wires{}, hold: make(chan struct{})}
	var err error
	if r.arena, err = block.NewArena(block.Config{Hubs: hubs, Small: 4096, Medium: 1024, Large: 64}); err != nil {
		t.Fatal(err)
	}
	var all []*dataplane.Hub
	for i := range hubs {
		h, err := dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(i)})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	var registry dataplane.Registry
	if err := modules.Register(&registry); err != nil {
		t.Fatal(err)
	}
	if err := registry.Add("pulse", r.pulse); err != nil {
		t.Fatal(err)
	}
	if err := registry.Add("ether", r.ether); err != nil {
		t.Fatal(err)
	}
	if err := registry.Add("dam", dam); err != nil {
		t.Fatal(err)
	}
	if r.fabric, err = dataplane.NewFabric(&registry, all...); err != nil {
		t.Fatal(err)
	}
	config := server.Config{Fabric: r.fabric, Opener: r.wires, Relay: relay}
	for _, e := range edit {
		e(&config)
	}
	r.server, err = server.New(config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := control.Listen(r.path, 0o660)
	if err != nil {
		t.Fatal(err)
	}
	turned, served := make(chan struct{}), make(chan error, 1)
	go func() { r.fabric.Run(); close(turned) }()
	go func() { served <- r.server.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		r.server.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		r.fabric.Stop()
		<-turned
		if err := r.fabric.Close(); err != nil {
			t.Error(err)
		}
		for i := range hubs {
			if small, _ := r.arena.Pool(i).InUse(); small != 0 {
				t.Errorf("hub %d: %d blocks are not free", i, small)
			}
		}
		r.arena.Close()
	})
	return r
}

func (r *rig) dial(role control.Role, ports ...uint16) *controltest.Client {
	r.t.Helper()
	return controltest.Dial(r.t, r.path, role, ports...)
}

// pulse is a driver that sends SDUs when it is told, and counts those that come. Its key is
// its argument, if that is a number.
func (r *rig) pulse(arg string) (dataplane.Module, error) {
	key, _ := strconv.ParseUint(arg, 10, 64)
	var received, refused uint64
	var wq *dataplane.Queue
	send := func(p []byte) ([]byte, error) {
		const most = 1 << 16 // the hub turns meanwhile only for this
		if len(p) != 4 || binary.BigEndian.Uint32(p) > most {
			return nil, syscall.EINVAL
		}
		for range binary.BigEndian.Uint32(p) {
			if !wq.CanPutNext() {
				refused++
				continue
			}
			b := wq.Hub().Pool.Alloc(40)
			if b == 0 {
				return nil, syscall.ENOBUFS
			}
			wq.Hub().Pool.Extend(b, 40)
			wq.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: 40})
		}
		return nil, nil
	}
	return dataplane.Module{
		Name: "pulse", Key: key, Path: func(handle uint64) { r.paths = append(r.paths, handle) },
		Open: func(q *dataplane.Queue) error { wq = q.Mate(); return nil },
		ReadPut: func(q *dataplane.Queue, m dataplane.Msg) {
			if m.Type == dataplane.Data {
				received++
			}
			q.Hub().Free(m)
		},
		WriteService: func(*dataplane.Queue) {},
		Counters: func() []dataplane.Count {
			return []dataplane.Count{{Name: "received", N: received}, {Name: "refused", N: refused}}
		},
		Commands: []dataplane.ModuleCommand{
			{Number: 128, Name: "send", Direction: control.DirectionIn, Most: 4, Run: send},
			{Number: 129, Name: "echo", Direction: control.DirectionBoth, Most: 4096, Run: func(p []byte) ([]byte, error) { return p, nil }},
			{Number: 130, Name: "long", Direction: control.DirectionOut, Most: 4096, Run: func([]byte) ([]byte, error) { return make([]byte, 100), nil }},
			{Number: 131, Name: "block", Blocks: true, Run: func([]byte) ([]byte, error) { <-r.hold; return nil, nil }},
			{Number: 132, Name: "nothing"},
		},
	}, nil
}

// wires opens ports on in-memory wires.
type wires map[string][2]nic.Device

type wireSpec struct {
	wires wires
	end   string
	label uint32
}

func (w wires) Read(text string) (server.PortSpec, error) {
	end, label, _ := strings.Cut(strings.TrimPrefix(text, "wire:"), ",")
	n, err := strconv.ParseUint(label, 10, 20)
	if err != nil || n < modules.FirstLabel || !strings.HasPrefix(text, "wire:") || len(end) < 3 || end[len(end)-2] != '-' {
		return nil, fmt.Errorf("%q: wire:NAME-a,LABEL", text)
	}
	return wireSpec{w, end, uint32(n)}, nil
}

func (s wireSpec) String() string        { return strconv.Itoa(int(s.label)) }
func (s wireSpec) Carrier() string       { return s.end }
func (s wireSpec) Hold() (func(), error) { return func() {}, nil }
func (s wireSpec) device() (d nic.Device, e error) {
	name, side := s.end[:len(s.end)-2], s.end[len(s.end)-1]-'a'
	pair := s.wires[name]
	if side > 1 {
		return nil, fmt.Errorf("%q: no such end", s.end)
	}
	if pair[side] == nil {
		if pair[0], pair[1], e = nic.NewWire(nic.WireConfig{Name: name}); e != nil {
			return nil, e
		}
	}
	d, pair[side] = pair[side], nil
	s.wires[name] = pair
	return d, nil
}

func (s wireSpec) Open() (server.Carrier, error) {
	d, err := s.device()
	if err != nil {
		return nil, err
	}
	c, err := modules.NewCarrier(modules.CarrierConfig{Device: d})
	return wireCarrier{c}, err
}

type wireCarrier struct{ *modules.Carrier }

func (c wireCarrier) AddPort(p server.PortSpec) (uint32, error) {
	label := p.(wireSpec).label
	return c.Carrier.AddPort(modules.PortConfig{Encapsulation: modules.Encapsulation{LabelOut: label, LabelIn: label}})
}

func (c wireCarrier) RemovePort(_ server.PortSpec, number uint32) error {
	return c.Carrier.RemovePort(number)
}

// twoEnds makes both ends of a wire ports 1 and 2, with a stream of a pulse and AAL5 on each,
// called left and right, and VC 0/100 between them.
func twoEnds(c *controltest.Client) (left, right uint32) {
	c.T.Helper()
	for i, name := range []string{"left", "right"} {
		side := string("ab"[i])
		c.Must(c.Hub(control.HubOpen, 0, uint32(i+1), "port", "port-"+name+" wire:w-"+side+",100", ""))
		top := c.Must(c.Hub(control.HubOpen, 0, 0, "pulse", "", name)).Hub().A
		c.Must(c.Hub(control.HubPush, top, 0, "aal5", "", ""))
		c.Must(c.ATM(control.ATMAdd, control.ATM{Port: uint16(i + 1), VCI: 100, AAL: control.AAL5, Receiver: top}))
		if left, right = right, top; i == 0 {
			left = 0
		}
	}
	return left, right
}

// number is the argument of a command.
func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// dam is a driver that keeps what comes until its command 128 lets it go.
func dam(string) (dataplane.Module, error) {
	var rq *dataplane.Queue
	return dataplane.Module{
		Name:        "dam",
		Open:        func(q *dataplane.Queue) error { rq = q; q.NoEnable(); return nil },
		ReadPut:     func(q *dataplane.Queue, m dataplane.Msg) { q.PutQ(m) },
		ReadService: func(*dataplane.Queue) {},
		Commands: []dataplane.ModuleCommand{{Number: 128, Run: func([]byte) ([]byte, error) {
			for m, ok := rq.GetQ(); ok; m, ok = rq.GetQ() {
				rq.Hub().Free(m)
			}
			return nil, nil
		}}},
	}, nil
}
