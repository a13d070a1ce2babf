package address

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var seed = flag.Uint64("seed", 0, "seed of random tests; 0 takes a new one")

// seeded gives the random numbers of a test and prints their seed.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64() | 1
	}
	t.Logf("replay with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}
