package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Of the metrics that sarama keeps, whatever it is told.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
}

// Every kind of figure is measured once, in the smallest way, so that no
// measurement stops working unseen. What it measures on the way means nothing.
func TestEveryFigureCanBeMeasured(t *testing.T) {
	dir := t.TempDir()
	for _, passed := range []string{dir, filepath.Dir(dir)} { // PostgreSQL's user passes through
		if err := os.Chmod(passed, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	var table, progress bytes.Buffer
	figuresFile := filepath.Join(dir, "figures.json")
	err := run(t.Context(), []string{
		"--only", "256 in flight, 64 tenants|its tree|rename over|login over|page of 50|as the body|to the store|KB until|backlog|audit|replay of one|during a replay",
		"--rounds", "1", "--seconds", "1", "--backlog", "2000", "--documents", "130", "--trail", "3000", "--megabytes", "1", "--replay-events", "3000",
		"--dir", filepath.Join(dir, "bench"), "--json", figuresFile, "--profiles", filepath.Join(dir, "profiles"),
	}, &table, &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	for _, name := range []string{
		"append, 256", "rename over", "login over", "page of 50", "upload of 100 MB as", "upload of 100 MB to", "uploads of 10 KB", "relay", "projection", "append with its tree", "audit of a ledger", "audit of a bundle",
		"replay of one", "lag of other tenants during a replay, p50", "lag of other tenants during a replay, p99",
	} {
		if !strings.Contains(table.String(), "\n"+name) {
			t.Errorf("%q is not in the table:\n%s", name, table.String())
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "bench", "scratch-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(figuresFile); err != nil {
		t.Error(err)
	}
	t.Logf("\n%s", table.String())
}

func TestNoFigureOfThatName(t *testing.T) {
	dir := t.TempDir()
	err := run(t.Context(), []string{"--only", "no such figure", "--dir", dir}, &bytes.Buffer{}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "no such figure") {
		t.Errorf("got %v", err)
	}
}
