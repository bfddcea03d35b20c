package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func sampleResults() []result {
	return []result{
		{figure: figure{name: "fast", unit: "1/s", aim: 1.2}, rounds: []round{{1000, 1500}, {2000, 2500}, {900, 2700}}},
		{figure: figure{name: "late", unit: "ms", aim: 6, lowerIsBetter: true}, rounds: []round{{0.25, 2}}},
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	if err := writeTable(&got, sampleResults()); err != nil {
		t.Fatal(err)
	}
	want := "figure  product  reference  unit  ratio (min–max)   aim      \n" +
		"fast    2500     1000       1/s   1.50 (1.25–3.00)  ≥ 1.2 ×  met\n" +
		"late    2.00     0.25       ms    8.00 (8.00–8.00)  ≤ 6 ×    missed\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestJSONHoldsEveryRound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "figures.json")
	if err := writeJSON(path, options{rounds: 3, seconds: 2, backlog: 10}, sampleResults()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := []figureReport{
		{
			Name: "fast", Unit: "1/s", Product: 2500, Reference: 1000, Ratio: 1.5, RatioMin: 1.25, RatioMax: 3, Aim: 1.2,
			Met: true, Rounds: []round{{1000, 1500}, {2000, 2500}, {900, 2700}},
		},
		{
			Name: "late", Unit: "ms", Product: 2, Reference: 0.25, Ratio: 8, RatioMin: 8, RatioMax: 8, Aim: 6,
			LowerIsBetter: true, Rounds: []round{{0.25, 2}},
		},
	}
	if diff := cmp.Diff(want, got.Figures); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if got.Rounds != 3 || got.Seconds != 2 || got.Backlog != 10 || got.At.IsZero() || got.CPUs < 1 {
		t.Errorf("head of the report: %+v", got)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0.00", 0.1234: "0.12", 9.994: "9.99", 12.34: "12.3", 123.4: "123", 123456: "123456"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
