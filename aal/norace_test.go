//go:build !race

package aal

// raceEnabled shortens exhaustive tests under the race detector.
const raceEnabled = false
