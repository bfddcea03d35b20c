// Command run writes the catalogue of events, and checks it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/catalogue"
)

const usage = `Usage: run generate|check [ROOT]

generate  writes events/schemas, events/published.sum, asyncapi.yaml and the tables
          of docs/events.md.
check     fails if a published event changed, lacks its golden file or its schema, or
          if a generated file is out of date; says what to do about it.

ROOT is the tree; the nearest folder above with a go.mod unless told.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("%s", usage)
	}
	root, err := catalogue.Root()
	if len(args) == 2 {
		root, err = args[1], nil
	}
	if err != nil {
		return err
	}
	c, err := catalogue.Open(root, events.Published())
	if err != nil {
		return err
	}
	switch args[0] {
	case "generate":
		return c.Generate(ctx)
	case "check":
		return check(ctx, c, stdout)
	}
	return fmt.Errorf("%s", usage)
}

func check(ctx context.Context, c *catalogue.Catalogue, stdout io.Writer) error {
	problems, noHistory, err := c.Check(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(stdout)
	if noHistory != "" {
		fmt.Fprintf(out, "%s: what was published is told by events/published.sum alone\n", noHistory)
	}
	for _, p := range problems {
		fmt.Fprintln(out, p)
	}
	if len(problems) == 0 {
		fmt.Fprintln(out, c.Summary())
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("schema-check: %d problems", len(problems))
	}
	return nil
}
