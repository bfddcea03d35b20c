package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cartulary/cartulary/chaos/check"
)

// shown is how many violations are printed at most.
const shown = 40

// result is what a run showed.
type result struct {
	acknowledged, retries int
	recoveries            []time.Duration
	crashes               []string
	snapshot              check.Snapshot
	violations            []check.Violation
	duration              time.Duration
}

// print writes what is wrong and the line that sums up. It returns an error if
// anything is wrong.
func (r result) print(out io.Writer) error {
	var text strings.Builder
	for i, v := range r.violations {
		if i == shown {
			fmt.Fprintf(&text, "… and %d more\n", len(r.violations)-shown)
			break
		}
		fmt.Fprintln(&text, v)
	}
	for _, crash := range r.crashes {
		fmt.Fprintln(&text, crash)
	}
	fmt.Fprintf(&text, "faults %d, acknowledged %d, lost %d, duplicated %d, skipped %d, wrong %d, crashed %d, "+
		"recovery p50/p99/max %d/%d/%d ms, repeated requests %d, redelivered messages %d, events %d, took %.0f s\n",
		len(r.recoveries), r.acknowledged,
		check.Count(r.violations, check.Lost), check.Count(r.violations, check.Duplicated),
		check.Count(r.violations, check.Skipped), check.Count(r.violations, check.Wrong), len(r.crashes),
		r.recovery(0.5).Milliseconds(), r.recovery(0.99).Milliseconds(), r.recovery(1).Milliseconds(),
		r.retries, check.Redelivered(r.snapshot), len(r.snapshot.Events), r.duration.Seconds())
	if _, err := io.WriteString(out, text.String()); err != nil {
		return err
	}
	switch {
	case len(r.violations) > 0:
		return fmt.Errorf("%d violations of %s", len(r.violations), strings.Join(check.Invariants(r.violations), ", "))
	case len(r.crashes) > 0:
		return fmt.Errorf("%d processes ended by themselves", len(r.crashes))
	default:
		return nil
	}
}

// recovery returns a quantile of the recoveries; 0 if there were none.
func (r result) recovery(quantile float64) time.Duration {
	if len(r.recoveries) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.recoveries))
	return sorted[min(int(quantile*float64(len(sorted))), len(sorted)-1)]
}
