package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/roles"
)

const replayUsage = `Usage: cartulary replay (--tenant ID | --all | --platform) [options]

Builds read models anew from events, beside the live ones and while these are in
use, compares them row by row at the same event, and puts them in the place of the
live ones in one transaction. If they differ it tells how, and swaps nothing
unless --force is given. Cut off, or done again, it does no harm.

`

const driftUsage = `Usage: cartulary drift (--tenant ID | --all | --platform) [options]

Compares the rows of live read models with what events say, and names those that
differ, are missing or extra, with the last event that speaks of each. The exit
status is 1 if there are any. It changes nothing.

`

// errDiffering says that live rows are not what events say.
var errDiffering = errors.New("live rows differ from what events say")

// errRebuildFailed says that databases could not be rebuilt; each was told.
var errRebuildFailed = errors.New("not every database could be rebuilt")

// rebuildFlags are the arguments of replay and drift.
type rebuildFlags struct {
	roles.RebuildOptions

	tenant, from, to string
	json             bool
}

func parseRebuild(name, usage string, args []string, stdout io.Writer) (*rebuildFlags, error) {
	f := &rebuildFlags{}
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.tenant, "tenant", "", "the tenant with this `ID`: its own database")
	set.BoolVar(&f.All, "all", false, "the main database and every tenant's")
	set.BoolVar(&f.Platform, "platform", false, "the main database")
	set.StringVar(&f.from, "from", "ledger", "where events are read: audit.log (Kafka) or ledger (PostgreSQL)")
	set.BoolVar(&f.json, "json", false, "print the result as JSON")
	set.DurationVar(&f.Patience, "wait", time.Minute, "how long live read models may take to reach what was read")
	if name == "replay" {
		set.StringVar(&f.to, "to", "live", "live: swap; shadow: only build and compare, and leave the schema cartulary_shadow")
		set.BoolVar(&f.Force, "force", false, "swap also what differs: the live rows are known to be wrong")
	}
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(stdout)
		if _, err := io.WriteString(stdout, usage); err != nil {
			return nil, err
		}
		set.PrintDefaults()
		return nil, flag.ErrHelp
	case err != nil:
		return nil, fmt.Errorf("%s: %w; see cartulary %s --help", name, err, name)
	case set.NArg() > 0:
		return nil, fmt.Errorf("%s: %q is not understood; see cartulary %s --help", name, set.Arg(0), name)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("%s: %w; see cartulary %s --help", name, err, name)
	}
	return f, nil
}

func (f *rebuildFlags) check() error {
	chosen := 0
	for _, given := range []bool{f.tenant != "", f.All, f.Platform} {
		if given {
			chosen++
		}
	}
	if chosen != 1 {
		return errors.New("give one of --tenant, --all and --platform")
	}
	if f.tenant != "" {
		id, err := uuid.Parse(f.tenant)
		if err != nil {
			return fmt.Errorf("--tenant: %q is no UUID", f.tenant)
		}
		f.Tenants = []uuid.UUID{id}
	}
	switch f.from {
	case "audit.log":
		f.FromLog = true
	case "ledger":
	default:
		return fmt.Errorf("--from: %q is neither audit.log nor ledger", f.from)
	}
	switch f.to {
	case "live":
		f.Swap = true
	case "shadow":
		f.Keep = true
	case "":
	default:
		return fmt.Errorf("--to: %q is neither live nor shadow", f.to)
	}
	return nil
}

// rebuild runs replay, or drift: a replay that keeps nothing.
func rebuild(ctx context.Context, name, usage string, args []string, getenv func(string) string, stdout io.Writer) error {
	f, err := parseRebuild(name, usage, args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	cfg, err := config.Load(getenv, config.Needs{Database: true, Kafka: f.FromLog})
	if err != nil {
		return err
	}
	logger := logger(os.Stderr, cfg, name)
	open := roles.Open
	if f.FromLog {
		open = roles.OpenToReplay
	}
	platform, err := open(ctx, cfg, roles.NewHints(nil, logger), logger)
	if err != nil {
		return err
	}
	defer platform.Close()
	r := &rebuildReport{name: name, flags: f, stdout: stdout, stderr: os.Stderr, began: time.Now()}
	f.Done, f.Progress = r.done, r.progress
	if err := platform.Rebuild(ctx, f.RebuildOptions); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return r.end()
}

// rebuildReport tells how replay or drift goes.
type rebuildReport struct {
	name           string
	flags          *rebuildFlags
	stdout, stderr io.Writer
	began          time.Time
	last           int64

	Databases []rebuiltDatabase `json:"databases"`
	Events    int64             `json:"events"`
	Seconds   float64           `json:"seconds"`
	Rate      float64           `json:"events_per_second"`
	Differing int64             `json:"differing_rows"`
	Swapped   int               `json:"swapped"`
	Failed    int               `json:"failed"`
}

type rebuiltDatabase struct {
	tenantdb.Rebuilt

	Error string `json:"error,omitempty"`
}

// tell writes a line for whoever watches; that nobody can read it stops nothing.
func (r *rebuildReport) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(r.stderr, format, args...)
}

func (r *rebuildReport) progress(applied int64) {
	r.tell("%s: %d events, %d/s\n", r.name, applied, applied-r.last)
	r.last = applied
}

func (r *rebuildReport) done(b tenantdb.Rebuilt) {
	d := rebuiltDatabase{Rebuilt: b}
	r.Events += b.Events
	if b.Swapped {
		r.Swapped++
	}
	if b.Err != nil {
		r.Failed++
		d.Error = b.Err.Error()
		r.tell("%s: %v\n", r.name, b.Err)
	}
	for table, n := range b.Differing {
		r.Differing += n
		r.tell("%s: %s: %s: %d rows differ\n", r.name, b.Database, table, n)
	}
	r.Databases = append(r.Databases, d)
}

// end prints the result, and fails if rows differ or databases failed.
func (r *rebuildReport) end() error {
	r.Seconds = time.Since(r.began).Seconds()
	r.Rate = float64(r.Events) / r.Seconds
	if err := r.print(); err != nil {
		return err
	}
	switch {
	case r.Failed > 0:
		return fmt.Errorf("%s: %w", r.name, errRebuildFailed)
	case r.Differing > 0 && !r.flags.Force:
		return fmt.Errorf("%s: %w", r.name, errDiffering)
	}
	return nil
}

func (r *rebuildReport) print() error {
	if r.flags.json {
		encoder := json.NewEncoder(r.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	var text strings.Builder
	for _, d := range r.Databases {
		for _, row := range d.Differences {
			fmt.Fprintf(&text, "%s: %s %s: %s", d.Database, row.Table, row.Key, row.Problem)
			if len(row.Columns) > 0 {
				fmt.Fprintf(&text, " in %s", strings.Join(row.Columns, ", "))
			}
			if e := row.Event; e != nil {
				fmt.Fprintf(&text, "; event %d (%s, %s) of ledger %s says otherwise", e.Seq, e.Type, e.ID, e.Ledger)
			}
			text.WriteString("\n")
		}
	}
	fmt.Fprintf(&text, "%s: %d databases, %d events in %.1f s (%.0f/s), %d rows differ, %d swapped, %d failed\n",
		r.name, len(r.Databases), r.Events, r.Seconds, r.Rate, r.Differing, r.Swapped, r.Failed)
	_, err := io.WriteString(r.stdout, text.String())
	return err
}
