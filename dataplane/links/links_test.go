package links

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// Lists that share a table against slices, by random puts and removals.
func TestLists(t *testing.T) {
	const limit, lists = 1000, 7
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var table Table[int]
	var have [lists]List
	var want [lists][]int
	total, refused := 0, false
	for step := range 20_000 {
		n := rng.IntN(lists)
		l, w := &have[n], want[n]
		at := rng.IntN(len(w) + 1)
		before := ID(0)
		for i := range at {
			if i == 0 {
				before = l.First
			} else {
				before = table.At(before).Next
			}
		}
		if (step/3000)%2 == 0 || len(w) == at {
			i := table.Take(limit)
			if i == 0 {
				if refused = true; total != limit {
					t.Fatalf("seed %d: refused with %d of %d", seed, total, limit)
				}
				continue
			}
			table.At(i).Value = step
			Put(&table, l, before, i)
			want[n] = slices.Insert(w, at, step)
			total++
		} else {
			i := l.First
			if before != 0 {
				i = table.At(before).Next
			}
			Remove(&table, l, before, i)
			want[n] = slices.Delete(w, at, at+1)
			total--
		}
		if table.Used != total {
			t.Fatalf("seed %d: %d used, %d are", seed, table.Used, total)
		}
		var got []int
		last := ID(0)
		for i := l.First; i != 0; i = table.At(i).Next {
			got, last = append(got, table.At(i).Value), i
		}
		if !slices.Equal(got, want[n]) || last != l.Last {
			t.Fatalf("seed %d, step %d: %v, want %v", seed, step, got, want[n])
		}
	}
	if !refused {
		t.Error("the limit was never met")
	}
	if n := testing.AllocsPerRun(100, func() { table.Give(table.Take(limit + 1)) }); n != 0 {
		t.Errorf("%v allocations a place", n)
	}
}
