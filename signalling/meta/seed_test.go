package meta

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var oneSeed = flag.Uint64("seed", 0, "seed of a random test, or the one seed to simulate; 0 takes new ones")

// seeded gives the random numbers of a test and prints their seed.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	s := *oneSeed
	if s == 0 {
		s = rand.Uint64() | 1
	}
	t.Logf("replay with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
