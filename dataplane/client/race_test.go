//go:build race

package client

// raced: the race detector allocates beside us.
const raced = true
