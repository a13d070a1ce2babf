package dataplane

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// The simulation turns whole fabrics from seeds: see world. It tries seeds 1 to n, or
// the one seed that is given:
//
//	go test ./dataplane -run Simulation -seeds 10000
//	go test ./dataplane -run Simulation -seed 4711 -v
//
// CELLHUB_SEEDS in the environment says how many, where no flag does; without either
// there are few.
var (
	simSeed  = flag.Uint64("seed", 0, "simulate this seed only")
	simSeeds = flag.Int("seeds", 0, "simulate so many seeds")
)

// simEnough is how many seeds are enough to meet everything of simMust.
const simEnough = 500

// simSteps is the length of a world's life, at most.
const simSteps = 200

// simMust is what a run of enough seeds must have met: a simulation that never gets
// there proves nothing about it.
var simMust = []string{
	"queue full", "band full", "full queue met", "refusal", "source refused", "head would block", "service put back",
	"deferral", "credit exhausted", "data ring full", "urgent ring full", "turn",
	"blocks exhausted", "views exhausted", "chunks refused", "views refused", "bufcall", "hog", "stall",
	"lost: unlinked", "lost: no blocks", "lost: no nodes", "lost: no room aside", "lost: flushed",
	"push", "pop", "replace", "part", "join", "exchange", "move", "reopen", "command",
	"refused for want of room",
	"loop", "flush", "flush turned", "hangup", "error", "ioctl ack", "ioctl nak", "ioctl timeout", "ioctl cut off", "copyin", "copyout",
	"dup", "split", "pullup", "external block", "borrowed block", "shared or borrowed copied",
	"module through", "module pass", "module always", "module delay", "module slow", "module split", "module copy",
	"module tee", "module chain", "module header",
}

// coverage counts what worlds have met.
type coverage struct{ hits map[string]int }

func (c *coverage) hit(name string) { c.hits[name]++ }

func (c *coverage) add(o *coverage) {
	for name, n := range o.hits {
		c.hits[name] += n
	}
}

func newCoverage() *coverage { return &coverage{hits: map[string]int{}} }

// TestSimulation is the deterministic simulation of whole hubs.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		cover := newCoverage()
		if err := simulate(*simSeed, cover); err != nil {
			t.Errorf("seed %d: %v", *simSeed, err)
		}
		t.Log(cover)
		return
	}
	seeds := *simSeeds
	if seeds == 0 {
		seeds, _ = strconv.Atoi(os.Getenv("CELLHUB_SEEDS"))
	}
	if seeds <= 0 {
		seeds = simDefault
	}
	total, failed := simulateAll(t, uint64(seeds))
	fmt.Printf("simulation: %d seeds, %d failed\n", seeds, failed)
	t.Log(total)
	if seeds < simEnough || failed > 0 {
		return // too few to meet everything
	}
	for _, name := range simMust {
		if total.hits[name] == 0 {
			t.Errorf("no world has met: %s", name)
		}
	}
}

// simulateAll runs seeds 1 to n on all processors.
func simulateAll(t *testing.T, n uint64) (*coverage, int64) {
	var next atomic.Uint64
	var failed atomic.Int64
	var wait sync.WaitGroup
	var mu sync.Mutex
	total := newCoverage()
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			cover := newCoverage()
			for failed.Load() < 10 {
				seed := next.Add(1)
				if seed > n {
					break
				}
				if err := simulate(seed, cover); err != nil {
					failed.Add(1)
					t.Errorf("seed %d: %v\nto replay: go test ./dataplane -run Simulation -seed %d", seed, err, seed)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			total.add(cover)
		})
	}
	wait.Wait()
	return total, failed.Load()
}

// simulate runs one seed; a panic of the executive is a failure like any other.
func simulate(seed uint64, cover *coverage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			stack := make([]byte, 8192)
			err = fmt.Errorf("panic: %v\n%s", p, stack[:runtime.Stack(stack, false)])
		}
	}()
	w := newWorld(seed, cover)
	return w.simulate(20 + w.rng.IntN(simSteps))
}

func (c *coverage) String() string {
	var names []string
	for name := range c.hits {
		names = append(names, name)
	}
	slices.Sort(names)
	var s strings.Builder
	for _, name := range names {
		fmt.Fprintf(&s, "\n%12d %s", c.hits[name], name)
	}
	return s.String()
}
