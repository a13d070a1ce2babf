package q2931

import (
	"testing"
	"time"

	"github.com/cellhub/cellhub/signalling/internal/proof"
)

// Timers started, started again and stopped at random come out in order.
func TestTimers(t *testing.T) {
	r := proof.Seeded(t)
	for range 200 {
		var heap timers
		list := make([]timer, 1+r.IntN(60))
		running := map[*timer]bool{}
		for range 300 {
			x := &list[r.IntN(len(list))]
			if r.IntN(3) > 0 {
				heap.start(x, time.Duration(r.IntN(100)), t303)
				running[x] = true
			} else {
				heap.stop(x)
				delete(running, x)
			}
		}
		for last := time.Duration(0); len(heap) > 0; {
			x := heap[0]
			if x.at < last || !running[x] {
				t.Fatalf("timer at %d after %d, running %v", x.at, last, running[x])
			}
			last = x.at
			heap.stop(x)
			delete(running, x)
			if x.place != 0 {
				t.Fatal("a stopped timer has a place")
			}
		}
		if len(running) != 0 {
			t.Fatalf("%d timers were lost", len(running))
		}
	}
}
