package modules

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/nic"
)

// impairRig is a carrier whose one port is impaired, and another; its first hub has both.
func impairRig(t *testing.T, i Impairment) *switchRig { return impairRigOn(t, 1, i) }

func impairRigOn(t *testing.T, hubs int, i Impairment) *switchRig {
	t.Helper()
	c := label(FirstLabel)
	c.Impairment = i
	r := newSwitchRigOf(t, hubs, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{c}}, CarrierConfig{Ports: []PortConfig{label(FirstLabel)}})
	r.pass()
	return r
}

const (
	impairCells = 20 // of a frame
	impairVC    = 0x00100320
)

// serials gives a frame of cells whose information fields are their number, again and again.
func serials(frame int) (cells []byte) {
	for i := range impairCells {
		cells = binary.BigEndian.AppendUint32(cells, impairVC)
		for range aal.PayloadSize / 2 {
			cells = binary.BigEndian.AppendUint16(cells, uint16(frame*impairCells+i))
		}
	}
	return cells
}

func countOf(t *testing.T, counts []dataplane.Count, name string) int {
	t.Helper()
	for _, c := range counts {
		if c.Name == name {
			return int(c.N)
		}
	}
	t.Fatalf("no counter %s", name)
	return 0
}

// Of cells that all differ as many are gone, damaged by one bit, and on another VC by one bit of
// their VCI, as the counters say, which is what the parts say within five deviations; nothing
// comes twice or out of order. With the same seed the same happens, with another something else.
func TestImpairmentIsThatOfItsSeed(t *testing.T) {
	const frames, sent = 100, 100 * impairCells
	run := func(seed uint64) []byte {
		r := impairRig(t, Impairment{Loss: 0.1, Errors: 0.05, Misinsert: 0.02, Seed: seed})
		for f := range frames {
			r.send(0, 0, serials(f))
		}
		counts := r.carriers[0].PortCounts(0)
		got := r.sinks[0].octets
		errored, strays, last := 0, 0, -1
		for cells := got; len(cells) > 0; cells = cells[aal.CellSize:] {
			switch d := bits.OnesCount32(binary.BigEndian.Uint32(cells) ^ impairVC); {
			case d > 1 || binary.BigEndian.Uint32(cells)&^0xFFFF0 != impairVC&^0xFFFF0:
				t.Fatalf("a header is %08x", cells[:4])
			case d == 1:
				strays++
			}
			n, wrong := numberOf(cells[aal.HeaderSize:aal.CellSize])
			if n <= last || wrong > 1 {
				t.Fatalf("cell %d after %d, with %d wrong bits", n, last, wrong)
			}
			last = n
			errored += wrong
		}
		if lost := countOf(t, counts, "impair_lost"); len(got)/aal.CellSize != sent-lost || lost < 133 || lost > 267 {
			t.Errorf("%d cells come, %d are lost", len(got)/aal.CellSize, lost)
		}
		if n := countOf(t, counts, "impair_errored"); errored != n || n < 43 || n > 137 {
			t.Errorf("%d cells are damaged, %d counted", errored, n)
		}
		if n := countOf(t, counts, "impair_misinserted"); strays != n || n < 6 || n > 68 {
			t.Errorf("%d cells are on another VC, %d counted", strays, n)
		}
		if n := countOf(t, counts, "impair_seed"); uint64(n) != seed {
			t.Errorf("the seed is %d", n)
		}
		return got
	}
	first, again, other := run(7), run(7), run(8)
	if !bytes.Equal(first, again) {
		t.Error("the same seed does something else")
	}
	if bytes.Equal(first, other) {
		t.Error("another seed does the same")
	}
}

// numberOf is the number that most of a field says, and the bits that say otherwise.
func numberOf(field []byte) (n, wrong int) {
	most := binary.BigEndian.Uint16(field)
	if binary.BigEndian.Uint16(field[2:]) != most {
		most = binary.BigEndian.Uint16(field[4:])
	}
	for ; len(field) > 0; field = field[2:] {
		wrong += bits.OnesCount16(binary.BigEndian.Uint16(field) ^ most)
	}
	return int(most), wrong
}

// What is late comes in order, none before it was sent and none later than cdv; what waits when
// its port is removed is freed.
func TestImpairmentDelays(t *testing.T) {
	r := impairRig(t, Impairment{CDV: 5 * time.Millisecond, Seed: 1})
	var want []byte
	var waits []time.Duration
	for f := range 50 {
		r.send(0, 0, serials(f))
		want = append(want, serials(f)...)
		before := r.sinks[0].got
		for i := 1; i <= 6 && r.sinks[0].got == before; i++ {
			r.now += int64(time.Millisecond)
			if r.pass(); r.sinks[0].got > before {
				waits = append(waits, time.Duration(i)*time.Millisecond)
			}
		}
	}
	if !bytes.Equal(r.sinks[0].octets, want) {
		t.Fatalf("%d octets come, want %d", len(r.sinks[0].octets), len(want))
	}
	seen := map[time.Duration]int{}
	for _, w := range waits {
		seen[w]++
	}
	if len(waits) != 50 || len(seen) < 4 || seen[6*time.Millisecond] > 0 {
		t.Errorf("delays of %v", seen)
	}
	for f := range impairedRuns + 5 {
		r.send(0, 0, serials(f)[:aal.CellSize])
	}
	if n := countOf(t, r.carriers[0].PortCounts(0), "rx_drop_impair_full"); n != 5 {
		t.Errorf("%d found no room, want 5", n)
	}
	if err := r.carriers[0].RemovePort(0); err != nil {
		t.Fatal(err)
	}
}

// A port that flaps is down for its time and up for its time: what comes is lost, and AIS goes
// downstream (I.610, 9.2.1.1.1); one that was taken down stays so.
func TestImpairmentFlaps(t *testing.T) {
	r := impairRig(t, Impairment{Up: 10 * time.Second, Down: 100 * time.Millisecond, Seed: 1})
	c := r.carriers[0]
	if err := c.Connect(channel(0, 1, 50), r.to(1, 0, aal.VC{VCI: 60})); err != nil {
		t.Fatal(err)
	}
	after := func(d time.Duration) { r.now += d.Nanoseconds(); r.pass() }
	comes := func(want bool) {
		t.Helper()
		r.sent(1)
		cell := make([]byte, aal.CellSize)
		aal.MakeHeader(aal.VC{VPI: 1, VCI: 50}, 0, false).Put(cell)
		r.send(0, 0, cell)
		if got := len(r.sent(1)[0]) > 0; got != want {
			t.Errorf("at %v a cell comes: %t, want %t", time.Duration(r.now), got, want)
		}
	}
	comes(true)
	after(10*time.Second - 1)
	comes(true)
	after(1)
	if got := r.sent(1)[0]; !bytes.Equal(got, oamCell(t, aal.OAMF5EndToEnd, aal.VC{VCI: 60}, faultOf(aal.OAMAIS))) {
		t.Errorf("%d octets when it falls, want an AIS cell", len(got))
	}
	comes(false)
	after(100 * time.Millisecond)
	comes(true)
	if err := c.SetUp(0, false); err != nil {
		t.Fatal(err)
	}
	after(10 * time.Second)
	after(100 * time.Millisecond)
	comes(false)
	if err := c.SetUp(0, true); err != nil {
		t.Fatal(err)
	}
	comes(true)
	if n := countOf(t, c.PortCounts(0), "impair_falls"); n != 2 {
		t.Errorf("%d falls, want 2", n)
	}
}

// SDUs are harmed whole, on a pseudowire of them and on a trunk; a misinsert is refused there.
func TestImpairmentOfSDUs(t *testing.T) {
	near, far, err := nic.NewWire(nic.WireConfig{MaxFrame: 9100})
	if err != nil {
		t.Fatal(err)
	}
	c := label(FirstLabel)
	c.Mode, c.Misinsert = ModeAAL5SDU, 0.5
	if _, err := NewCarrier(CarrierConfig{Device: near, Ports: []PortConfig{c}}); err == nil {
		t.Error("misinsert is taken")
	}
	_ = far.Close()
	r := newTrunkRig(t, 1, TrunkATMTCP, 64)
	r.trunk.impair(newImpairer(Impairment{Loss: 0.5, Seed: 3}))
	const sent = 200
	f := make([]byte, nic.ATMTCPHeader+100)
	putATMTCP(f, 0, 100, 100)
	for range sent {
		r.transmit(f)
	}
	lost := countOf(t, r.trunk.Counts(), "impair_lost")
	if got := len(r.sinks[1].octets) / 100; got != sent-lost || lost < 65 || lost > 135 {
		t.Errorf("%d come, %d are lost", got, lost)
	}
}

// A carrier that moves to another hub takes along what waits there, and when it falls.
func TestImpairmentMoves(t *testing.T) {
	r := impairRigOn(t, 2, Impairment{CDV: time.Second, Up: 2 * time.Second, Down: time.Second, Seed: 2})
	var want []byte
	for f := range 20 {
		r.send(0, 0, serials(f))
		want = append(want, serials(f)...)
	}
	r.now += int64(50 * time.Millisecond)
	for i := range 8 {
		if _, err := r.fabric.Do(dataplane.Command{Number: control.HubMove, A: r.ids[0], B: r.hubs[(i+1)%2].Number()}); err != nil {
			t.Fatal(err)
		}
		r.pass()
		r.now += int64(100 * time.Millisecond)
		r.pass()
	}
	if r.now += int64(400 * time.Millisecond); r.now > int64(2*time.Second) {
		t.Fatal("it may fall too soon")
	}
	if r.pass(); !bytes.Equal(r.sinks[0].octets, want) {
		t.Errorf("%d octets come, want %d", len(r.sinks[0].octets), len(want))
	}
	r.now += int64(5 * time.Second)
	if r.pass(); countOf(t, r.carriers[0].PortCounts(0), "impair_falls") == 0 {
		t.Error("it has not fallen since it moved")
	}
}

// Nothing is allocated for a cell, however it is harmed.
func TestImpairmentAllocates(t *testing.T) {
	r := impairRig(t, Impairment{Loss: 0.1, Errors: 0.5, Misinsert: 0.5, CDV: time.Microsecond, Seed: 1})
	r.sinks[0].keep = false
	pool, i, frame := r.hubs[0].Pool, r.carriers[0].ports[0].impairer, serials(0)
	if n := testing.AllocsPerRun(1000, func() {
		b := pool.Alloc(len(frame))
		copy(pool.Extend(b, len(frame)), frame)
		i.cells(b, nic.NotECT)
		r.now += int64(time.Millisecond)
		r.hubs[0].Pass()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if r.sinks[0].got == 0 {
		t.Error("nothing has come")
	}
}
