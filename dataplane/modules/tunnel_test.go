package modules

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// end is one end of a tunnel without a kernel: a hub whose TAP and whose carrier
// are wires, turned by hand on a clock of the test's.
type end struct {
	hub     *dataplane.Hub
	fabric  *dataplane.Fabric
	parts   []dataplane.Part
	ids     []dataplane.ProcID
	arena   *block.Arena
	tap     *TAP
	aal5    *aal5
	carrier *Carrier
	host    nic.Device // the other end of the TAP's wire
	chunks  int        // out while nothing is under way
}

type tunnelConfig struct {
	mode    Mode
	encap   aal.Encap
	kind    aal.Kind
	ether   bool
	lends   bool
	carrier int // octets of a carrier frame
}

var testVC = aal.VC{VPI: 0, VCI: 100}

type testClock struct{ now int64 }

func (c *testClock) read() int64 { return c.now }

func newEnd(t testing.TB, c tunnelConfig, carrier nic.Device, clock *testClock, own, peer byte) *end {
	t.Helper()
	arena, err := block.NewArena(block.Config{Medium: 512})
	if err != nil {
		t.Fatal(err)
	}
	e := &end{arena: arena}
	if e.hub, err = dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: clock.read}); err != nil {
		t.Fatal(err)
	}
	host, tap, err := nic.NewWire(nic.WireConfig{Name: "host", MaxFrame: 10000})
	if err != nil {
		t.Fatal(err)
	}
	e.host = host
	pc := label(100)
	pc.Mode, pc.VC = c.mode, testVC
	cc := CarrierConfig{Device: carrier}
	if c.ether {
		cc.Link, cc.Own = LinkEthernet, [6]byte{2, 0, 0, 0, 0, own}
		pc.Far = Far{Station: [6]byte{2, 0, 0, 0, 0, peer}, Check: true}
	}
	cc.Ports = []PortConfig{pc}
	e.build(t, c, cc, tap)
	e.chunks, _ = arena.Pool(0).InUse()
	t.Cleanup(func() {
		_ = e.fabric.Close()
		if chunks, views := arena.Pool(0).InUse(); chunks != 0 || views != 0 {
			t.Errorf("after close: %d chunks and %d views are out", chunks, views)
		}
		_ = arena.Close()
	})
	return e
}

// build makes the stream that doc.go draws.
func (e *end) build(t testing.TB, c tunnelConfig, cc CarrierConfig, tap nic.Device) {
	t.Helper()
	var err error
	if e.carrier, err = NewCarrier(cc); err != nil {
		t.Fatal(err)
	}
	e.tap, e.aal5 = NewTAP(tap, nil), newAAL5(testVC)
	if e.fabric, err = dataplane.NewFabric(registry(t, map[string]dataplane.Module{
		"carrier": e.carrier.Module(), "tap": e.tap.Module(), "aal5": e.aal5.module(),
	}), e.hub); err != nil {
		t.Fatal(err)
	}
	e.parts = Tunnel(TunnelConfig{VC: testVC, Cells: c.mode.Cells(), Encap: c.encap, Kind: c.kind})
	if e.ids, err = e.fabric.Build(0, e.parts...); err != nil {
		t.Fatal(err)
	}
}

// registry knows all modules of the package, and some that are there already.
func registry(t testing.TB, made map[string]dataplane.Module) *dataplane.Registry {
	t.Helper()
	r := new(dataplane.Registry)
	if err := Register(r); err != nil {
		t.Fatal(err)
	}
	for name, m := range made {
		if err := r.Add(name, func(string) (dataplane.Module, error) { return m, nil }); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// count is a counter of a module of the stream.
func (e *end) count(t testing.TB, module, name string) uint64 {
	t.Helper()
	counts, err := e.fabric.Counters(e.ids...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range e.parts {
		for _, c := range counts[i] {
			if p.Name == module && c.Name == name {
				return c.N
			}
		}
	}
	t.Fatalf("%s has no counter %s", module, name)
	return 0
}

func newTunnel(t testing.TB, c tunnelConfig) (a, b *end, clock *testClock) {
	t.Helper()
	clock = &testClock{}
	if c.carrier == 0 {
		c.carrier = 12000
	}
	wa, wb, err := nic.NewWire(nic.WireConfig{Name: "carrier", MaxFrame: c.carrier, Lends: c.lends})
	if err != nil {
		t.Fatal(err)
	}
	return newEnd(t, c, wa, clock, 1, 2), newEnd(t, c, wb, clock, 2, 1), clock
}

func (c tunnelConfig) String() string {
	carrier, lends := "udp", "owned"
	if c.ether {
		carrier = "eth"
	}
	if c.lends {
		lends = "borrowed"
	}
	return fmt.Sprintf("%s/%s/%s/%s/%s", carrier, c.mode, c.encap, c.kind, lends)
}

func everyTunnel(visit func(tunnelConfig)) {
	for _, mode := range []Mode{ModeN1, ModeN1CW, ModeAAL5SDU} {
		for _, encap := range []aal.Encap{aal.LLC, aal.VCMux} {
			for _, kind := range []aal.Kind{aal.Bridged, aal.Routed} {
				for i := range 4 {
					visit(tunnelConfig{mode: mode, encap: encap, kind: kind, ether: i&1 != 0, lends: i&2 != 0})
				}
			}
		}
	}
}

// frame is a frame of n octets that the tunnel of kind carries, with content of its own.
func frame(kind aal.Kind, n int, seed uint64) []byte {
	f := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	for i := range f {
		f[i] = byte(r.Uint32())
	}
	if kind == aal.Routed {
		f[0] = 0x45
		if seed&1 != 0 {
			f[0] = 0x60
		}
	}
	return f
}

// room is what receiveAll reads into; no test here runs in parallel.
var room = func() [][]byte {
	bufs := make([][]byte, 64)
	for i := range bufs {
		bufs[i] = make([]byte, 16384)
	}
	return bufs
}()

// receiveAll drains a wire's end.
func receiveAll(t testing.TB, dev nic.Device) (frames [][]byte) {
	t.Helper()
	for {
		bufs := append([][]byte(nil), room...)
		n, err := dev.Receive(bufs)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return frames
		}
		for _, f := range bufs[:n] {
			frames = append(frames, bytes.Clone(f))
		}
		dev.Release()
	}
}

func send(t testing.TB, dev nic.Device, frames ...[]byte) {
	t.Helper()
	if n, err := dev.Transmit(frames); n != len(frames) || err != nil {
		t.Fatalf("the host's wire took %d of %d frames: %v", n, len(frames), err)
	}
}

// settle turns both hubs until neither has work.
func settle(a, b *end) {
	for idle := 0; idle < 3; {
		if a.hub.Pass()+b.hub.Pass() == 0 {
			idle++
		} else {
			idle = 0
		}
	}
}

// TestTunnelCarriesEverySize sends frames of every length that matters through
// every kind of tunnel, both ways, and wants them back octet for octet.
func TestTunnelCarriesEverySize(t *testing.T) {
	everyTunnel(func(c tunnelConfig) {
		t.Run(c.String(), func(t *testing.T) {
			a, b, _ := newTunnel(t, c)
			first := 1
			if c.kind == aal.Bridged {
				first = ethernetMin
			}
			for n := first; n <= 9194; n += 1 + n/40 {
				up, down := frame(c.kind, n, 2), frame(c.kind, n, 3)
				send(t, a.host, up)
				send(t, b.host, down)
				settle(a, b)
				if got := receiveAll(t, b.host); len(got) != 1 || !bytes.Equal(got[0], up) {
					t.Fatalf("%d octets: %d frames arrived, or another", n, len(got))
				}
				if got := receiveAll(t, a.host); len(got) != 1 || !bytes.Equal(got[0], down) {
					t.Fatalf("%d octets back: %d frames arrived, or another", n, len(got))
				}
			}
			for _, e := range []*end{a, b} {
				if chunks, _ := e.arena.Pool(0).InUse(); chunks > e.chunks+1 {
					t.Errorf("%d chunks out, %d at the start", chunks, e.chunks)
				}
			}
		})
	})
}

// TestTunnelKeepsOrder sends bursts, so that the cells of many PDUs share frames.
func TestTunnelKeepsOrder(t *testing.T) {
	for _, mode := range []Mode{ModeN1, ModeAAL5SDU} {
		t.Run(mode.String(), func(t *testing.T) {
			a, b, _ := newTunnel(t, tunnelConfig{mode: mode, encap: aal.LLC, kind: aal.Bridged, carrier: 1600})
			r := rand.New(rand.NewPCG(1, 2))
			for round := range 50 {
				var burst [][]byte
				for i := range 60 {
					burst = append(burst, frame(aal.Bridged, 14+r.IntN(1500), uint64(round*100+i)))
				}
				send(t, a.host, burst...)
				settle(a, b)
				if got := receiveAll(t, b.host); !equalFrames(got, burst) {
					t.Fatalf("round %d: %d frames of %d, or in another order", round, len(got), len(burst))
				}
			}
		})
	}
}

func equalFrames(a, b [][]byte) bool {
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// TestTunnelSteadyStateAllocatesNothing is the rule of the hot path.
func TestTunnelSteadyStateAllocatesNothing(t *testing.T) {
	everyTunnel(func(c tunnelConfig) {
		t.Run(c.String(), func(t *testing.T) {
			a, b, _ := newTunnel(t, c)
			burst := make([][]byte, 16)
			for i := range burst {
				burst[i] = frame(c.kind, 1500, uint64(i))
			}
			bufs := make([][]byte, len(room))
			arrived := 0
			pass := func() {
				_, _ = a.host.Transmit(burst)
				for range 3 {
					a.hub.Pass()
					b.hub.Pass()
				}
				copy(bufs, room)
				n, _ := b.host.Receive(bufs)
				arrived += n
			}
			pass()
			if n := testing.AllocsPerRun(50, pass); n != 0 {
				t.Errorf("%v allocations for %d frames", n, len(burst))
			}
			if arrived != 52*len(burst) {
				t.Errorf("%d frames arrived of %d", arrived, 52*len(burst))
			}
		})
	})
}
