package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what args ask for and writes the table to stdout, progress to
// stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	if len(args) > 0 && args[0] == appendRole {
		return appendAsAsked(ctx, args[1:], stdout)
	}
	if len(args) > 0 && args[0] == objectsRole {
		return serveObjects(ctx, args[1:])
	}
	if len(args) > 0 && args[0] == replayRole {
		return replayAsAsked(ctx, args[1:], stdout)
	}
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(figures(), func(f figure) bool { return !o.only.MatchString(f.name) })
	if len(chosen) == 0 {
		return fmt.Errorf("no figure's name matches %q", o.only)
	}
	results, err := measureAll(ctx, o, chosen, stderr)
	if err != nil {
		return err
	}
	if err := writeTable(stdout, results); err != nil {
		return err
	}
	if o.json == "" {
		return nil
	}
	return writeJSON(o.json, o, results)
}

func measureAll(ctx context.Context, o options, chosen []figure, progress io.Writer) (results []result, err error) {
	b, err := newBench(ctx, o, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }() //nolint:contextcheck // ctx may have ended
	for _, f := range chosen {
		r, err := b.measure(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		results = append(results, r)
	}
	return results, nil
}
