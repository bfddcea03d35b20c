package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// options are what the command line says.
type options struct {
	ops      int
	faults   int
	clients  int
	tenants  int
	seed     uint64
	duration time.Duration // of the load
	root     string
	bin      string
	dir      string // "": a temporary one, removed after success
}

func parse(args []string, out io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.IntVar(&o.ops, "ops", 2000, "`number` of uploads and renames")
	flags.IntVar(&o.faults, "faults", 20, "`number` of times a process is killed")
	flags.IntVar(&o.clients, "clients", 16, "`number` of clients at the same time")
	flags.IntVar(&o.tenants, "tenants", 4, "`number` of tenants")
	flags.Uint64Var(&o.seed, "seed", 0, "`seed` of what is drawn; 0 draws one")
	flags.DurationVar(&o.duration, "duration", 8*time.Minute, "longest `time` that the load may take")
	flags.StringVar(&o.root, "root", ".", "`directory` of the project")
	flags.StringVar(&o.bin, "bin", "bin", "`directory` of the built programs")
	flags.StringVar(&o.dir, "dir", "", "`directory` for data and logs; a temporary one, removed after success")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // printed, to be repeated
	}
	switch {
	case flags.NArg() > 0:
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.clients < 1 || o.tenants < 1 || o.faults < 0:
		return options{}, errors.New("clients and tenants must be at least 1, faults at least 0")
	case o.ops < 4*o.faults*o.clients/10 || o.ops < 1:
		return options{}, fmt.Errorf("%d operations are too few for %d faults and %d clients", o.ops, o.faults, o.clients)
	}
	return o, nil
}
