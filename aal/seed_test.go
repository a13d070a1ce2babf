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

// whole gives 48 octets as the array that they are.
func whole(p []byte) *[PayloadSize]byte { return (*[PayloadSize]byte)(p) }

// must stops at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
