//go:build !race

package sscop

// simDefault is how many seeds are simulated when nobody says.
const simDefault = 10000
