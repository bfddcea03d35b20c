package main

import (
	"context"
	"crypto/md5" //nolint:gosec // the name that files have on the platform
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// backlog is what one busy tenant left behind while the relay was away:
// documents that were uploaded, whose files were stored, and that were renamed.
type backlog struct {
	tenant   uuid.UUID
	last     int64 // sequence number of the last event
	pool     *pgxpool.Pool
	messages []events.Message // all of it, in ledger order
}

// eventsPerDocument is how many events a document's life adds to a backlog.
const eventsPerDocument = 5

// theBacklog makes the backlog when it is first asked for.
func (b *bench) theBacklog(ctx context.Context) (*backlog, error) {
	if b.backlogs != nil {
		return b.backlogs, nil
	}
	b.say("  appending %d events", b.backlog)
	database, err := b.cluster.create(ctx, platform)
	if err != nil {
		return nil, err
	}
	pool, err := b.cluster.pool(ctx, database)
	if err != nil {
		return nil, err
	}
	made := &backlog{tenant: uuid.New(), pool: pool}
	if err := made.fill(ctx, b.backlog); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make the backlog: %w", err)
	}
	b.backlogs = made
	return made, nil
}

// fill appends n events, keeps a copy of the outbox, and reads them all.
func (k *backlog) fill(ctx context.Context, n int) error {
	ledger := postgres.New(k.pool, postgres.Options{})
	defer ledger.Close()
	actor := uuid.New()
	tenant := events.Stream{Kind: events.KindTenant, ID: k.tenant}
	_, err := ledger.Append(ctx, command.Append{
		Ledger: k.tenant, Meta: meta(actor),
		Changes: []command.Change{{Stream: tenant, Events: []events.Event{
			events.TenantCreated{DatabaseName: events.DatabaseName(k.tenant), Name: "Archive of deeds"},
			events.TenantProvisioned{},
		}}},
	})
	if err != nil {
		return err
	}
	if err := appendDocuments(ctx, ledger, k.tenant, actor, (n+eventsPerDocument-1)/eventsPerDocument); err != nil {
		return err
	}
	for page := []events.Message(nil); k.last == 0 || len(page) > 0; {
		if page, err = ledger.Read(ctx, k.tenant, k.last, 10_000); err != nil {
			return err
		}
		k.messages = append(k.messages, page...)
		if len(page) > 0 {
			k.last = page[len(page)-1].Seq
		}
	}
	_, err = k.pool.Exec(ctx, `create table saved_outbox as table ledger.outbox`)
	return err
}

// appendDocuments appends the lives of documents, many at a time, as concurrent
// requests would.
func appendDocuments(ctx context.Context, ledger *postgres.Ledger, tenant, actor uuid.UUID, documents int) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range 256 {
		group.Go(func() error {
			for n := next.Add(1); n <= int64(documents); n = next.Add(1) {
				for _, a := range life(tenant, actor, n) {
					if _, err := ledger.Append(ctx, a); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// life returns the commands that upload the nth document, store its file and
// rename it.
func life(tenant, actor uuid.UUID, n int64) []command.Append {
	content := fmt.Append(nil, "document ", n)
	sum, sha := md5.Sum(content), sha256.Sum256(content) //nolint:gosec // the name that files have on the platform
	digest := command.Digest{MD5: hex.EncodeToString(sum[:]), SHA256: hex.EncodeToString(sha[:]), Size: int64(len(content))}
	document := events.Stream{Kind: events.KindDocument, ID: uuid.New()}
	file := events.Stream{Kind: events.KindFile, ID: command.FileID(tenant, digest)}
	staged := command.StagingPath(tenant, document.ID)
	name := fmt.Sprintf("Deed no. %d.pdf", n)
	one := func(changes ...command.Change) command.Append {
		return command.Append{Ledger: tenant, Meta: meta(actor), Changes: changes}
	}
	return []command.Append{
		one(command.Change{Stream: file, Events: []events.Event{
			events.FileReceived{MD5: digest.MD5, SHA256: digest.SHA256, Size: digest.Size, S3Path: staged},
			events.FileReferenced{DocumentID: document.ID},
		}}, command.Change{Stream: document, Events: []events.Event{
			events.DocumentUploaded{FileID: file.ID, Filename: name, MimeType: "application/pdf"},
		}}),
		one(command.Change{Stream: file, Expected: 2, Events: []events.Event{
			events.FileStored{S3Path: "tenants/" + tenant.String() + "/files/2026/01/" + file.ID.String() + "_" + digest.MD5, Previous: staged},
		}}),
		one(command.Change{Stream: document, Expected: 1, Events: []events.Event{
			events.DocumentRenamed{Filename: "Signed " + name, Previous: name},
		}}),
	}
}

// pending puts the whole backlog into the outbox, as it was, and returns the
// number of its rows.
func (k *backlog) pending(ctx context.Context) (rows int64, err error) {
	for _, statement := range []string{
		`truncate ledger.outbox`,
		`insert into ledger.outbox (id, ledger_id, first_seq, last_seq) overriding system value
		 select id, ledger_id, first_seq, last_seq from saved_outbox order by id`,
		`vacuum (analyze) ledger.outbox`,
		`vacuum (analyze) ledger.events`,
	} {
		tag, e := k.pool.Exec(ctx, statement)
		if e != nil {
			return 0, fmt.Errorf("refill the outbox: %w", e)
		}
		rows += tag.RowsAffected()
	}
	if rows == 0 {
		return 0, errors.New("refill the outbox: there is nothing to put in")
	}
	return rows, nil
}
