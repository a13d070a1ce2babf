package pace

import (
	"math/rand/v2"
	"testing"
	"time"
)

const us = int64(time.Microsecond)

// waiter plays the frames to a pacer: each pass takes a microsecond.
type waiter struct {
	Pacer
	now   int64
	yield int64 // what a yield lasts beyond that
}

// wait is one wait, until a frame comes after gap. It returns how long the hub was awake in
// it, and whether it slept.
func (w *waiter) wait(gap int64) (awake int64, slept bool) {
	begun := w.now
	for w.now < begun+gap {
		switch w.Next(w.now, 0, 0) {
		case Turn:
			w.now += us
		case Yield:
			w.now += us + w.yield
		case Sleep:
			awake, w.now = w.now-begun, begun+gap
			w.Next(w.now, 1, 1)
			return awake, true
		}
	}
	awake = w.now - begun
	w.Next(w.now, 1, 1)
	return awake, false
}

func TestPacerLearns(t *testing.T) {
	ms := 1000 * us
	for _, tt := range []struct {
		name  string
		gaps  []int64 // again and again
		sleep []bool  // whether the hub sleeps in each, when it has learnt
		awake int64   // at most, in a wait that it sleeps in
	}{
		{"one ping after the other", []int64{10 * us, 40 * us}, []bool{false, false}, 0},
		{"answers a ping every 10 ms", []int64{20 * us, 10 * ms}, []bool{false, true}, 30 * us},
		{"sends a ping every 10 ms", []int64{120 * us, 10 * ms}, []bool{false, true}, 160 * us},
		{"answers a ping every second", []int64{20 * us, 1000 * ms}, []bool{false, true}, 30 * us},
		{"a frame every 40 µs", []int64{40 * us}, []bool{false}, 0},
		{"a frame every 100 µs: a sleep costs less", []int64{100 * us}, []bool{true}, 2 * us},
		{"a frame every ms", []int64{ms}, []bool{true}, 2 * us},
		{"a frame every second", []int64{1000 * ms}, []bool{true}, 2 * us},
		{"one in eight is near", []int64{150 * us, ms, ms, ms, ms, ms, ms, ms}, []bool{true, true, true, true, true, true, true, true}, 2 * us},
	} {
		w := &waiter{Pacer: New(Config{})}
		w.Next(w.now, 1, 1)
		for range 3 * gapsKept {
			for _, g := range tt.gaps {
				w.wait(g)
			}
		}
		for i, g := range tt.gaps {
			if awake, slept := w.wait(g); slept != tt.sleep[i] || slept && awake > tt.awake {
				t.Errorf("%s: a wait of %v: awake for %v, asleep after: %v", tt.name, time.Duration(g), time.Duration(awake), slept)
			}
		}
	}
}

// What was learnt is forgotten within gapsKept waits, and a hub that knows nothing sleeps.
func TestPacerForgets(t *testing.T) {
	w := &waiter{Pacer: New(Config{})}
	w.Next(w.now, 1, 1)
	if awake, slept := w.wait(1000 * us); !slept || awake > us {
		t.Errorf("the first wait: awake for %v", time.Duration(awake))
	}
	for range gapsKept {
		w.wait(30 * us)
	}
	if _, slept := w.wait(30 * us); slept {
		t.Error("sleeps when frames are near")
	}
	for range gapsKept {
		if awake, _ := w.wait(500_000 * us); awake > 50*us {
			t.Errorf("frames are far: awake for %v", time.Duration(awake))
		}
	}
	if awake, _ := w.wait(500_000 * us); awake > us {
		t.Errorf("frames have been far for long: awake for %v", time.Duration(awake))
	}
}

// Where a yield lasts, other programs want the processor: the hub sleeps for a while, as
// who sleeps is let in sooner than who yields.
func TestPacerCrowded(t *testing.T) {
	w := &waiter{Pacer: New(Config{})}
	w.Next(w.now, 1, 1)
	for range gapsKept {
		w.wait(30 * us)
	}
	w.yield = 3000 * us
	w.wait(10_000 * us)
	w.yield = 0
	for i := range crowdedFor {
		if _, slept := w.wait(30 * us); !slept {
			t.Fatalf("yields again after %d waits", i)
		}
	}
	w.wait(30 * us)
	if _, slept := w.wait(30 * us); slept {
		t.Error("never tries again")
	}
}

// However frames come, what is spent awake for nothing stays a small part of the time, and
// what is spent for something no more than the sleeps are worth.
func TestPacerCost(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		w := &waiter{Pacer: New(Config{})}
		w.Next(0, 1, 1)
		var awake int64
		met, kinds := int64(0), 1+rng.IntN(4)
		var gaps []int64
		for range kinds {
			gaps = append(gaps, us<<rng.IntN(15))
		}
		const waits = 500
		for range waits {
			a, slept := w.wait(gaps[rng.IntN(kinds)])
			awake += a
			if !slept {
				met++
			}
		}
		// Chance makes the last gaps worse than the next by as much as it makes them better.
		if most := 2 * (met*sleepWorth + w.now>>dutyShift + waits*2*us); awake > most {
			t.Fatalf("seed %d: gaps of %v: awake for %v of %v, %d of %d met", seed, gaps, time.Duration(awake), time.Duration(w.now), met, waits)
		}
	}
}

func TestPacerSpins(t *testing.T) {
	w := &waiter{Pacer: New(Config{Spin: true})}
	w.Next(0, 1, 1)
	if _, slept := w.wait(1_000_000 * us); slept {
		t.Error("sleeps")
	}
}

// A sleep is one of many steps until a second after the last frame.
func TestPacerSteps(t *testing.T) {
	p := New(Config{})
	p.Next(5, 1, 1)
	p.Next(10, 0, 0)
	for _, tt := range []struct {
		now  int64
		want int
	}{{10, StepMillis}, {5 + stepFor - 1, StepMillis}, {5 + stepFor, Forever}, {10 + 5*stepFor, Forever}} {
		if got := p.Limit(tt.now); got != tt.want {
			t.Errorf("at %d: %d ms, want %d", tt.now, got, tt.want)
		}
	}
	p.Next(10+5*stepFor, 1, 0)
	if got := p.Limit(10 + 5*stepFor); got != Forever {
		t.Errorf("after a command: %d ms", got)
	}
	p.Next(10+5*stepFor, 1, 1)
	if got := p.Limit(10 + 5*stepFor); got != StepMillis {
		t.Errorf("after a frame: %d ms", got)
	}
}

func TestPacerLetsBurstsGrow(t *testing.T) {
	for _, tt := range []struct {
		name    string
		latency int64
		every   int64 // ns between passes
		work    int
		want    bool
	}{
		{"one frame in flight", 20 * us, 30 * us, 1, false},
		{"one frame in flight, spinning", 20 * us, 3 * us, 1, false},
		{"overload, chased frame by frame", 20 * us, 600, 1, true},
		{"overload, small bursts", 20 * us, 4 * us, 8, true},
		{"overload, full bursts", 20 * us, 15 * us, 64, false},
		{"a bound too short to gain", 2 * us, 4 * us, 8, false},
		{"never", 0, 600, 1, false},
	} {
		p := New(Config{Latency: time.Duration(tt.latency)})
		now, naps := int64(0), 0
		for range 1000 {
			switch p.Next(now, tt.work, tt.work) {
			case Nap:
				naps++
			case Turn:
			default:
				t.Fatalf("%s: rests after work", tt.name)
			}
			now += tt.every
		}
		if got := naps > 500; got != tt.want || !tt.want && naps > 0 {
			t.Errorf("%s: %d naps", tt.name, naps)
		}
		if p.Next(now+1_000_000_000, 0, 0); p.Grows {
			t.Errorf("%s: the load goes on without a frame", tt.name)
		}
		p.Next(now+1_000_000_000, 1, 1)
		if p.Next(now+1_000_000_000+tt.every, 1, 1) == Nap {
			t.Errorf("%s: naps after a pause", tt.name)
		}
	}
}
