// Package ring is a bounded lock-free queue of values between two threads:
// one producer, one consumer, no system call, no allocation after New.
//
// Nothing reaches the peer until Publish, and no slot goes back until Release,
// so one shared store serves a whole batch:
//
//	p, c, err := ring.New[Message](1024) // one side for each thread
//	n := p.PutBatch(out)                 // n < len(out): the ring is full
//	p.Publish()                          // now the consumer can see them
//	wake := bell.NeedsWake()             // true: write its eventfd, once
//	m := c.GetBatch(in)                  // m < len(in): the ring is empty
//	c.Release()                          // now the producer can reuse them
//
// # How it works
//
// Each side owns one index: the producer's counts the entries published, the
// consumer's the entries released. Both run freely through all 64 bits, and a
// slot is the index modulo the capacity. A side keeps a copy of the other's
// index and reads the shared word only when the copy no longer suffices. The
// shared words and the private words of each side are 128 octets apart,
// because processors fetch cache lines in pairs.
//
// The shared words are sync/atomic values. Slots are plain memory, and every
// access to one is ordered by those words: the program has no data race, so
// Go's memory model gives it sequentially consistent behaviour. README.md has
// the proof by model checker and the mapping from the models to this code.
//
// # Sleeping
//
// A Doorbell lets a consumer with many rings sleep without losing a wake-up
// and without costing its producers a system call while it is awake.
package ring
