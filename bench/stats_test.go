package main

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		values []float64
		want   float64
	}{
		"of nothing":           {nil, 0},
		"of one":               {[]float64{3}, 3},
		"of an odd number":     {[]float64{9, 1, 5}, 5},
		"of an even number":    {[]float64{4, 1, 3, 2}, 2.5},
		"is not moved by one":  {[]float64{1, 1, 1, 1, 1e9}, 1},
		"of equal values":      {[]float64{2, 2, 2}, 2},
		"does not need order":  {[]float64{5, 4, 3, 2, 1}, 3},
		"of negative and zero": {[]float64{-1, 0, 1}, 0},
	}
	for name, tt := range tests {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median %s = %v, want %v", name, got, tt.want)
		}
	}
}

func TestMedianLeavesValuesAsTheyAre(t *testing.T) {
	t.Parallel()
	values := []float64{3, 1, 2}
	median(values)
	if values[0] != 3 || values[1] != 1 || values[2] != 2 {
		t.Errorf("values are %v now", values)
	}
}

func TestMedianDurationIsInMilliseconds(t *testing.T) {
	t.Parallel()
	got := medianDuration([]time.Duration{time.Millisecond, 1500 * time.Microsecond, time.Second})
	if got != 1.5 {
		t.Errorf("got %v, want 1.5", got)
	}
}

// The ratio of medians is another thing than the median of ratios.
func TestRatioIsTakenInEachRound(t *testing.T) {
	t.Parallel()
	r := result{figure: figure{aim: 2}, rounds: []round{
		{Reference: 100, Product: 200}, // a quiet minute
		{Reference: 10, Product: 30},   // a busy one
		{Reference: 50, Product: 60},
	}}
	mid, least, greatest := r.ratio()
	if mid != 2 || least != 1.2 || greatest != 3 {
		t.Errorf("ratio %v (%v–%v), want 2 (1.2–3)", mid, least, greatest)
	}
	if r.product() != 60 || r.reference() != 50 {
		t.Errorf("medians %v and %v, want 60 and 50", r.product(), r.reference())
	}
}

func TestRatioOfNothing(t *testing.T) {
	t.Parallel()
	if mid, least, greatest := (result{}).ratio(); mid != 0 || least != 0 || greatest != 0 {
		t.Errorf("got %v (%v–%v)", mid, least, greatest)
	}
	if got := (round{Product: 5}).ratio(); got != 0 {
		t.Errorf("ratio to nothing is %v", got)
	}
}

func TestMet(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ratio, aim float64
		lower      bool
		want       bool
	}{
		"more than was aimed at":       {2, 1.2, false, true},
		"just as much":                 {1.2, 1.2, false, true},
		"less":                         {1.1, 1.2, false, false},
		"a latency that is shorter":    {3, 6, true, true},
		"a latency that is as long":    {6, 6, true, true},
		"a latency that is too long":   {7, 6, true, false},
		"nothing measured":             {0, 1, false, false},
		"a rate far beyond its aim":    {100, 1, false, true},
		"a latency far beyond its aim": {100, 1, true, false},
	}
	for name, tt := range tests {
		r := result{figure: figure{aim: tt.aim, lowerIsBetter: tt.lower}, rounds: []round{{Reference: 1, Product: tt.ratio}}}
		if got := r.met(); got != tt.want {
			t.Errorf("%s: met is %v", name, got)
		}
	}
}
