package ring

import "sync/atomic"

// Doorbell is the sleep flag of one consumer, shared with all its producers.
// It makes no system call: the caller owns the eventfd, or whatever else the
// consumer sleeps on. The zero value is a consumer that is awake.
//
// The consumer, when it has found no work:
//
//	bell.Arm()
//	if every inbox is Empty {
//		sleep                       // epoll_wait on the eventfd and devices
//	}
//	bell.Disarm()
//	read the eventfd, drain every inbox
//
// A producer, once a pass after publishing to that consumer's rings:
//
//	if bell.NeedsWake() {
//		write the eventfd
//	}
//
// Why no wake-up is lost: each side stores, then loads what the other stores
// (flag then index; index then flag). Go's atomics are sequentially
// consistent, which includes the fence between the store and the load, so at
// least one of the two sees the other. A plain release store would not do.
//
// The eventfd is read only between a Disarm and the next Arm. A write for an
// earlier sleep may come late and end the next sleep early: that costs one
// idle pass and nothing else.
//
// Arm and Disarm belong to the consumer alone. NeedsWake is for any number
// of goroutines.
type Doorbell struct {
	_      [spacing]byte
	asleep atomic.Uint32
	_      [spacing - 4]byte
}

// Arm announces that the consumer is about to sleep. The consumer must look
// at every inbox after it, and before sleeping.
func (d *Doorbell) Arm() { d.asleep.Store(1) }

// Disarm announces that the consumer is awake, so that producers do not ring.
func (d *Doorbell) Disarm() { d.asleep.Store(0) }

// NeedsWake reports whether the caller must wake the consumer now. It is
// called after Publish. For one Arm, exactly one caller is told true, however
// many publish at once.
func (d *Doorbell) NeedsWake() bool {
	return d.asleep.Load() != 0 && d.asleep.Swap(0) != 0
}
