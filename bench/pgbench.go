package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// pgbenchTPS finds the figure in what pgbench prints, as it was worded before
// PostgreSQL 14 and as it is since.
var pgbenchTPS = regexp.MustCompile(`tps = ([0-9.]+) \((?:without initial connection time|excluding connections establishing)\)`)

// pgbench inserts one row a transaction, on a table of its own.
type pgbench struct {
	b       *bench
	clients int
	logged  bool // note the latency of each transaction
}

// pgbenchResult is what one run of pgbench measured.
type pgbenchResult struct {
	perSecond float64
	latencies []time.Duration // if logged
}

func (p pgbench) run(ctx context.Context) (_ pgbenchResult, err error) {
	database, err := p.b.cluster.create(ctx, "")
	if err != nil {
		return pgbenchResult{}, err
	}
	err = p.b.cluster.exec(ctx, database, `create table rows (id bigserial primary key, body bytea not null)`)
	if err != nil {
		return pgbenchResult{}, err
	}
	dir, err := os.MkdirTemp(p.b.scratch, "pgbench-")
	if err != nil {
		return pgbenchResult{}, err
	}
	r, err := p.runOn(ctx, database, dir)
	return r, errors.Join(err, p.b.cluster.drop(ctx, database), os.RemoveAll(dir))
}

func (p pgbench) runOn(ctx context.Context, database, dir string) (pgbenchResult, error) {
	script, err := p.script(dir)
	if err != nil {
		return pgbenchResult{}, err
	}
	args := []string{
		"-n", "-M", "prepared", "-c", strconv.Itoa(p.clients), "-j", strconv.Itoa(min(p.clients, 2)),
		"-T", strconv.Itoa(p.b.seconds), "-f", script,
	}
	if p.logged {
		args = append(args, "-l", "--log-prefix="+filepath.Join(dir, "log"))
	}
	config, err := pgx.ParseConfig(p.b.cluster.server.URL(database))
	if err != nil {
		return pgbenchResult{}, err
	}
	cmd := exec.CommandContext(ctx, p.b.cluster.program("pgbench"), args...) //nolint:gosec // a program beside PostgreSQL's
	cmd.Env = append(os.Environ(),
		"PGHOST="+config.Host, "PGPORT="+strconv.Itoa(int(config.Port)), "PGDATABASE="+config.Database,
		"PGUSER="+config.User, "PGPASSWORD="+config.Password)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	said, err := cmd.Output()
	if err != nil {
		return pgbenchResult{}, fmt.Errorf("pgbench: %w: %s", err, stderr.Bytes())
	}
	found := pgbenchTPS.FindSubmatch(said)
	if found == nil {
		return pgbenchResult{}, fmt.Errorf("pgbench: no figure in %q", said)
	}
	r := pgbenchResult{}
	if r.perSecond, err = strconv.ParseFloat(string(found[1]), 64); err != nil {
		return r, fmt.Errorf("pgbench: %w", err)
	}
	if p.logged {
		r.latencies, err = readLatencies(dir)
	}
	return r, err
}

// script inserts a constant, which costs pgbench nothing to make, of the size of
// an event's body.
func (p pgbench) script(dir string) (string, error) {
	path := filepath.Join(dir, "insert.sql")
	body := strings.Repeat("1d3f5a7", eventBytes()/len("1d3f5a7"))
	err := os.WriteFile(path, []byte("insert into rows (body) values ('"+body+"');\n"), 0o600)
	return path, err
}

// readLatencies reads pgbench's transaction logs: client, transaction, latency in
// microseconds, and more.
func readLatencies(dir string) ([]time.Duration, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "log.*"))
	if err != nil || len(paths) == 0 {
		return nil, errors.Join(errors.New("pgbench left no log"), err)
	}
	var latencies []time.Duration
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			if len(fields) < 3 {
				continue
			}
			us, err := strconv.ParseInt(fields[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("pgbench's log: %w", err)
			}
			latencies = append(latencies, time.Duration(us)*time.Microsecond)
		}
	}
	return latencies, nil
}

// pgbenchRate measures transactions a second with 32 clients, as all figures do
// that are compared with it.
func pgbenchRate(b *bench) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		r, err := pgbench{b: b, clients: 32}.run(ctx)
		return r.perSecond, err
	}
}
