package modules

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/nic"
)

// downRig is a switch whose way out takes a cell each 100 ms, with ten that wait for it.
func downRig(t *testing.T) *switchRig {
	t.Helper()
	out := label(FirstLabel)
	out.Rate = 10
	r := newSwitchRigOf(t, 1, nic.WireConfig{}, CarrierConfig{Ports: []PortConfig{label(FirstLabel)}}, CarrierConfig{Ports: []PortConfig{out}})
	r.pass()
	if err := r.carriers[1].Reserve(Leg{Connection: channel(0, 0, 60)}); err != nil {
		t.Fatal(err)
	}
	if err := r.carriers[0].Connect(channel(0, 1, 50), r.to(1, 0, aal.VC{VCI: 60})); err != nil {
		t.Fatal(err)
	}
	r.cellsIn(10)
	return r
}

// cellsIn sends cells in, one a frame.
func (r *switchRig) cellsIn(n int) {
	r.t.Helper()
	cell := make([]byte, aal.CellSize)
	aal.MakeHeader(aal.VC{VPI: 1, VCI: 50}, 0, false).Put(cell)
	for range n {
		r.send(0, 0, cell)
	}
}

// out is the cells that have left within some time.
func (r *switchRig) out(after time.Duration) int {
	r.t.Helper()
	for end := r.now + after.Nanoseconds(); r.now < end; r.pass() {
		r.now += int64(10 * time.Millisecond)
	}
	return len(r.sent(1)[0]) / aal.CellSize
}

// A port that is taken down sends what waits and takes nothing new; a second time it loses what
// waits at once; up again, it carries.
func TestDownDrains(t *testing.T) {
	for _, twice := range []bool{false, true} {
		r := downRig(t)
		c := r.carriers[1]
		first := r.out(0)
		set := func(up bool) {
			t.Helper()
			if err := c.SetUp(0, up); err != nil {
				t.Fatal(err)
			}
		}
		set(false)
		r.cellsIn(5)
		lost := 5
		if twice {
			set(false)
			lost = 15 - first
		}
		if n := countOf(t, c.PortCounts(0), "tx_drop_down"); n != lost {
			t.Errorf("twice %t: %d are lost, want %d", twice, n, lost)
		}
		if got := first + r.out(2*time.Second); got != 15-lost {
			t.Errorf("twice %t: %d leave, want %d", twice, got, 15-lost)
		}
		set(true)
		r.cellsIn(1)
		if got := r.out(time.Second); got != 1 {
			t.Errorf("twice %t: up again, %d leave", twice, got)
		}
	}
}

// So with messages from above that wait for the device, on a trunk of cells.
func TestDownDrainsTheQueue(t *testing.T) {
	const depth, sent = 4, 300 // more than the device and a batch hold
	for _, twice := range []bool{false, true} {
		r := newTrunkRig(t, 1, TrunkCell, depth)
		put := func() {
			q := r.sinks[1].q
			b := q.Hub().Pool.Alloc(aal.CellSize)
			aal.MakeHeader(aal.VC{VCI: 70}, 0, false).Put(q.Hub().Pool.Extend(b, aal.CellSize))
			q.Mate().PutNext(dataplane.Msg{Type: dataplane.Data, Block: b, Len: aal.CellSize, Conn: Key(aal.VC{VCI: 70})})
		}
		for range sent {
			put()
		}
		r.pass()
		r.trunk.SetUp(false)
		put()
		if n := countOf(t, r.trunk.Counts(), "drop_stopped"); n != 1 {
			t.Errorf("%d are lost, want the one that came later", n)
		}
		if twice {
			r.trunk.SetUp(false)
		}
		got := 0
		for last := -1; got != last; {
			last = got
			got += len(receiveAll(t, r.wire))
			r.pass()
		}
		n := countOf(t, r.trunk.Counts(), "drop_stopped")
		if got+n != sent+1 || twice == (n == 1) || twice && got > 2*transmitBatch {
			t.Errorf("twice %t: %d leave, %d are lost", twice, got, n)
		}
	}
}
