//go:build race

package sscop

// simDefault is how many seeds are simulated when nobody says; the race
// detector is slow.
const simDefault = 300
