package aal

import (
	stdflag "flag"
	"math/rand/v2"
	"testing"
)

var seedFlag = stdflag.Uint64("seed", 0, "seed of the random tests; 0 takes a new one")

// seeded gives the random numbers of a test and prints their seed, which the
// flag -seed brings back.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(rand.Uint32()) + 1
	}
	t.Logf("replay with -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
