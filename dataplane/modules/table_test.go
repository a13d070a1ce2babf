package modules

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// TestAssociations adds and removes at random, beside a map.
func TestAssociations(t *testing.T) {
	var table table[uint32]
	want := map[uint64]uint32{}
	key := func(i int) uint64 { return uint64(i*7919%4001+1) << 16 }
	for i := range 20000 {
		k := key(i * i)
		switch _, there := want[k]; {
		case i%3 == 0:
			if table.remove(k) != there {
				t.Fatalf("step %d: removal of %#x, which is there: %v", i, k, there)
			}
			delete(want, k)
		default:
			if err := table.add(k, uint32(i)); (err == nil) == there || err != nil && !errors.Is(err, ErrTable) {
				t.Fatalf("step %d: adding %#x, which is there: %v: %v", i, k, there, err)
			}
			if !there {
				want[k] = uint32(i)
			}
		}
	}
	if table.count != len(want) {
		t.Errorf("%d entries, want %d", table.count, len(want))
	}
	for i := range 4001 {
		k := key(i)
		v, ok := table.find(k)
		if w, there := want[k]; ok != there || v != w {
			t.Fatalf("key %#x: %d %v, want %d %v", k, v, ok, w, there)
		}
	}
	if _, ok := table.find(0); ok || table.remove(0) {
		t.Error("key 0 is there")
	}
	if err := table.add(0, 1); !errors.Is(err, ErrTable) {
		t.Errorf("key 0: %v", err)
	}
	table.count = MaxAssociations
	if err := table.add(1, 1); !errors.Is(err, ErrTable) {
		t.Errorf("one too many: %v", err)
	}
}

// benchKey is the key of the i-th VC: port, VPI and VCI, VCIs from 32 as they are given out.
func benchKey(i int) uint64 {
	const vcis = 1<<16 - 32
	return 1<<portShift | uint64(i/vcis)<<16 | uint64(32+i%vcis)
}

// BenchmarkTable: finding the association of a VC among a million, when 100 of them carry
// the traffic and when all do, against a table of 100.
func BenchmarkTable(b *testing.B) {
	const few, many, visits = 100, 1_000_000, 1 << 20
	for _, c := range []struct {
		name   string
		of, in int
	}{{"of 100", few, few}, {"of 1000000, 100 in use", many, few}, {"of 1000000, all in use", many, many}} {
		b.Run(c.name, func(b *testing.B) {
			var t table[uint32]
			for i := range c.of {
				if err := t.add(benchKey(i), uint32(i)); err != nil {
					b.Fatal(err)
				}
			}
			keys, r := make([]uint64, visits), rand.New(rand.NewPCG(1, 2))
			for i := range keys {
				keys[i] = benchKey(r.IntN(c.in) * (c.of / c.in))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := t.find(keys[i&(visits-1)]); !ok {
					b.Fatal("association lost")
				}
				i++
			}
		})
	}
}
