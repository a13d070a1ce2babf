package ring

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestNeedsWake(t *testing.T) {
	var bell Doorbell
	for _, tc := range []struct {
		name string
		do   func()
		want []bool
	}{
		{"zero value is awake", func() {}, []bool{false, false}},
		{"armed: one is told", bell.Arm, []bool{true, false, false}},
		{"armed again", bell.Arm, []bool{true, false}},
		{"disarmed: none is told", func() { bell.Arm(); bell.Disarm() }, []bool{false, false}},
	} {
		tc.do()
		for i, want := range tc.want {
			if got := bell.NeedsWake(); got != want {
				t.Errorf("%s: call %d is %v", tc.name, i, got)
			}
		}
	}
}

// TestNeedsWakeOnce lets two producers ask in the same instant, many times:
// exactly one is told. The first waits a little for the second to see the
// round begin, and by how much it waits goes through a range.
func TestNeedsWakeOnce(t *testing.T) {
	const rounds = 200_000
	var bell Doorbell
	var round, answered, told atomic.Int32
	ask := func() {
		if bell.NeedsWake() {
			told.Add(1)
		}
		answered.Add(1)
	}
	go func() {
		for r := int32(1); r <= rounds; r++ {
			for spins := 0; round.Load() < r; spins++ {
				if spins%1000 == 999 {
					runtime.Gosched()
				}
			}
			ask()
		}
	}()
	for r := int32(1); r <= rounds; r++ {
		bell.Arm()
		round.Store(r)
		for range r % 128 {
			answered.Load()
		}
		ask()
		for answered.Load() < 2*r {
			runtime.Gosched()
		}
		if n := told.Load(); n != r {
			t.Fatalf("round %d: %d producers were told to wake the consumer", r, n-r+1)
		}
	}
}

// TestNoWakeupLost runs the protocol with a channel as the eventfd. The rings
// are small, so that the consumer sleeps often; producers never ring without
// publishing, so that a lost wake-up soon stops everything.
func TestNoWakeupLost(t *testing.T) {
	const producers, entries = 3, 50_000
	var bell Doorbell
	eventfd := make(chan struct{}, 1)
	var inboxes []*Consumer[int]
	var rings, sleeps int64
	for range producers {
		p, c, _ := New[int](4)
		inboxes = append(inboxes, c)
		go func() {
			for n := 0; n < entries; {
				for n < entries && p.Put(n) {
					n++
				}
				if p.Publish() && bell.NeedsWake() {
					atomic.AddInt64(&rings, 1)
					select {
					case eventfd <- struct{}{}:
					default:
					}
				}
				runtime.Gosched()
			}
		}()
	}
	next := make([]int, producers)
	for left := producers * entries; left > 0; {
		left -= drain(t, inboxes, next)
		bell.Arm()
		if left > 0 && allEmpty(inboxes) {
			sleeps++
			select {
			case <-eventfd:
			case <-time.After(30 * time.Second): // no limit on speed: for ever, in effect
				t.Fatalf("wake-up lost with %d entries to come", left)
			}
		}
		bell.Disarm()
	}
	t.Logf("%d sleeps, %d wake-ups", sleeps, atomic.LoadInt64(&rings))
	if sleeps == 0 {
		t.Error("the consumer never slept")
	}
}

// drain takes and checks what waits in every inbox and returns how many.
func drain(t *testing.T, inboxes []*Consumer[int], next []int) (n int) {
	for i, c := range inboxes {
		for v, ok := c.Get(); ok; v, ok = c.Get() {
			if v != next[i] {
				t.Fatalf("ring %d: got %d, want %d", i, v, next[i])
			}
			next[i]++
			n++
		}
		c.Release()
	}
	return n
}

func allEmpty(inboxes []*Consumer[int]) bool {
	for _, c := range inboxes {
		if !c.Empty() {
			return false
		}
	}
	return true
}
