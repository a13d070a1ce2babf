package main

import (
	"math"
	"slices"
)

// missing is the value of a figure that could not be taken.
var missing = math.NaN()

// known drops the missing values.
func known(values []float64) []float64 {
	return slices.DeleteFunc(slices.Clone(values), math.IsNaN)
}

// median of those values that are known; 0 when none is.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(known(values)))
	middle := len(sorted) / 2
	switch {
	case len(sorted) == 0:
		return 0
	case len(sorted)%2 == 1:
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// speedUp is the median, over the rounds, of how many times as good as the
// baseline's a value was: more than 1 is better, also where lower values are. A
// round in which either is missing does not count; without any it is 0.
func speedUp(values, baseline []float64, lower bool) float64 {
	var ratios []float64
	for i := range min(len(values), len(baseline)) {
		v, base := values[i], baseline[i]
		if lower {
			v, base = base, v
		}
		if base > 0 {
			ratios = append(ratios, v/base) // NaN stays NaN, and median drops it
		}
	}
	return median(ratios)
}

// spread is how far the values lie apart, as a part of their median.
func spread(values []float64) float64 {
	all := known(values)
	if m := median(all); m > 0 {
		return (slices.Max(all) - slices.Min(all)) / m
	}
	return 0
}

// order is who goes when in a round, of so many: each round begins with another,
// and every second one runs backwards, so that nobody always follows the same.
func order(round, entrants int) []int {
	turns, step := make([]int, entrants), 1
	if round%2 == 1 {
		step = entrants - 1 // backwards
	}
	for i := range turns {
		turns[i] = (round + i*step) % entrants
	}
	return turns
}
