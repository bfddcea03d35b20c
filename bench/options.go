package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"time"
)

// options say what is measured, and for how long.
type options struct {
	rounds    int
	seconds   int // of each measurement that runs for a time
	only      *regexp.Regexp
	json      string // file for the figures; "" for none
	dir       string
	profiles  string // directory for CPU profiles of the product; "" for none
	backlog   int    // events
	documents int    // that are renamed over HTTP
	trail     int    // events
	megabytes int    // MiB of a large file that is uploaded
	replay    int    // events
}

func (o options) duration() time.Duration { return time.Duration(o.seconds) * time.Second }

const usage = `Usage: bench [flags]

Measures the platform beside yardsticks on the same machine, in interleaved
rounds, and prints medians and ratios. Progress goes to standard error.

`

// parseOptions fails with flag.ErrHelp when help was asked for and given.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = io.WriteString(stderr, usage) // there is nobody else to tell
		flags.PrintDefaults()
	}
	flags.IntVar(&o.rounds, "rounds", 5, "`number` of rounds of each figure")
	flags.IntVar(&o.seconds, "seconds", 3, "`length` of a measurement that runs for a time")
	only := flags.String("only", "", "measure figures whose names match this `regexp`")
	flags.StringVar(&o.json, "json", "", "write the figures of every round to this `file`, too")
	flags.StringVar(&o.dir, "dir", ".cache/bench", "`directory`, on a disk, for databases and topics")
	flags.StringVar(&o.profiles, "profiles", "", "write CPU profiles of the product to this `directory`")
	flags.IntVar(&o.backlog, "backlog", 200_000, "`events` in the backlog that is relayed and projected")
	flags.IntVar(&o.documents, "documents", 2000, "`number` of documents that are renamed over HTTP")
	flags.IntVar(&o.trail, "trail", 1_000_000, "`events` in the trail that is audited")
	flags.IntVar(&o.megabytes, "megabytes", 100, "`MiB` of a large file that is uploaded, 100 at most")
	flags.IntVar(&o.replay, "replay-events", 1_000_000, "`events` in the log that is replayed")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 1, o.seconds < 1, o.backlog < 1, o.documents < 1, o.trail < 1, o.replay < 1:
		return o, errors.New("-rounds, -seconds, -backlog, -documents, -trail and -replay-events must be at least 1")
	case o.megabytes < 1, o.megabytes > 100:
		return o, errors.New("-megabytes must be from 1 to 100")
	}
	return o, nil
}
