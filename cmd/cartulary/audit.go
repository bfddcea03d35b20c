package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/proof"
	"github.com/cartulary/cartulary/roles"
)

const auditUsage = `cartulary audit checks the trail, or takes it along to be checked elsewhere.

Usage:
  cartulary audit key                  print the public key that checkpoints are signed with
  cartulary audit newkey               draw a signing key, for AUDIT_SIGNING_KEY, and print it
  cartulary audit export --tenant ID --out FILE
                                       write a tenant's signed trail to a bundle
  cartulary audit verify --bundle FILE --key KEY [--checkpoint FILE]...
  cartulary audit verify --receipt FILE --key KEY [--document FILE]
  cartulary audit verify --ledger ID|--all --key KEY [--checkpoint FILE]...

key, export and verify --ledger|--all read the database at DATABASE_URL, and change
nothing there, but that an export is recorded in the trail if the database's role may
add to it. Bundles and receipts are verified with nothing but the public key.

Exit status: 0 if everything is as it should be, 3 if the trail or the receipt is
not, 1 if it could not be checked.
`

// notProvenError is an error for which the program ends with a status of its own.
type notProvenError struct{ error }

func (e notProvenError) Unwrap() error { return e.error }

// statusNotProven is the exit status that says that the trail is not as it should be.
const statusNotProven = 3

// audit runs `cartulary audit`.
func audit(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to do\n\n%s", auditUsage)
	}
	switch name, args := args[0], args[1:]; name {
	case "help", "-h", "-help", "--help":
		_, err := io.WriteString(stdout, auditUsage)
		return err
	case "key":
		return auditKey(ctx, getenv, stdout)
	case "newkey":
		key, err := proof.DrawKey()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, key)
		return err
	case "export":
		return auditExport(ctx, args, getenv, stdout)
	case "verify":
		return auditVerify(ctx, args, getenv, stdout)
	default:
		return fmt.Errorf("there is no audit command %q\n\n%s", name, auditUsage)
	}
}

func auditKey(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	cfg, err := config.Load(getenv, config.Needs{})
	if err != nil {
		return err
	}
	keys, err := roles.AuditKeys(ctx, cfg)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if _, err := fmt.Fprintln(stdout, key); err != nil {
			return err
		}
	}
	return nil
}

func auditExport(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := newFlags("export", stdout)
	tenant := flags.String("tenant", "", "`id` of the tenant, or of the platform's own ledger")
	out := flags.String("out", "", "`file` to write; it must not exist")
	if err := parseFlags(flags, args); err != nil {
		return helped(err)
	}
	ledger, err := parseLedger("tenant", *tenant)
	if err != nil {
		return err
	}
	if *out == "" {
		return errors.New("--out is missing: name the file to write")
	}
	cfg, err := config.Load(getenv, config.Needs{Database: true})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(*out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	n, err := roles.ExportTrail(ctx, cfg, ledger, file, logger(os.Stderr, cfg, "audit"))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(*out))
	}
	_, err = fmt.Fprintf(stdout, "exported %s: %d events to %s\n", ledger, n, *out)
	return err
}

// verifyReceipt verifies one receipt.
func verifyReceipt(path, document string, keys proof.Keys, stdout io.Writer) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("--receipt: %w", err)
	}
	receipt, err := proof.ReadReceipt(text)
	if err != nil {
		return notProvenError{err}
	}
	c, err := receipt.Check(keys)
	if err != nil {
		return notProvenError{err}
	}
	if document != "" {
		sum, err := hashFile(document)
		if err != nil {
			return fmt.Errorf("--document: %w", err)
		}
		if sum != receipt.SHA256 {
			return notProvenError{fmt.Errorf("the file's SHA-256 is %s, the receipt's %s", sum, receipt.SHA256)}
		}
	}
	_, err = fmt.Fprintf(stdout, "ok: document %s, SHA-256 %s, is event %d of ledger %s, in the checkpoint of %d events\n",
		receipt.DocumentID, receipt.SHA256, receipt.Upload.Seq, receipt.LedgerID, c.Size)
	return err
}

func hashFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// helped is nil for help.
func helped(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func newFlags(name string, stdout io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("cartulary audit "+name, flag.ContinueOnError)
	flags.SetOutput(stdout)
	return flags
}

func parseFlags(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q; see %s --help", flags.Arg(0), flags.Name())
	}
	return nil
}
