package modules

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// Tens of thousands of PDUs under way take a small block each, and the longest SDU passes
// while they wait.
func TestHalfPDUsLeaveRoomForALongOne(t *testing.T) {
	const (
		waiting = 65_000
		most    = 200 << 20 // octets of blocks
	)
	// Three quarters of a size may wait for more: see block.Park.
	sizes := block.Config{Small: waiting*4/3 + 1024, Medium: 64, Large: 64, Views: 64}
	if octets := sizes.Small*block.SmallBytes + sizes.Medium*block.MediumBytes + sizes.Large*block.LargeBytes; octets > most {
		t.Fatalf("%d octets of blocks, at most %d", octets, most)
	}
	arena, err := block.NewArena(sizes)
	if err != nil {
		t.Fatal(err)
	}
	defer arena.Close()
	h, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0), Clock: (&testClock{}).read})
	if err != nil {
		t.Fatal(err)
	}
	var registry dataplane.Registry
	top := &sink{keep: true}
	if err := Register(&registry); err != nil {
		t.Fatal(err)
	}
	if err := registry.Add("sink", func(string) (dataplane.Module, error) { return top.module(), nil }); err != nil {
		t.Fatal(err)
	}
	var bottom *dataplane.Queue
	if err := registry.Add("bottom", func(string) (dataplane.Module, error) {
		return dataplane.Module{Name: "bottom", Open: func(q *dataplane.Queue) error { bottom = q; return nil }}, nil
	}); err != nil {
		t.Fatal(err)
	}
	fabric, err := dataplane.NewFabric(&registry, h)
	if err != nil {
		t.Fatal(err)
	}
	defer fabric.Close()
	stream := func() {
		if _, err := fabric.Build(0, dataplane.Part{Name: "bottom"}, dataplane.Part{Name: "aal5", Arg: "0/100"}, dataplane.Part{Name: "sink"}); err != nil {
			t.Fatal(err)
		}
	}
	put := func(cells []byte) {
		b := h.Pool.Alloc(len(cells))
		if b == 0 {
			t.Fatal("no block for cells")
		}
		copy(h.Pool.Extend(b, len(cells)), cells)
		bottom.PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: uint32(len(cells)), Conn: Key(testVC)})
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	half := cellsOf(t, testVC, make([]byte, 1500))[:16*aal.CellSize]
	for range waiting {
		stream()
		put(half)
	}
	if n, back := h.Pool.Parked(block.Small), h.Pool.Counters().TakenBack; n != waiting || back != 0 {
		t.Fatalf("%d PDUs wait, %d were taken back", n, back)
	}
	stream()
	sdu := make([]byte, aal.MaxSDU)
	for i := range sdu {
		sdu[i] = byte(rnd.Uint32())
	}
	for cells := cellsOf(t, testVC, sdu); len(cells) > 0; {
		n := min(len(cells), 28*aal.CellSize)
		put(cells[:n])
		cells = cells[n:]
	}
	if !bytes.Equal(top.octets, sdu) {
		t.Errorf("%d octets of %d arrived", len(top.octets), len(sdu))
	}
	if n := h.Pool.Parked(block.Small); n != waiting {
		t.Errorf("%d PDUs wait still", n)
	}
}
