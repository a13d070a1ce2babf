package modules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// The simulation of the real modules: two tunnels back to back over an in-memory wire, on
// fabrics that are turned by hand, while their processes are moved, pushed, popped and
// replaced from a seed. It takes the flags of the executive's own simulation:
//
//	go test ./dataplane/modules -run Simulation -seeds 10000
var simSeeds = flag.Int("seeds", 0, "simulate so many seeds")

const simDefault = 150

func TestSimulation(t *testing.T) {
	seeds, first := *simSeeds, 1
	if seeds == 0 {
		seeds, _ = strconv.Atoi(os.Getenv("CELLHUB_SEEDS"))
	}
	if seeds <= 0 {
		seeds = simDefault
	}
	if *seedFlag != 0 {
		first, seeds = int(*seedFlag), int(*seedFlag)
	}
	did, failed := map[string]int{}, 0
	for seed := first; seed <= seeds && failed < 5; seed++ {
		w := newSimWorld(t, uint64(seed), did)
		w.run()
		if w.fault != nil {
			failed++
			t.Errorf("seed %d: step %d: %v\nto replay: go test ./dataplane/modules -run Simulation -seed %d", seed, w.step, w.fault, seed)
		}
	}
	fmt.Printf("simulation of modules: %d seeds, %d failed\n", seeds-first+1, failed)
	t.Log(did)
	for _, what := range []string{"move", "move in a PDU", "push", "pop", "replace", "keeps", "lends", "carrier replaced"} {
		if did[what] == 0 && seeds-first >= simDefault-1 && failed == 0 {
			t.Errorf("no world has met: %s", what)
		}
	}
}

// simWorld is two ends, a and b, on the hubs of one fabric.
type simWorld struct {
	t      *testing.T
	rng    *rand.Rand
	did    map[string]int
	now    int64
	step   int
	fault  error
	cells  bool
	calm   bool // nothing is done that may lose a frame: none is lost
	arena  *block.Arena
	hubs   []*dataplane.Hub
	fabric *dataplane.Fabric
	ends   [2]*simEnd
}

// simEnd is one tunnel, and the host at its end.
type simEnd struct {
	host    nic.Device
	carrier *Carrier
	aal5    *aal5
	ids     []dataplane.ProcID // of what was built
	pushed  []dataplane.ProcID
	sent    [][]byte
	next    int // of the other end's frames, the first that has not come
	came    int
	lost    int // of its own, those before may be lost
}

func newSimWorld(t *testing.T, seed uint64, did map[string]int) *simWorld {
	w := &simWorld{t: t, rng: rand.New(rand.NewPCG(seed, 0xCE11)), did: did}
	w.cells, w.calm = w.rng.IntN(4) > 0, w.rng.IntN(3) > 0
	hubs := 1 + w.rng.IntN(3)
	var err error
	w.arena, err = block.NewArena(block.Config{Hubs: hubs, Small: 1500})
	w.must(err)
	for i := range hubs {
		h, err := dataplane.NewHub(dataplane.Config{Pool: w.arena.Pool(i), Clock: func() int64 { return w.now }})
		w.must(err)
		w.hubs = append(w.hubs, h)
	}
	carrier := 1700
	if w.cells {
		carrier = 70 + w.rng.IntN(1500) // PDUs span many frames
	}
	ca, cb := w.wire("carrier", carrier)
	r, devices := new(dataplane.Registry), map[string]nic.Device{"a": ca, "b": cb}
	w.must(Register(r))
	mode := ModeN1
	if !w.cells {
		mode = ModeAAL5SDU
	}
	for i, name := range []string{"a", "b"} {
		e := &simEnd{}
		w.ends[i] = e
		host, tap := w.wire("host", 1700)
		e.host = host
		devices["tap "+name] = tap
	}
	end := func(arg string) *simEnd { return w.ends[arg[len(arg)-1]-'a'] }
	w.must(r.Add("carrier", func(arg string) (dataplane.Module, error) {
		c := label(100)
		c.Mode, c.VC = mode, testVC
		d, err := NewCarrier(CarrierConfig{Device: devices[arg], Ports: []PortConfig{c}})
		if err != nil {
			return dataplane.Module{}, err
		}
		end(arg).carrier = d
		return d.Module(), nil
	}))
	w.must(r.Add("tap", func(arg string) (dataplane.Module, error) { return NewTAP(devices["tap "+arg], nil).Module(), nil }))
	w.must(r.Add("queue", func(string) (dataplane.Module, error) {
		return dataplane.Module{
			Name: "queue", ReadService: (*dataplane.Queue).Drain, WriteService: (*dataplane.Queue).Drain,
			Arrive: func(*dataplane.Queue) {},
		}, nil
	}))
	var building *simEnd
	w.must(r.Add("aal5", func(string) (dataplane.Module, error) {
		a := newAAL5(testVC)
		building.aal5 = a
		return a.module(), nil
	}))
	w.fabric, err = dataplane.NewFabric(r, w.hubs...)
	w.must(err)
	for i, name := range []string{"a", "b"} {
		building = w.ends[i]
		building.ids, err = w.fabric.Build(w.rng.IntN(hubs), Tunnel(TunnelConfig{Carrier: name, TAP: name, VC: testVC, Cells: w.cells, Encap: aal.LLC, Kind: aal.Bridged})...)
		w.must(err)
	}
	building = &simEnd{} // replaced ones are not looked into
	return w
}

// wire makes a wire of one of the three kinds of memory.
func (w *simWorld) wire(name string, frame int) (a, b nic.Device) {
	c := nic.WireConfig{Name: name, MaxFrame: frame, Depth: 2 << w.rng.IntN(7)}
	kind := w.rng.IntN(3)
	switch {
	case name == "host": // the test reads one end into its own memory
	case kind == 1:
		c.Lends = true
		w.did["lends"]++
	case kind == 2:
		c.Keeps = true
		w.did["keeps"]++
	}
	a, b, err := nic.NewWire(c)
	w.must(err)
	return a, b
}

func (w *simWorld) must(err error) {
	if err != nil && w.fault == nil {
		w.fault = err
	}
}

func (w *simWorld) run() {
	steps := 30 + w.rng.IntN(120)
	for w.step = 0; w.step < steps && w.fault == nil; w.step++ {
		w.now += int64(w.rng.IntN(1000))
		for i := range w.ends {
			w.send(i)
		}
		w.change()
		for _, h := range w.hubs {
			if w.rng.IntN(4) > 0 {
				h.Pass()
			}
		}
		w.receive()
	}
	for range 400 {
		w.now += 1000
		for _, h := range w.hubs {
			h.Pass()
		}
		w.receive()
	}
	for i, e := range w.ends {
		o := w.ends[1-i]
		if missing := len(o.sent) - e.came; missing > 0 && o.lost == 0 && w.fault == nil {
			w.fault = fmt.Errorf("%d frames of %d are missing at end %d in a world that loses none: %s", missing, len(o.sent), i, w.drops())
		}
	}
	w.must(w.fabric.Close())
	for i := range w.hubs {
		if blocks, views := w.arena.Pool(i).InUse(); blocks+views != 0 && w.fault == nil {
			w.fault = fmt.Errorf("after the end %d blocks and %d views are out", blocks, views)
		}
	}
	w.must(w.arena.Close())
}

// send has a host send some frames, as long as not many are under way.
func (w *simWorld) send(i int) {
	e, o := w.ends[i], w.ends[1-i]
	for n := w.rng.IntN(5); n > 0 && len(e.sent)-max(o.next, e.lost) < 12; n-- {
		f := frame(aal.Bridged, 60+w.rng.IntN(1400), uint64(len(e.sent)))
		binary.BigEndian.PutUint32(f[20:], uint32(len(e.sent)))
		if n, err := e.host.Transmit([][]byte{f}); n == 0 || err != nil {
			w.must(err)
			return
		}
		e.sent = append(e.sent, f)
	}
}

// lose notes that what is under way may be lost, uncounted: on a wire that is cut, or in a
// module whose counters go with it.
func (w *simWorld) lose() {
	for _, e := range w.ends {
		e.lost = len(e.sent)
	}
}

// receive takes what has come, and wants it to be what was sent, in order, once.
func (w *simWorld) receive() {
	for i, e := range w.ends {
		o := w.ends[1-i]
		for _, got := range receiveAll(w.t, e.host) {
			n := int(binary.BigEndian.Uint32(got[20:]))
			switch {
			case n >= len(o.sent) || !bytes.Equal(got, o.sent[n]):
				w.must(fmt.Errorf("end %d: a frame arrived that was not sent", i))
			case n < e.next:
				w.must(fmt.Errorf("end %d: frame %d arrived after %d", i, n, e.next-1))
			case o.lost == 0 && n > e.next || n > max(e.next, o.lost+1): // what was cut takes the next PDU along
				w.must(fmt.Errorf("end %d: frame %d arrived, %d was due: %s", i, n, e.next, w.drops()))
			}
			e.next = n + 1
			e.came++
		}
	}
}

// change does something to a process.
func (w *simWorld) change() {
	e := w.ends[w.rng.IntN(2)]
	all := append(e.ids[:len(e.ids):len(e.ids)], e.pushed...)
	hub := w.hubs[w.rng.IntN(len(w.hubs))].Number()
	switch w.rng.IntN(10) {
	case 0, 1, 2, 3:
		id := all[w.rng.IntN(len(all))]
		if w.cells && e.aal5.ras.Partial() {
			w.did["move in a PDU"]++
		}
		w.do("move", dataplane.Command{Number: control.HubMove, A: id, B: hub})
	case 4:
		if len(e.pushed) < 3 {
			name := []dataplane.Part{{Name: "queue"}, {Name: "capture", Arg: "0/100 /dev/null"}}[w.rng.IntN(20)/19]
			at := e.ids[2+w.rng.IntN(len(e.ids)-3)]
			if a, ok := w.do("push", dataplane.Command{Number: control.HubPush, A: at, Name: name.Name, Arg: name.Arg}); ok {
				e.pushed = append(e.pushed, a.Number)
			}
		}
	case 5:
		if n := len(e.pushed); n > 0 {
			i := w.rng.IntN(n)
			if _, ok := w.do("pop", dataplane.Command{Number: control.HubPop, A: e.pushed[i]}); ok {
				e.pushed = append(e.pushed[:i:i], e.pushed[i+1:]...)
			}
		}
	case 6:
		rfc := e.ids[len(e.ids)-3] // below toobig and the TAP
		w.do("replace", dataplane.Command{Number: control.HubReplace, A: rfc, Name: "rfc2684", Arg: "llc bridged"})
	case 7:
		if !w.calm && w.cells && w.rng.IntN(4) == 0 { // the PDU under way is lost
			w.did["replace in a PDU"]++
			w.lose()
			w.do("replace", dataplane.Command{Number: control.HubReplace, A: e.ids[3], Name: "aal5", Arg: "0/100"})
		}
	case 8:
		if !w.calm && w.rng.IntN(6) == 0 {
			w.replaceCarrier()
		}
	}
}

// replaceCarrier gives both ports a new wire: what was on the old one is lost.
func (w *simWorld) replaceCarrier() {
	w.did["carrier replaced"]++
	w.lose()
	a, b := w.wire("carrier", 300)
	if !w.cells {
		a, b = w.wire("carrier", 1700)
	}
	for i, dev := range []nic.Device{a, b} {
		e := w.ends[i]
		w.must(w.fabric.On(e.ids[0], func() { w.must(e.carrier.Replace(dev, [6]byte{})) }))
	}
}

func (w *simWorld) do(what string, c dataplane.Command) (dataplane.Answer, bool) {
	a, err := w.fabric.Do(c)
	switch {
	case err == nil:
		w.did[what]++
		return a, true
	case errors.Is(err, dataplane.ErrNoRoom), errors.Is(err, dataplane.ErrRestless):
		w.did["refused"]++
	default:
		w.must(fmt.Errorf("%s: %w", what, err))
	}
	return a, false
}

// drops are the counters of losses that are not 0.
func (w *simWorld) drops() (s string) {
	for i, e := range w.ends {
		counts, err := w.fabric.Counters(e.ids...)
		w.must(err)
		for _, c := range counts {
			for _, n := range c {
				if len(n.Name) > 7 && n.Name[2:7] == "_drop" && n.N > 0 {
					s += fmt.Sprintf(" %d.%s %d", i, n.Name, n.N)
				}
			}
		}
	}
	for i, h := range w.hubs {
		if c := h.Counters(); c.Unlinked+c.Unknown+c.NoBlocks+c.NoNodes+c.NoDefer+c.Flushed > 0 {
			s += fmt.Sprintf(" hub %d %+v", i, c)
		}
	}
	return s
}
