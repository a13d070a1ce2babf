package modules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// gateRig is a carrier with one VC, 0/100, under a stream's end that a test drives, in virtual time.
type gateRig struct {
	t       *testing.T
	now     int64
	hub     *dataplane.Hub
	fabric  *dataplane.Fabric
	carrier *Carrier
	ids     []dataplane.ProcID
	far     nic.Device
	top     *dataplane.Queue // down
	came    uint64           // messages that have come up
	sent    uint32           // cells, or SDUs, so far: each is numbered
}

func newGateRig(t *testing.T, p PortConfig, way string) *gateRig {
	t.Helper()
	g := &gateRig{t: t, now: 1e9}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	arena, err := block.NewArena(block.Config{Small: 4096, Medium: 64})
	must(err)
	g.hub, err = dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: func() int64 { return g.now }})
	must(err)
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 1500, Depth: 4096})
	must(err)
	g.far = far
	g.carrier, err = NewCarrier(CarrierConfig{Device: near, Ports: []PortConfig{p}})
	must(err)
	var registry dataplane.Registry
	must(Register(&registry))
	g.fabric, err = dataplane.NewFabric(&registry, g.hub)
	must(err)
	m := g.carrier.Module()
	top := dataplane.Module{
		Name: "top",
		Open: func(q *dataplane.Queue) error { g.top = q.Mate(); return nil },
		ReadPut: func(q *dataplane.Queue, m dataplane.Msg) {
			g.came++
			q.Hub().Free(m)
		},
		WriteService: func(*dataplane.Queue) {},
	}
	g.ids, err = g.fabric.Build(0, dataplane.Part{Module: &m}, dataplane.Part{Name: "associations", Arg: "carrier"},
		dataplane.Part{Arg: "vc 0.0 0/100" + way}, dataplane.Part{Module: &top})
	must(err)
	t.Cleanup(func() {
		_ = g.hub.Close()
		if n, _ := g.hub.Pool.InUse(); n != 0 {
			t.Errorf("%d blocks in use at the end", n)
		}
		_ = arena.Close()
	})
	return g
}

// shape tells the pair its contract.
func (g *gateRig) shape(arg string) error {
	_, err := g.fabric.Do(dataplane.Command{Number: Shape, A: g.ids[2], Arg: arg})
	return err
}

// put sends a message of the stream's, of so many octets, numbered at every step-th octet;
// false: the stream feels that it may not.
func (g *gateRig) put(octets, step, number int) bool {
	if !g.top.CanPutNext() {
		return false
	}
	b := g.hub.Pool.Alloc(octets)
	p := g.hub.Pool.Extend(b, octets)
	clear(p)
	for at := 0; at < octets; at += step {
		if step == aal.CellSize {
			aal.MakeHeader(aal.VC{VCI: 100}, aal.PTIUser, false).Put(p[at:])
		}
		binary.BigEndian.PutUint32(p[at+number:], g.sent)
		g.sent++
	}
	g.top.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(octets)})
	return true
}

// run lets time pass in steps, keeps the stream full, and gives the frames that have left, each
// with its time. strip is the octets before the payload.
func (g *gateRig) run(d, step time.Duration, offer func() bool, take func(payload []byte), strip int) {
	g.t.Helper()
	bufs := make([][]byte, 64)
	for end := g.now + int64(d); g.now < end; g.now += int64(step) {
		for offer() {
		}
		g.hub.Pass()
		for i := range bufs {
			bufs[i] = make([]byte, 1600)
		}
		n, err := g.far.Receive(bufs)
		if err != nil {
			g.t.Fatal(err)
		}
		for _, f := range bufs[:n] {
			take(f[strip:])
		}
		g.far.Release()
	}
}

// What a PVC sends keeps to its contract whatever the stream offers, by GCRA computed apart
// (I.371, annex A), and comes near to its rate; nothing is lost and the order stays: the stream
// waits. The tolerance is gateSlack and, of VBR, the burst's.
func TestPVCKeepsItsContract(t *testing.T) {
	const step = 100 * time.Microsecond
	for name, c := range map[string]struct {
		terms string
		rate  uint32
		burst time.Duration // tolerance of the second bucket, TM 4.1, 4.4.1: (MBS-1)(1/SCR-1/PCR)
		peak  uint32
	}{
		"slow":  {"cbr pcr=90", 90, 0, 90},
		"cbr":   {"cbr pcr=4000", 4000, 0, 4000},
		"fast":  {"ubr pcr=50000", 50000, 0, 50000},
		"vbr":   {"nrt-vbr pcr=8000 scr=1000 mbs=32", 1000, 31 * (time.Second/1000 - time.Second/8000), 8000},
		"queue": {"rt-vbr pcr=2000 scr=500 mbs=100", 500, 99 * (time.Second/500 - time.Second/2000), 2000},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateRig(t, label(16), "")
			if err := g.shape(c.terms); err != nil {
				t.Fatal(err)
			}
			const long = 2 * time.Second
			var cells []arrival
			g.run(long, step, func() bool { return g.put(30*aal.CellSize, aal.CellSize, aal.HeaderSize) }, func(p []byte) {
				for ; len(p) >= aal.CellSize; p = p[aal.CellSize:] {
					cells = append(cells, arrival{at: g.now, number: binary.BigEndian.Uint32(p[aal.HeaderSize:])})
				}
			}, (&Encapsulation{Mode: ModeN1}).Overhead())
			for i, a := range cells {
				if a.number != uint32(i) {
					t.Fatalf("cell %d comes as %d", a.number, i)
				}
			}
			if worst, ok := conforms(cells, c.rate, c.burst+gateSlack); !ok {
				t.Errorf("a cell %v before its time at %d cells/s: tolerance %v", worst, c.rate, c.burst+gateSlack)
			}
			if worst, ok := conforms(cells, c.peak, gateSlack); !ok {
				t.Errorf("a cell %v before its time at the peak of %d cells/s", worst, c.peak)
			}
			if want := int(float64(c.rate) * long.Seconds()); len(cells) < want*98/100 {
				t.Errorf("%d cells left, of %d that might", len(cells), want)
			}
		})
	}
}

// Where the carrier carries SDUs each counts as the cells that it would be, and leaves when the
// last of them would.
func TestPVCOfSDUsKeepsItsContract(t *testing.T) {
	p := label(16)
	p.Mode, p.VC = ModeAAL5SDU, aal.VC{VCI: 100}
	g := newGateRig(t, p, "")
	const sdu, rate = 1000, 100 // octets; SDUs a second
	if err := g.shape(fmt.Sprintf("sdus cbr pcr=%d", rate*aal.AAL5Cells(sdu))); err != nil {
		t.Fatal(err)
	}
	var cells []arrival
	number := uint32(0)
	g.run(2*time.Second, 100*time.Microsecond, func() bool { return g.put(sdu, sdu, 0) }, func(p []byte) {
		if n := binary.BigEndian.Uint32(p); n != number {
			t.Fatalf("SDU %d comes as %d", n, number)
		}
		number++
		cells = append(cells, arrival{at: g.now})
	}, (&Encapsulation{Mode: ModeAAL5SDU}).Overhead())
	if worst, ok := conforms(cells, rate, gateSlack); !ok {
		t.Errorf("an SDU %v before its time", worst)
	}
	if len(cells) < 2*rate-2 || len(cells) > 2*rate {
		t.Errorf("%d SDUs in two seconds, want %d", len(cells), 2*rate)
	}
}

// A contract that changes, or ends, loses nothing of what waits; one that makes no sense changes nothing.
func TestContractOfPVCChanges(t *testing.T) {
	g := newGateRig(t, label(16), "")
	if err := g.shape("cbr pcr=100"); err != nil {
		t.Fatal(err)
	}
	n, full := uint32(0), func() bool { return g.put(10*aal.CellSize, aal.CellSize, aal.HeaderSize) }
	count := func(p []byte) {
		for ; len(p) >= aal.CellSize; p = p[aal.CellSize:] {
			if got := binary.BigEndian.Uint32(p[aal.HeaderSize:]); got != n {
				t.Fatalf("cell %d comes as %d", got, n)
			}
			n++
		}
	}
	head := (&Encapsulation{Mode: ModeN1}).Overhead()
	g.run(100*time.Millisecond, time.Millisecond, full, count, head)
	if n < 9 || n > 11 {
		t.Errorf("%d cells in 100 ms at 100 cells/s", n)
	}
	if err := g.shape("cbr"); err == nil {
		t.Error("cbr without a peak is taken")
	}
	if err := g.shape("cbr pcr=1000"); err != nil {
		t.Fatal(err)
	}
	before := n
	g.run(100*time.Millisecond, time.Millisecond, full, count, head)
	if n-before < 98 || n-before > 103 {
		t.Errorf("%d cells in 100 ms at 1000 cells/s", n-before)
	}
	one := func() bool { g.put(aal.CellSize, aal.CellSize, aal.HeaderSize); return false }
	for range 2 { // what comes to an empty queue goes on as well
		g.run(2*time.Second, time.Millisecond, func() bool { return false }, count, head)
		g.run(2*time.Millisecond, time.Millisecond, one, count, head)
	}
	if n != g.sent {
		t.Errorf("%d of %d cells have left", n, g.sent)
	}
	if err := g.shape(""); err != nil {
		t.Fatal(err)
	}
	g.run(10*time.Millisecond, time.Millisecond, func() bool { return false }, count, head)
	if n != g.sent {
		t.Errorf("%d of %d cells have left", n, g.sent)
	}
}

// Of a VC of one way what goes, or comes, the other way is dropped and counted.
func TestVCOfOneWay(t *testing.T) {
	for way, want := range map[string]struct{ up, down, lostIn, lostOut uint64 }{
		"": {1, 2, 0, 0}, " in": {1, 0, 0, 1}, " out": {0, 2, 1, 0},
	} {
		t.Run("way"+way, func(t *testing.T) {
			g := newGateRig(t, label(16), way)
			p := newPseudowire(&g.carrier.ports[0].cfg.Encapsulation, nil)
			f := make([]byte, p.overhead()+2*aal.CellSize)
			p.put(f, 0, false, false, 0)
			for i := range 2 {
				aal.MakeHeader(aal.VC{VCI: 100}, aal.PTIUser, false).Put(f[p.overhead()+i*aal.CellSize:])
			}
			if n, err := g.far.Transmit([][]byte{f}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			g.put(2*aal.CellSize, aal.CellSize, aal.HeaderSize)
			down := uint64(0)
			g.run(3*time.Millisecond, time.Millisecond, func() bool { return false }, func(p []byte) { down += uint64(len(p) / aal.CellSize) }, p.overhead())
			counts, err := g.fabric.Counters(g.ids[1], g.ids[2])
			if err != nil {
				t.Fatal(err)
			}
			if counts[0][0].N != 0 {
				t.Errorf("%d cells of a VC that nobody has", counts[0][0].N)
			}
			if got := [4]uint64{g.came, down, counts[1][0].N, counts[1][1].N}; got != [4]uint64{want.up, want.down, want.lostIn, want.lostOut} {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
	g := newGateRig(t, label(16), " out")
	for _, way := range []string{"", " in", " out"} {
		if _, err := g.fabric.Do(dataplane.Command{Number: control.HubPair, A: g.ids[1], Arg: "vc 0.0 0/100" + way}); !errors.Is(err, ErrTable) {
			t.Errorf("another pair of that VC%s: %v", way, err)
		}
	}
	if _, err := g.fabric.Do(dataplane.Command{Number: control.HubPair, A: g.ids[1], Arg: "vc 0.0 0/101 sideways"}); err == nil {
		t.Error("a direction that is none is taken")
	}
}

// A shaped VC allocates nothing a message.
func TestGateAllocatesNothing(t *testing.T) {
	g := newGateRig(t, label(16), "")
	if err := g.shape("cbr pcr=100000"); err != nil {
		t.Fatal(err)
	}
	buf := [][]byte{make([]byte, 1600)}
	if n := testing.AllocsPerRun(1000, func() {
		g.now += 100_000
		g.put(20*aal.CellSize, aal.CellSize, aal.HeaderSize)
		g.hub.Pass()
		buf[0] = buf[0][:1600]
		_, _ = g.far.Receive(buf)
		g.far.Release()
	}); n != 0 {
		t.Error(fmt.Sprint(n, " allocations"))
	}
}
