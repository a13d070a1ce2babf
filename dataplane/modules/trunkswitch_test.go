package modules

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
	"github.com/cellhub/cellhub/nic"
)

// trunkRig is a carrier with one port of cells, and a trunk, on hubs of their own or on one.
type trunkRig struct {
	*switchRig
	trunk *Trunk
	wire  nic.Device // the trunk's far end
}

func newTrunkRig(t *testing.T, hubs int, format TrunkFormat, depth int) *trunkRig {
	t.Helper()
	r := &trunkRig{switchRig: &switchRig{t: t, now: 1e9}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	r.arena, err = block.NewArena(block.Config{Hubs: hubs, Small: 2048, Medium: 512, Large: 64})
	must(err)
	for i := range hubs {
		h, err := dataplane.NewHub(dataplane.Config{Pool: r.arena.Pool(i), Clock: func() int64 { return r.now }})
		must(err)
		r.hubs = append(r.hubs, h)
	}
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 9000, Depth: 512})
	must(err)
	end, wire, err := nic.NewWire(nic.WireConfig{MaxFrame: 9100, Depth: depth})
	must(err)
	c, err := NewCarrier(CarrierConfig{Device: near, Ports: []PortConfig{label(16)}})
	must(err)
	r.carriers, r.far, r.wire = []*Carrier{c}, []nic.Device{far}, wire
	r.trunk = NewTrunk(TrunkConfig{Device: end, Format: format})
	var registry dataplane.Registry
	must(registry.Add("carrier", func(string) (dataplane.Module, error) { return c.Module(), nil }))
	must(registry.Add("trunk", func(string) (dataplane.Module, error) { return r.trunk.Module(), nil }))
	must(registry.Add("sink", func(string) (dataplane.Module, error) {
		r.sinks = append(r.sinks, &sink{keep: true})
		return r.sinks[len(r.sinks)-1].module(), nil
	}))
	r.fabric, err = dataplane.NewFabric(&registry, r.hubs...)
	must(err)
	for i, name := range []string{"carrier", "trunk"} {
		ids, err := r.fabric.Build(i%hubs, dataplane.Part{Name: name}, dataplane.Part{Name: "sink"})
		must(err)
		r.ids = append(r.ids, ids[0])
	}
	t.Cleanup(func() {
		_ = r.fabric.Close()
		for i := range hubs {
			if blocks, views := r.arena.Pool(i).InUse(); blocks != 0 || views != 0 {
				t.Errorf("after close: hub %d: %d blocks and %d views are out", i, blocks, views)
			}
		}
		_ = r.arena.Close()
	})
	return r
}

// join cross-connects a VC of the carrier with one of the trunk, by their commands' functions.
func (r *trunkRig) join(a, b aal.VC) {
	r.t.Helper()
	x := &r.trunk.cross.Carrier
	for _, err := range []error{
		r.carriers[0].Reserve(Leg{Connection: Connection{VC: a}}), x.Reserve(Leg{Connection: Connection{VC: b}}),
		r.carriers[0].Connect(Connection{VC: a}, r.to(1, 0, b)), x.Connect(Connection{VC: b}, r.to(0, 0, a)),
	} {
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *trunkRig) transmit(f []byte) {
	r.t.Helper()
	if n, err := r.wire.Transmit([][]byte{f}); n != 1 || err != nil {
		r.t.Fatal(n, err)
	}
	r.pass()
}

// wireCell is a cell of 53 octets as a line has it, its HEC by I.432.
func wireCell(cell []byte) []byte {
	return append(append(bytes.Clone(cell[:4]), aal.ReadHeader(cell).HEC()), cell[4:aal.CellSize]...)
}

// Cells of 53 octets, one a frame, become cells of a pseudowire and back, on one hub and across
// two; the GFC is not looked at, a wrong HEC is; other VCs go up.
func TestTrunkOfCellsIsSwitched(t *testing.T) {
	for _, hubs := range []int{1, 2} {
		t.Run(fmt.Sprintf("hubs=%d", hubs), func(t *testing.T) {
			r := newTrunkRig(t, hubs, TrunkCell, 512)
			a, b := aal.VC{VPI: 300, VCI: 40}, aal.VC{VPI: 7, VCI: 50}
			r.join(a, b)
			rnd := rand.New(rand.NewPCG(seed(t), 20))
			var want [][]byte
			var cells []byte
			for range 60 {
				c := anyCell(rnd, a)
				cells = append(cells, c...)
				aal.ReadHeader(c).WithVC(b).Put(c)
				want = append(want, wireCell(c))
			}
			r.send(0, 0, cells)
			if got := receiveAll(t, r.wire); !equalFrames(got, want) {
				t.Fatalf("%d cells left, want %d", len(got), len(want))
			}
			for _, w := range want {
				w[0] |= 0x50 // a GFC
				w[4] = aal.ReadHeader(w).HEC()
				r.transmit(w)
			}
			bad := bytes.Clone(want[0])
			bad[4] ^= 1
			r.transmit(bad)
			wantCells(t, "back", r.sent(0)[0], cells)
			other := userCells(aal.VC{VPI: 7, VCI: 51}, 1)
			r.transmit(wireCell(other))
			wantCells(t, "up", r.sinks[1].octets, other)
			if err := r.trunk.cross.Reserve(Leg{Connection: Connection{VC: aal.VC{VPI: 256, VCI: 50}}}); err == nil {
				t.Error("a VPI of nine bits at a UNI")
			}
		})
	}
}

// A trunk that takes few cells at a time gets all of them, in order.
func TestSlowTrunk(t *testing.T) {
	r := newTrunkRig(t, 1, TrunkCell, 4)
	a, b := aal.VC{VCI: 40}, aal.VC{VCI: 50}
	r.join(a, b)
	for i := range 20 {
		cells := userCells(a, 100)
		for j := range 100 {
			binary.BigEndian.PutUint32(cells[j*aal.CellSize+8:], uint32(100*i+j))
		}
		f := frameOf(LinkBare, label(16), [6]byte{}, cells)
		if n, err := r.far[0].Transmit([][]byte{f}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for range 4 {
			r.hubs[0].Pass()
		}
	}
	next := uint32(0)
	for range 5000 {
		for _, f := range receiveAll(t, r.wire) {
			if n := binary.BigEndian.Uint32(f[9:]); n != next {
				t.Fatalf("cell %d, want %d", n, next)
			}
			next++
		}
		r.hubs[0].Pass()
	}
	if next != 2000 {
		t.Errorf("%d of 2000 cells have left", next)
	}
}

// SDUs of atmtcp, many VCs of them, become cells and back; CLP, EFCI and OAM end there.
func TestTrunkOfSDUsIsSwitched(t *testing.T) {
	for _, hubs := range []int{1, 2} {
		t.Run(fmt.Sprintf("hubs=%d", hubs), func(t *testing.T) {
			r := newTrunkRig(t, hubs, TrunkATMTCP, 512)
			rnd := rand.New(rand.NewPCG(seed(t), 21))
			a := [2]aal.VC{{VCI: 40}, {VPI: 1, VCI: 41}}
			b := [2]aal.VC{{VPI: 7, VCI: 50}, {VPI: 7, VCI: 51}}
			for i := range a {
				r.join(a[i], b[i])
			}
			receiveAll(t, r.wire)
			for round := range 60 {
				i := round % 2
				sdu := make([]byte, 1+rnd.IntN(8000))
				for j := range sdu {
					sdu[j] = byte(rnd.Uint32())
				}
				var seg aal.Segmenter
				cells := make([]byte, aal.AAL5Cells(len(sdu))*aal.CellSize)
				if err := seg.Start(aal.MakeHeader(a[i], 0, false), sdu, 0, 0); err != nil {
					t.Fatal(err)
				}
				seg.Cells(cells)
				f := make([]byte, nic.ATMTCPHeader, nic.ATMTCPHeader+len(sdu))
				putATMTCP(f, b[i].VPI, b[i].VCI, len(sdu))
				f = append(f, sdu...)
				r.transmit(f)
				wantCells(t, fmt.Sprint(round, " to cells"), r.sent(0)[0], cells)
				for part := cells; len(part) > 0; { // a frame holds some
					n := min(len(part), 170*aal.CellSize)
					r.send(0, 0, part[:n])
					part = part[n:]
				}
				if got := receiveAll(t, r.wire); len(got) != 1 || !bytes.Equal(got[0], f) {
					t.Fatalf("%d back: %d frames", round, len(got))
				}
			}
			r.send(0, 0, oamCell(t, aal.OAMF5EndToEnd, a[0], loopback(true)))
			if got := receiveAll(t, r.wire); len(got) != 0 || r.trunk.cross.port.counts.drops[adminCell] != 1 {
				t.Errorf("%d frames of OAM", len(got))
			}
			if err := r.trunk.cross.Connect(path(0, 3), Output{r.ids[0], path(0, 3)}); err == nil {
				t.Error("a path of SDUs")
			}
		})
	}
}
