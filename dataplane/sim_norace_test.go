//go:build !race

package dataplane

const simDefault = simEnough
