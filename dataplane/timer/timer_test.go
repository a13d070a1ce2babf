package timer

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Timers that are started, moved and stopped at random fire in order, each once, none early and none late.
func TestHeap(t *testing.T) {
	const timers, steps = 50, 20_000
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	type running struct {
		n  int
		at int64
	}
	var h Heap
	var want, got []running
	var all [timers]Timer
	now := int64(0)
	at := func(n int) int { return slices.IndexFunc(want, func(r running) bool { return r.n == n }) }
	for n := range all {
		all[n].Fire = func() { got = append(got, running{n, now}) }
	}
	for step := range steps {
		n := rng.IntN(timers)
		i := at(n)
		if all[n].Running() != (i >= 0) || h.Len() != len(want) {
			t.Fatalf("seed %d, step %d: timer %d runs: %v; %d of %d", seed, step, n, all[n].Running(), h.Len(), len(want))
		}
		switch rng.IntN(4) {
		case 0:
			h.Stop(&all[n])
			if i >= 0 {
				want = slices.Delete(want, i, i+1)
			}
		case 1:
			now += rng.Int64N(40)
			got = got[:0]
			for h.Due(now) {
				h.Advance(now)
			}
			slices.SortStableFunc(want, func(a, b running) int { return cmp.Compare(a.at, b.at) })
			due := 0
			for due < len(want) && want[due].at <= now {
				due++
			}
			if len(got) != due || slices.ContainsFunc(want[:due], func(r running) bool {
				return !slices.ContainsFunc(got, func(g running) bool { return g.n == r.n })
			}) {
				t.Fatalf("seed %d, step %d: at %d %v fired, want %v", seed, step, now, got, want[:due])
			}
			want = want[due:]
		default:
			when := now + rng.Int64N(200)
			if !h.Start(&all[n], when) {
				t.Fatal("refused")
			}
			if i >= 0 {
				want[i].at = when
			} else {
				want = append(want, running{n, when})
			}
		}
		if next, ok := h.Next(); ok != (len(want) > 0) || ok && next != slices.MinFunc(want, func(a, b running) int { return cmp.Compare(a.at, b.at) }).at {
			t.Fatalf("seed %d, step %d: next at %d, %v", seed, step, next, ok)
		}
	}
}
