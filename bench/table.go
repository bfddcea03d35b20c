package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// writeTable writes one line a figure.
func writeTable(w io.Writer, results []result) error {
	var lines strings.Builder
	lines.WriteString("figure\tproduct\treference\tunit\tratio (min–max)\taim\t\n")
	for _, r := range results {
		mid, least, greatest := r.ratio()
		fmt.Fprintf(&lines, "%s\t%s\t%s\t%s\t%.2f (%.2f–%.2f)\t%s\t%s\n",
			r.name, number(r.product()), number(r.reference()), r.unit, mid, least, greatest, r.aimText(), verdict(r))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := io.WriteString(t, lines.String()); err != nil {
		return err
	}
	return t.Flush()
}

func verdict(r result) string {
	if r.met() {
		return "met"
	}
	return "missed"
}

func (f figure) aimText() string {
	if f.lowerIsBetter {
		return fmt.Sprintf("≤ %.4g ×", f.aim)
	}
	return fmt.Sprintf("≥ %.4g ×", f.aim)
}

// number writes v with some three significant digits and at least all before the
// point.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}
