package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/roles"
)

const eraseUsage = `Usage: cartulary erase --user UUID | --email ADDRESS

Erases a person for good: the person leaves all tenants, all sessions end, the
address is free again, and the key without which nothing that the trail says of
the person can be read is destroyed. Documents stay with their tenants. It is
refused while the person is the only admin of a tenant.

Backups keep the key for as long as they are kept. Erase again what a restored
backup brings back.
`

// erase runs cartulary erase.
func erase(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	flags := flag.NewFlagSet("erase", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	user := flags.String("user", "", "the person's id")
	email := flags.String("email", "", "the person's e-mail address")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(stdout, eraseUsage)
		return err
	case err != nil:
		return fmt.Errorf("%w\n\n%s", err, eraseUsage)
	case flags.NArg() > 0, (*user == "") == (*email == ""):
		return fmt.Errorf("name one person, by --user or by --email\n\n%s", eraseUsage)
	}
	cfg, err := config.Load(getenv, config.Needs{Database: true})
	if err != nil {
		return err
	}
	log := logger(stdout, cfg, "erase")
	hints, closeHints, err := openHints(cfg, log) //nolint:contextcheck // outlives the call; ended by closeHints
	if err != nil {
		return err
	}
	defer closeHints()
	platform, err := roles.Open(ctx, cfg, hints, log)
	if err != nil {
		return err
	}
	defer platform.Close()
	return platform.Erase(ctx, *user+*email)
}
