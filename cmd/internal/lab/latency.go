package lab

import (
	"fmt"
	"slices"
	"time"
)

// Latency sums up a set of round trips.
type Latency struct {
	Min, P50, P99, Max time.Duration
}

// NewLatency sorts samples and takes its percentiles, by nearest rank.
func NewLatency(samples []time.Duration) Latency {
	if len(samples) == 0 {
		return Latency{}
	}
	slices.Sort(samples)
	rank := func(percent int) time.Duration {
		return samples[max((len(samples)*percent+99)/100-1, 0)]
	}
	return Latency{Min: samples[0], P50: rank(50), P99: rank(99), Max: samples[len(samples)-1]}
}

// String writes the four figures in microseconds.
func (l Latency) String() string {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return fmt.Sprintf("min/p50/p99/max %.0f/%.0f/%.0f/%.0f µs", us(l.Min), us(l.P50), us(l.P99), us(l.Max))
}
