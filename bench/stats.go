package main

import (
	"slices"
	"time"
)

// median returns the middle of values, or the mean of the two in the middle; 0
// of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianDuration is the median of durations, in milliseconds.
func medianDuration(durations []time.Duration) float64 {
	values := make([]float64, len(durations))
	for i, d := range durations {
		values[i] = float64(d) / float64(time.Millisecond)
	}
	return median(values)
}

// round is what one round of a figure measured.
type round struct {
	Reference float64 `json:"reference"`
	Product   float64 `json:"product"`
}

func (r round) ratio() float64 {
	if r.Reference == 0 {
		return 0
	}
	return r.Product / r.Reference
}

// result is a figure that was measured.
type result struct {
	figure
	rounds []round
}

func (r result) each(of func(round) float64) []float64 {
	values := make([]float64, len(r.rounds))
	for i, one := range r.rounds {
		values[i] = of(one)
	}
	return values
}

func (r result) product() float64 {
	return median(r.each(func(one round) float64 { return one.Product }))
}

func (r result) reference() float64 {
	return median(r.each(func(one round) float64 { return one.Reference }))
}

// ratio returns the median of the rounds' ratios, and the least and the greatest.
func (r result) ratio() (mid, least, greatest float64) {
	ratios := r.each(round.ratio)
	if len(ratios) == 0 {
		return 0, 0, 0
	}
	return median(ratios), slices.Min(ratios), slices.Max(ratios)
}

// met says whether the median of the ratios reaches the aim.
func (r result) met() bool {
	mid, _, _ := r.ratio()
	if r.lowerIsBetter {
		return mid <= r.aim
	}
	return mid >= r.aim
}
