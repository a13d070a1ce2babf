//go:build race

package dataplane

// The race detector slows the simulation, which has one goroutine a world, by ten.
const simDefault = simEnough / 10
