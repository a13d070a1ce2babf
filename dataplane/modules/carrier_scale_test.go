package modules

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/cellhub/cellhub/aal"
	"github.com/cellhub/cellhub/dataplane"
)

// Sizes of a large carrier.
const (
	manyPorts = 10_000
	manyVCs   = 65_000
)

// heap is what is in use after a collection, in octets.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Thousands of ports with tens of thousands of VCs on one device: each is reached, and
// reaches the far end.
func TestManyPortsManyVCs(t *testing.T) {
	r := newCarrierRig(t, CarrierConfig{})
	before := heap()
	for i := range manyPorts {
		if number, err := r.carrier.AddPort(label(uint32(FirstLabel + i))); err != nil || number != uint32(i) {
			t.Fatalf("port %d: %d, %v", i, number, err)
		}
	}
	ports := heap()
	sinks := make([]*sink, manyVCs)
	vc := func(i int) aal.VC { return aal.VC{VPI: uint16(i % 4096), VCI: uint16(32 + i%60_000)} }
	for i := range sinks {
		sinks[i], _ = r.vc(uint32(i%manyPorts), vc(i))
	}
	vcs := heap()
	t.Logf("%d octets a port; %d octets a VC with a stream of two processes", (ports-before)/manyPorts, (vcs-ports)/manyVCs)
	for i, s := range sinks {
		r.send(frameOf(LinkBare, label(uint32(FirstLabel+i%manyPorts)), [6]byte{}, userCells(vc(i), 1)))
		if s.got != 1 {
			t.Fatalf("VC %d has %d messages; %v", i, s.got, r.carrier.Counts())
		}
	}
	for i, s := range sinks {
		s.put(userCells(vc(i), 1))
		if i%500 == 499 || i == len(sinks)-1 {
			n := 0
			for _, f := range r.sent() {
				n += (len(f) - LabelBytes) / aal.CellSize
			}
			if n != i%500+1 {
				t.Fatalf("VCs to %d: %d cells sent", i, n)
			}
		}
	}
	if n := r.carrier.PortCounts(manyPorts - 1); len(n) == 0 || n[0].N == 0 {
		t.Errorf("the last port has counted %v", n)
	}
}

// An association takes little memory, the stream above it left out.
func TestAssociationMemory(t *testing.T) {
	l := &lower{q: new(dataplane.Queue)}
	q := new(dataplane.Queue)
	before := heap()
	for i := range manyVCs {
		if err := l.table.add(uint64(i%manyPorts)<<portShift|uint64(32+i), q); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / manyVCs
	t.Logf("%d octets an association", each)
	if each > 64 {
		t.Errorf("%d octets an association: at most 64", each)
	}
	runtime.KeepAlive(l)
}

// A frame with one cell, up to its VC's stream: with one port, and with thousands in turn.
func BenchmarkCarrierPorts(b *testing.B) {
	for _, n := range []int{1, 100, manyPorts} {
		b.Run(fmt.Sprintf("ports=%d", n), func(b *testing.B) {
			r := newCarrierRig(b, CarrierConfig{})
			for i := range n {
				if _, err := r.carrier.AddPort(label(uint32(FirstLabel + i))); err != nil {
					b.Fatal(err)
				}
				s, _ := r.vc(uint32(i), rigVC)
				s.keep = false
			}
			batch := make([][]byte, 64)
			for j := range batch {
				batch[j] = frameOf(LinkBare, label(FirstLabel), [6]byte{}, userCells(rigVC, 28))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += len(batch) {
				for j := range batch {
					appendLabel(batch[j][:0], uint32(FirstLabel+(i+j)*7919%n), 0, DefaultTTL, true)
				}
				if k, err := r.far.Transmit(batch); k != len(batch) || err != nil {
					b.Fatal(k, err)
				}
				r.hub.Pass()
			}
		})
	}
}
