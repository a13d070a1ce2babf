package proof

import (
	"flag"
	"math/rand/v2"
	"testing"
)

// Seed is the flag -seed: that of random tests, and the only one that simulations run;
// 0 has each take new ones.
var Seed = flag.Uint64("seed", 0, "seed of a random test, or the one seed to simulate; 0 takes new ones")

// Seeded gives the random numbers of a test and prints their seed.
func Seeded(t testing.TB) *rand.Rand {
	t.Helper()
	s := *Seed
	if s == 0 {
		s = rand.Uint64() | 1
	}
	t.Logf("replay with -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}
