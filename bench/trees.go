package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// appendRole is the argument with which the program appends to a database of another
// run's cluster and does nothing else. Arguments that follow: the database's URL, and
// seconds.
const appendRole = "append-as-asked"

// itself is the name of this program as it is.
const itself = "bench-itself"

const treeInFlight, treeTenants = 256, 1

// appendAsAsked prints how many commands a second were appended.
func appendAsAsked(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 2 {
		return errors.New(appendRole + " takes a URL and seconds")
	}
	seconds, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("seconds: %w", err)
	}
	perSecond, err := appendTo(ctx, args[0], treeInFlight, treeTenants, time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, perSecond)
	return err
}

// prepareTrees measures appends beside appends of a build that keeps no Merkle trees.
// Each side is a process of its own, and they differ in nothing else.
func prepareTrees(ctx context.Context, b *bench) (contest, error) {
	b.say("  building with trees and without")
	with, err := b.buildSelf(ctx, itself)
	if err != nil {
		return contest{}, err
	}
	without, err := b.buildSelf(ctx, "bench-treeless", "-tags", "treeless")
	if err != nil {
		return contest{}, err
	}
	return contest{
		reference: func(ctx context.Context) (float64, error) { return b.appendElsewhere(ctx, without, false) },
		product:   func(ctx context.Context) (float64, error) { return b.appendElsewhere(ctx, with, true) },
	}, nil
}

// buildSelf returns the path of this program, which it builds once a name.
func (b *bench) buildSelf(ctx context.Context, name string, flags ...string) (string, error) {
	path := filepath.Join(b.scratch, name)
	if _, err := os.Stat(path); err == nil { //nolint:gosec // below the directory of the user's own choice
		return path, nil
	}
	args := append([]string{"build", "-o", path}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, module+"/bench")...) //nolint:gosec // nothing of it comes from outside
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, said)
	}
	return path, nil
}

// appendElsewhere runs a build on a new database. It fails unless heads hold trees just
// when they are to.
func (b *bench) appendElsewhere(ctx context.Context, program string, trees bool) (_ float64, err error) {
	database, err := b.cluster.create(ctx, platform)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, b.cluster.drop(ctx, database)) }()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, appendRole, b.cluster.server.URL(database), strconv.Itoa(b.seconds)) //nolint:gosec // built here
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", filepath.Base(program), err, &stderr)
	}
	pool, err := b.cluster.pool(ctx, database)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	var heads, trunks int
	err = pool.QueryRow(ctx, `select count(*), count(*) filter (where range <> '') from ledger.heads where seq > 0`).Scan(&heads, &trunks)
	switch {
	case err != nil:
		return 0, err
	case heads != treeTenants, trees && trunks != heads, !trees && trunks != 0:
		return 0, fmt.Errorf("%s left %d heads, %d of them with trees", filepath.Base(program), heads, trunks)
	}
	return strconv.ParseFloat(strings.TrimSpace(stdout.String()), 64)
}
