// Package collect reads a [check.Snapshot] of a running platform: its databases
// by SQL, its topics and its objects through clients of its own. It shares no code
// with the product and changes nothing.
//
// What it reads at one time need not fit together while the platform still works;
// who wants a verdict collects until it does, or time is up.
package collect

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/chaos/check"
	"github.com/cartulary/cartulary/chaos/journal"
)

// Config says where the parts of the platform are.
type Config struct {
	DatabaseURL func(database string) string // must be allowed to read all databases
	Brokers     []string
	S3          S3
	Journal     string // path
}

// Snapshot reads everything.
func Snapshot(ctx context.Context, cfg Config) (check.Snapshot, error) {
	var s check.Snapshot
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return databases(ctx, cfg.DatabaseURL, &s) })
	group.Go(func() (err error) {
		s.Topics, err = topics(ctx, cfg.Brokers, check.Topics())
		return err
	})
	group.Go(func() error { return objects(ctx, cfg.S3, &s) })
	group.Go(func() (err error) {
		s.Journal, err = journal.Read(cfg.Journal)
		return err
	})
	if err := group.Wait(); err != nil {
		return check.Snapshot{}, fmt.Errorf("collect: %w", err)
	}
	return s, nil
}
