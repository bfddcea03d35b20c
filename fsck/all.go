package fsck

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// tenants is how many tenants are looked at at once.
const tenants = 4

// All compares what every tenant has, and looks for what belongs to none. Tenants that
// could not be checked are told one by one and do not keep it from others; it fails
// only with ctx and if the tenants can't be listed.
func (c *Checker) All(ctx context.Context) error {
	var group errgroup.Group
	group.SetLimit(tenants)
	err := c.eachLedger(ctx, func(id uuid.UUID) {
		group.Go(func() error {
			if err := c.Tenant(ctx, id); err != nil && ctx.Err() == nil {
				c.unchecked(id, err)
			}
			return nil
		})
	})
	_ = group.Wait() // tells through unchecked
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	for _, look := range []func(context.Context) error{c.strayRows, c.strayDatabases, c.strayObjects, c.probes} {
		if err := look(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.unchecked(uuid.Nil, err)
		}
	}
	return nil
}

func (c *Checker) unchecked(id uuid.UUID, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cfg.Unchecked(id, err)
}

func (c *Checker) eachLedger(ctx context.Context, found func(uuid.UUID)) error {
	for after := uuid.Nil; ctx.Err() == nil; {
		ids, err := c.cfg.Ledgers.Ledgers(ctx, after, page)
		if err != nil {
			return err
		}
		for _, id := range ids {
			after = id
			if id != events.PlatformLedger {
				found(id)
			}
		}
		if len(ids) < page {
			return nil
		}
	}
	return nil
}

// known reports whether a tenant has a ledger.
func (c *Checker) known(ctx context.Context, tenant uuid.UUID) (bool, error) {
	head, err := c.cfg.Ledgers.Head(ctx, tenant)
	return head > 0, err
}

// strayRows looks for rows of tenants that have no ledger.
func (c *Checker) strayRows(ctx context.Context) error {
	for after := uuid.Nil; ; {
		rows, err := c.cfg.Models.Tenants(ctx, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.ID
			if known, err := c.known(ctx, row.ID); err != nil {
				return err
			} else if !known {
				c.report(ctx, Finding{Kind: RowExtra, Tenant: row.ID, Detail: "tenants has a row of a tenant that no ledger tells of"}, nil)
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}

// strayDatabases looks for databases of tenants that have no ledger.
func (c *Checker) strayDatabases(ctx context.Context) error {
	list, err := c.cfg.Databases.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, id := range list {
		if known, err := c.known(ctx, id); err != nil {
			return err
		} else if !known {
			c.report(ctx, Finding{Kind: StrayDatabase, Tenant: id, Detail: fmt.Sprintf("database %s is of no tenant that a ledger tells of", events.DatabaseName(id))}, nil)
		}
	}
	return nil
}

// strayObjects looks for objects of tenants that have no ledger.
func (c *Checker) strayObjects(ctx context.Context) error {
	return c.cfg.Objects.Prefixes(ctx, command.TenantsPrefix, func(prefix string) error {
		id, err := uuid.Parse(strings.TrimSuffix(strings.TrimPrefix(prefix, command.TenantsPrefix), "/"))
		known := false
		if err == nil {
			if known, err = c.known(ctx, id); err != nil {
				return err
			}
		}
		if !known {
			c.report(ctx, Finding{Kind: StrayObjects, Tenant: id, Key: prefix, Detail: "objects are of no tenant that a ledger tells of"}, nil)
		}
		return nil
	})
}

// probes looks for what processes left that were killed while they tried the store.
func (c *Checker) probes(ctx context.Context) error {
	before := time.Now().Add(-c.cfg.Grace)
	return c.cfg.Objects.List(ctx, c.cfg.Probes, func(o Object) error {
		c.count.objects.Add(1)
		if !o.Modified.Before(before) {
			c.count.young.Add(1)
			return nil
		}
		c.report(ctx, Finding{Kind: Orphan, Key: o.Key, Detail: "left by a process that tried the store"}, &repair{
			events.PlatformLedger, "remove orphaned object " + o.Key,
			func(ctx context.Context) error { return c.cfg.Objects.Delete(ctx, o.Key) }, "removed",
		})
		return nil
	})
}
