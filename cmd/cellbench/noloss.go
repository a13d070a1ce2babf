package main

import "fmt"

// The search for the highest rate without loss.
const (
	lossLimit = 100_000 // fewer than one packet in so many may be lost
	holding   = 8       // windows for which a rate must hold, when that is fewer than lossLimit packets
	precision = 0.05    // the search ends when what is left to search is smaller, as a part of the rate
	slowest   = 100     // packets a second; the search gives up below
	retreat   = 0.9     // what is tried next when a rate does not hold for lossLimit packets
	retreats  = 12
	idleTries = 10 // trials in which a busy machine may send nothing, one after the other
)

// A trial sends packets at a rate for a moment. It tells how many there were, how
// many were lost, and at what rate they were really sent.
type trial func(rate float64) (sent, lost int, achieved float64, err error)

// noLoss finds the highest rate at which fewer than one packet in lossLimit is
// lost, by bisection with one trial each; what it finds must then hold for lossLimit
// packets, or for so many seconds without any loss. most is where the search
// begins, in packets a second. It finds 0 when even the slowest rate loses.
func noLoss(most, hold float64, try trial) (float64, error) {
	low, high := 0.0, most
	for high-low > precision*high && high > slowest {
		middle := (low + high) / 2
		_, ok, err := try.passes(middle, 0)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	rate := low
	for range retreats {
		if rate < slowest {
			break
		}
		achieved, ok, err := try.passes(rate, min(lossLimit, rate*hold))
		if err != nil || ok {
			return achieved, err
		}
		rate *= retreat
	}
	return 0, nil
}

// passes repeats a trial until so many packets were sent, or too many lost. It
// tells the lowest rate of the trials, too.
func (try trial) passes(rate, packets float64) (least float64, ok bool, err error) {
	least = rate
	for sent, lost, idle := 0, 0, 0; sent == 0 || float64(sent) < packets; {
		s, l, achieved, err := try(rate)
		if idle++; err == nil && s == 0 && idle < idleTries {
			continue
		}
		if err == nil && s == 0 {
			err = fmt.Errorf("nothing was sent at %.0f packets a second", rate)
		}
		if err != nil {
			return 0, false, err
		}
		idle = 0
		sent, lost, least = sent+s, lost+l, min(least, achieved)
		if float64(lost*lossLimit) >= max(float64(sent), packets) {
			return 0, false, nil
		}
	}
	return least, true, nil
}
