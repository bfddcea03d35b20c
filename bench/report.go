package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// report is what -json writes.
type report struct {
	At      time.Time      `json:"at"`
	Go      string         `json:"go"`
	CPUs    int            `json:"cpus"`
	Rounds  int            `json:"rounds"`
	Seconds int            `json:"seconds"`
	Backlog int            `json:"backlog"`
	Trail   int            `json:"trail"`
	Replay  int            `json:"replay_events"`
	Figures []figureReport `json:"figures"`
}

type figureReport struct {
	Name          string  `json:"name"`
	Unit          string  `json:"unit"`
	Product       float64 `json:"product"`
	Reference     float64 `json:"reference"`
	Ratio         float64 `json:"ratio"`
	RatioMin      float64 `json:"ratio_min"`
	RatioMax      float64 `json:"ratio_max"`
	Aim           float64 `json:"aim"`
	LowerIsBetter bool    `json:"lower_is_better"`
	Met           bool    `json:"met"`
	Rounds        []round `json:"rounds"`
}

// writeJSON writes the figures of every round to a file.
func writeJSON(path string, o options, results []result) error {
	out := report{
		At: time.Now().UTC(), Go: runtime.Version(), CPUs: runtime.NumCPU(),
		Rounds: o.rounds, Seconds: o.seconds, Backlog: o.backlog, Trail: o.trail, Replay: o.replay,
	}
	for _, r := range results {
		mid, least, greatest := r.ratio()
		out.Figures = append(out.Figures, figureReport{
			Name: r.name, Unit: r.unit, Product: r.product(), Reference: r.reference(),
			Ratio: mid, RatioMin: least, RatioMax: greatest,
			Aim: r.aim, LowerIsBetter: r.lowerIsBetter, Met: r.met(), Rounds: r.rounds,
		})
	}
	text, err := json.Marshal(out, jsontext.WithIndent("  "))
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}
