package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/fsck"
	"github.com/cartulary/cartulary/roles"
)

const fsckUsage = `Usage: cartulary fsck (--tenant ID | --all) [options]

Compares the ledger, the read models and the object store with each other, in every
direction, while all of them are in use. Reads every object, unless --quick is given,
and compares its size, MD5 and SHA-256 with what the ledger says was received. Tells
what is missing, altered, orphaned, stuck, or in the wrong rows, with what to do.

It changes nothing unless --repair is given. Then it removes what is orphaned, ends
uploads that do not, has a worker verify files once more that are stuck, or that failed
though their bytes are right, restores objects from what was received if that is still
there, makes databases that are missing, and records each act in the trail. It never
touches an object that a living file stands on. Don't repair after the database was set back to an earlier time: what was uploaded since
seems orphaned.

Exit status: 0 if all is as it should be, or was repaired; 3 if there is anything
left to do; 1 if it could not be checked.

`

// fsckFlags are the arguments of fsck.
type fsckFlags struct {
	roles.FsckOptions

	tenant    string
	all, json bool
}

func parseFsck(args []string, stdout io.Writer) (*fsckFlags, error) {
	f := &fsckFlags{}
	set := flag.NewFlagSet("fsck", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&f.tenant, "tenant", "", "the tenant with this `ID`")
	set.BoolVar(&f.all, "all", false, "all tenants, and what belongs to none")
	set.BoolVar(&f.Repair, "repair", false, "mend what can be mended")
	set.BoolVar(&f.Quick, "quick", false, "compare sizes and what the store says of objects, instead of reading them")
	set.DurationVar(&f.Grace, "grace", 24*time.Hour, "how old an object without a file, or an upload that does not end, has to be to count; below 15m only while nothing is uploaded or deleted")
	set.DurationVar(&f.Patience, "wait", time.Minute, "how long read models may take to come up with the ledger")
	set.BoolVar(&f.json, "json", false, "print the result as JSON")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		set.SetOutput(stdout)
		if _, err := io.WriteString(stdout, fsckUsage); err != nil {
			return nil, err
		}
		set.PrintDefaults()
		return nil, flag.ErrHelp
	case err != nil:
		return nil, fmt.Errorf("fsck: %w; see cartulary fsck --help", err)
	case set.NArg() > 0:
		return nil, fmt.Errorf("fsck: %q is not understood; see cartulary fsck --help", set.Arg(0))
	case f.all == (f.tenant != ""):
		return nil, errors.New("fsck: give one of --tenant and --all; see cartulary fsck --help")
	case f.Grace < 0, f.Patience < 0:
		return nil, errors.New("fsck: --grace and --wait can't be negative")
	}
	if f.tenant != "" {
		id, err := uuid.Parse(f.tenant)
		if err != nil || id == uuid.Nil {
			return nil, fmt.Errorf("fsck: --tenant: %q is no tenant's UUID", f.tenant)
		}
		f.Tenant = id
	}
	return f, nil
}

// runFsck runs cartulary fsck.
func runFsck(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	f, err := parseFsck(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	cfg, err := config.Load(getenv, config.Needs{Database: true, S3: true})
	if err != nil {
		return err
	}
	logger := logger(os.Stderr, cfg, "fsck")
	platform, err := roles.Open(ctx, cfg, roles.NewHints(nil, logger), logger)
	if err != nil {
		return err
	}
	defer platform.Close()
	report := newFsckReport(f.json, stdout, os.Stderr)
	f.Found, f.Unchecked, f.Progress = report.found, report.unchecked, report.progress
	seen, err := platform.Fsck(ctx, f.FsckOptions)
	if err != nil {
		report.unchecked(f.Tenant, err)
	}
	return report.end(seen)
}

// errFsckFindings says that something is not as it should be.
var errFsckFindings = errors.New("something is not as it should be")

// errFsckUnchecked says that something could not be compared; it was told.
var errFsckUnchecked = errors.New("not everything could be checked")

// verdict returns what the program ends with.
func verdict(seen fsck.Progress, unchecked int) error {
	switch left := seen.Findings - seen.Repaired; {
	case left > 0:
		return notProvenError{fmt.Errorf("fsck: %w: %d findings", errFsckFindings, left)}
	case unchecked > 0:
		return fmt.Errorf("fsck: %w", errFsckUnchecked)
	}
	return nil
}
