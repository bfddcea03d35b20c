package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/proof"
	"github.com/cartulary/cartulary/roles"
)

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(v string) error {
	*l = append(*l, v)
	return nil
}

// verifying is what `cartulary audit verify` was asked for.
type verifying struct {
	ledger, bundle, receipt, document string
	all                               bool
	keys                              proof.Keys
	known                             []proof.Checkpoint
}

func auditVerify(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	v, err := parseVerify(args, stdout)
	if err != nil {
		return helped(err)
	}
	switch {
	case v.receipt != "":
		return verifyReceipt(v.receipt, v.document, v.keys, stdout)
	case v.bundle != "":
		return v.verifyBundle(ctx, stdout)
	default:
		return v.verifyLedgers(ctx, getenv, stdout)
	}
}

func parseVerify(args []string, stdout io.Writer) (verifying, error) {
	var (
		v                 verifying
		keys, checkpoints list
	)
	flags := newFlags("verify", stdout)
	flags.StringVar(&v.bundle, "bundle", "", "`file` that export wrote")
	flags.StringVar(&v.receipt, "receipt", "", "`file` with a document's receipt")
	flags.StringVar(&v.document, "document", "", "with --receipt: the document's bytes, to be compared, in a `file`")
	flags.StringVar(&v.ledger, "ledger", "", "`id` of a ledger of the database: of a tenant, or of the platform")
	flags.BoolVar(&v.all, "all", false, "all ledgers of the database")
	flags.Var(&keys, "key", "public `key` that is trusted; may be given more than once")
	flags.Var(&checkpoints, "checkpoint", "`file` with a signed checkpoint that is known from elsewhere; may be given more than once")
	if err := parseFlags(flags, args); err != nil {
		return v, err
	}
	asked := 0
	for _, given := range []bool{v.bundle != "", v.receipt != "", v.ledger != "", v.all} {
		if given {
			asked++
		}
	}
	switch {
	case asked != 1:
		return v, errors.New("give one of --bundle, --receipt, --ledger and --all")
	case v.document != "" && v.receipt == "":
		return v, errors.New("--document goes with --receipt")
	case v.receipt != "" && len(checkpoints) > 0:
		return v, errors.New("--checkpoint does not go with --receipt, which brings its own")
	case len(keys) == 0:
		return v, errors.New("--key is missing: name the public key; GET /api/audit/key or cartulary audit key tell it")
	}
	var err error
	if v.keys, err = proof.ParseKeys(keys...); err != nil {
		return v, fmt.Errorf("--key: %w", err)
	}
	for _, path := range checkpoints {
		c, err := readCheckpoint(path, v.keys)
		if err != nil {
			return v, fmt.Errorf("--checkpoint %s: %w", path, err)
		}
		v.known = append(v.known, c)
	}
	return v, nil
}

func readCheckpoint(path string, keys proof.Keys) (proof.Checkpoint, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return proof.Checkpoint{}, err
	}
	c, err := proof.OpenCheckpoint(proof.ReadCheckpoint(text), keys)
	if err != nil {
		return c, notProvenError{err}
	}
	return c, nil
}

// audit returns what a ledger of those that are checked is to be checked against.
func (v verifying) audit(ledger uuid.UUID) proof.Audit {
	a := proof.Audit{Ledger: ledger, Keys: v.keys}
	for _, c := range v.known {
		if of, err := c.Ledger(); err == nil && of == ledger {
			a.Known = append(a.Known, c)
		}
	}
	return a
}

// concern returns an error if a checkpoint would not be looked at, because it speaks of
// another ledger than the one that is checked.
func (v verifying) concern(a proof.Audit) error {
	if len(a.Known) != len(v.known) {
		return fmt.Errorf("--checkpoint: what is checked is of ledger %s, a checkpoint of another", a.Ledger)
	}
	return nil
}

func (v verifying) verifyBundle(ctx context.Context, stdout io.Writer) error {
	file, err := os.Open(v.bundle)
	if err != nil {
		return fmt.Errorf("--bundle: %w", err)
	}
	defer func() { _ = file.Close() }()
	bundle, err := proof.OpenBundle(file)
	if err != nil {
		return notProvenError{err}
	}
	defer bundle.Close()
	begin := time.Now()
	a := v.audit(bundle.Ledger)
	if err := v.concern(a); err != nil {
		return err
	}
	report, err := a.Run(ctx, bundle.Read)
	if err == nil && report.Signed < report.Events {
		err = fmt.Errorf("no checkpoint holds the events from %d on", report.Signed+1)
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return notProvenError{err}
	}
	return tell(stdout, report, time.Since(begin))
}

func (v verifying) verifyLedgers(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	cfg, err := config.Load(getenv, config.Needs{Database: true})
	if err != nil {
		return err
	}
	trail, err := roles.OpenTrail(ctx, cfg)
	if err != nil {
		return err
	}
	defer trail.Close()
	var ledgers []uuid.UUID
	if v.all {
		if ledgers, err = trail.Ledgers(ctx); err != nil {
			return err
		}
		if unknown := v.unknown(ledgers); unknown != nil {
			return notProvenError{unknown}
		}
	} else {
		ledger, err := parseLedger("ledger", v.ledger)
		if err != nil {
			return err
		}
		if err := v.concern(v.audit(ledger)); err != nil {
			return err
		}
		ledgers = []uuid.UUID{ledger}
	}
	bad := 0
	for _, ledger := range ledgers {
		begin := time.Now()
		report, err := trail.Audit(ctx, v.audit(ledger))
		var finding *proof.FindingError
		switch {
		case errors.As(err, &finding):
			bad++
			_, err = fmt.Fprintf(stdout, "BAD: %v\n", finding)
		case err == nil && !v.all && report.Events == 0:
			err = fmt.Errorf("--ledger %s: the database holds no event of it, so there is nothing to prove", ledger)
		case err == nil:
			err = tell(stdout, report, time.Since(begin))
		}
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return notProvenError{fmt.Errorf("%d of %d ledgers are not as they should be", bad, len(ledgers))}
	}
	return nil
}

// unknown returns an error if a checkpoint speaks of a ledger that is not there.
func (v verifying) unknown(ledgers []uuid.UUID) error {
	there := make(map[string]bool)
	for _, id := range ledgers {
		there[id.String()] = true
	}
	for _, c := range v.known {
		if id, err := c.Ledger(); err == nil && !there[id.String()] {
			return fmt.Errorf("ledger %s is gone: a checkpoint holds %d events", id, c.Size)
		}
	}
	return nil
}

func parseLedger(name, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, fmt.Errorf("--%s must be an id such as 018f3c5e-7b1a-7c44-9d1e-2f6b8a0c4d11", name)
	}
	return id, nil
}

func tell(stdout io.Writer, r proof.Report, took time.Duration) error {
	rate := float64(r.Events) / max(took.Seconds(), 1e-6)
	_, err := fmt.Fprintf(stdout, "ok: ledger %s: %d events, signed up to %d by %d checkpoints, root %s (%.3f s, %.0f events/s)\n",
		r.Ledger, r.Events, r.Signed, r.Checkpoints, r.Root, took.Seconds(), rate)
	return err
}
