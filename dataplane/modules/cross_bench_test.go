package modules

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/nic"
)

// relayBench is a port that switches n VCs to another carrier's port, and frames for them.
type relayBench struct {
	*switchRig
	frames [][]byte
	bufs   [][]byte
	cells  int // in each frame
	at     int // the next VC
	n      int
	mixed  bool
}

func newRelayBench(t testing.TB, n, cells int, mixed bool) *relayBench {
	b := &relayBench{switchRig: newSwitchRig(t, 1, nic.WireConfig{MaxFrame: 1600, Depth: 64}, 1, 1), cells: cells, n: n, mixed: mixed}
	for i := range n {
		from := Connection{VC: benchVC(i)}
		if err := b.carriers[0].Connect(from, b.to(1, 0, benchVC(n-1-i))); err != nil {
			t.Fatal(err)
		}
	}
	for range 64 {
		b.frames = append(b.frames, frameOf(LinkBare, label(FirstLabel), [6]byte{}, userCells(benchVC(0), cells)))
		b.bufs = append(b.bufs, make([]byte, 1600))
	}
	return b
}

func benchVC(i int) aal.VC { return aal.VC{VPI: uint16(i >> 12), VCI: uint16(32 + i&4095)} }

// next gives the frames other VCs: each another one, or each cell.
func (b *relayBench) next() {
	vc := benchVC(b.at)
	for _, f := range b.frames {
		for i := LabelBytes; i < len(f); i += aal.CellSize {
			if b.mixed || i == LabelBytes {
				b.at = (b.at + 7919) % b.n
				vc = benchVC(b.at)
			}
			aal.MakeHeader(vc, aal.PTIUser, false).Put(f[i:])
		}
	}
}

func (b *relayBench) burst(t testing.TB) {
	if n, err := b.far[0].Transmit(b.frames); n != len(b.frames) || err != nil {
		t.Fatal(n, err)
	}
	b.hubs[0].Pass()
	n := 0
	for {
		k, err := b.far[1].Receive(b.bufs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range k {
			n += (len(b.bufs[i]) - LabelBytes) / aal.CellSize
			b.bufs[i] = b.bufs[i][:cap(b.bufs[i])]
		}
		if k == 0 {
			break
		}
	}
	if n != b.cells*len(b.frames) {
		t.Fatalf("%d cells of %d came out", n, b.cells*len(b.frames))
	}
}

// A burst of 64 frames from wire to wire: with cells of one VC each, or of as many as there
// are cells. What the rig itself takes to write headers is left out.
func BenchmarkCrossConnect(b *testing.B) {
	for _, cells := range []int{1, 28} {
		for _, n := range []int{1, 1024, 65_000} {
			for _, mixed := range []bool{false, true} {
				if mixed && (n == 1 || cells == 1) {
					continue
				}
				b.Run(fmt.Sprintf("cells=%d/vcs=%d/mixed=%v", cells, n, mixed), func(b *testing.B) {
					r := newRelayBench(b, n, cells, mixed)
					b.ReportAllocs()
					b.ResetTimer()
					for b.Loop() {
						b.StopTimer()
						r.next()
						b.StartTimer()
						r.burst(b)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*64*cells), "ns/cell")
				})
			}
		}
	}
}

// Nothing is allocated for a frame, whatever it mixes.
func TestCrossConnectAllocatesNothing(t *testing.T) {
	for _, mixed := range []bool{false, true} {
		r := newRelayBench(t, 1024, 28, mixed)
		r.burst(t)
		if n := testing.AllocsPerRun(50, func() { r.next(); r.burst(t) }); n != 0 {
			t.Errorf("mixed %v: %v allocations a burst", mixed, n)
		}
	}
}

// Entries of VCs have the size that the design gives them: 128 octets, 256 where policed and
// shaped. What Go's slices keep in reserve is in what is measured.
func TestCrossConnectMemory(t *testing.T) {
	r := newSwitchRig(t, 1, nic.WireConfig{}, 3)
	var err error
	each := func(what string, most int64, add func(Connection) error) {
		before := heap()
		for i := range manyVCs {
			if err = add(Connection{VC: benchVC(i)}); err != nil {
				t.Fatal(err)
			}
		}
		n := (heap() - before) / manyVCs
		t.Logf("%s: %d octets a connection, %d of them", what, n, manyVCs)
		if n > most {
			t.Errorf("%s: %d octets a connection: at most %d", what, n, most)
		}
	}
	d := r.carriers[0]
	each("plain", 128, func(c Connection) error {
		return d.Connect(c, Output{r.ids[0], Connection{Port: 1, VC: c.VC}})
	})
	contract := aal.Contract{Category: aal.VBR, PCR: 1000, SCR: 500, MBS: 10}
	each("policed and shaped", 256, func(c Connection) error {
		c.Port = 2
		err := d.Reserve(Leg{Connection: c, Contract: contract, Shape: true})
		if err == nil {
			err = d.Connect(c, Output{r.ids[0], c})
		}
		if err == nil {
			err = d.Police(c, contract)
		}
		return err
	})
	if n := unsafe.Sizeof(crossEntry{}); n != 32 {
		t.Errorf("an entry has %d octets: two of them are a line of memory", n)
	}
	t.Logf("a queue, while something waits: %d octets, and %d a cell", unsafe.Sizeof(cellQueue{}), unsafe.Sizeof(cellNode{}))
}

// A hundred thousand cross-connects come, are used and go while others carry: what carries
// loses nothing, and nothing is left.
func TestManyCrossConnectsUnderTraffic(t *testing.T) {
	const many, each = 100_000, 1000
	r := newSwitchRig(t, 1, nic.WireConfig{}, 1, 2)
	d := r.carriers[0]
	steady := aal.VC{VPI: 200, VCI: 77}
	if err := d.Connect(Connection{VC: steady}, r.to(1, 1, steady)); err != nil {
		t.Fatal(err)
	}
	vc := func(i int) aal.VC { return aal.VC{VPI: uint16(i / 50_000), VCI: uint16(32 + i%50_000)} }
	before := heap()
	carry := func(cells []byte) {
		t.Helper()
		r.send(0, 0, append(cells, userCells(steady, 2)...))
		sent := r.sent(1)
		wantCells(t, "what was there", sent[1], userCells(steady, 2))
		if len(sent[0]) != len(cells) {
			t.Fatalf("%d octets of cells left, want %d", len(sent[0]), len(cells))
		}
	}
	for i := range many {
		if err := d.Connect(Connection{VC: vc(i)}, r.to(1, 0, vc(many-1-i))); err != nil {
			t.Fatal(err)
		}
		if i%each == 0 {
			carry(append(userCells(vc(i), 1), userCells(vc(i/2), 3)...))
		}
	}
	t.Logf("%d octets each", (heap()-before)/many)
	for i := range many {
		if i%each == 0 {
			carry(append(userCells(vc(i), 1), userCells(vc(many-1), 3)...))
		}
		if i == many-1 {
			break
		}
		if err := d.Disconnect(Connection{VC: vc(i)}); err != nil {
			t.Fatal(err)
		}
	}
	x := d.ports[0].cross
	if x.table.count != 2 || len(x.outputs)-len(x.vacant) != 2 || x.outputs[1].users+x.outputs[0].users != 2 {
		t.Errorf("%d connections and outputs %+v are left", x.table.count, x.outputs)
	}
}
