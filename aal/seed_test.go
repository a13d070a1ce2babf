package aal

import (
	"math/rand/v2"
	"testing"

	"github.com/cellhub/cellhub/aal/internal/oracle"
)

// seeded gives the random numbers of a test and prints their seed, which the
// flag -seed brings back.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	return oracle.Seeded(t)
}
