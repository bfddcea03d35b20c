package fsck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/s3test"
	"github.com/cartulary/cartulary/worker"
)

// Steps, beside the worker's own, at which a process can be killed.
const (
	whileProvisioning = "while a tenant's database is made"
	whileCopying      = "while a file is copied"
	beforeDeletion    = "before an object is removed"
	afterDeletion     = "after an object was removed"
)

// victimEnv tells a process of this test that it is a worker, and when it dies.
const victimEnv = "CARTULARY_TEST_VICTIM"

// victim is a worker in a process of its own, which kills itself at a step.
type victim struct {
	URL, Endpoint string
	Tenant        uuid.UUID
	Step          string
}

// dieIfAsked turns the process into a victim if [victim.start] started it as one.
func dieIfAsked() {
	text := os.Getenv(victimEnv)
	if text == "" {
		return
	}
	var v victim
	err := json.Unmarshal([]byte(text), &v)
	if err == nil {
		err = v.work(context.Background())
	}
	_, _ = fmt.Fprintln(os.Stderr, "it lived:", err)
	os.Exit(1)
}

// start runs a victim, and fails unless it was killed.
func (v victim) start(ctx context.Context) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	output, err := cmd.CombinedOutput()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if !ended {
		return fmt.Errorf("it was to be killed: %w: %s", err, output)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("it was to be killed: %w: %s", err, output)
	}
	return nil
}

func (v victim) work(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, v.URL)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := openStore(ctx, v.Endpoint)
	if err != nil {
		return err
	}
	ledger := postgres.New(pool, postgres.Options{})
	defer ledger.Close()
	app := command.NewApp(ledger, postgres.NewPersonKeys(pool), []byte("key"))
	deadly := deadlyStore{store, v.Step}
	w := worker.New(worker.Config{
		App: app, Databases: deadlyDatabases{tenantdb.NewProvisioner(pool), v.Step}, Objects: deadly, NotFound: s3.ErrNotFound,
		Logger: slog.New(slog.DiscardHandler),
		Step: func(name string) {
			if name == v.Step {
				die()
			}
		},
	})
	return workThrough(ctx, app, ledger, w, deadly, v.Tenant)
}

// workThrough does all that workers do for a tenant: whatever was done before, and as
// if all that has to be waited for were over.
func workThrough(ctx context.Context, app *command.App, ledger *postgres.Ledger, w *worker.Worker, objects worker.Staging, tenant uuid.UUID) error {
	trail, err := ledger.Read(ctx, tenant, 0, 1000)
	if err != nil {
		return err
	}
	logger := slog.New(slog.DiscardHandler)
	remover := worker.Remover{App: app, Objects: objects, Logger: logger}
	for _, m := range trail {
		if err := errors.Join(w.Act(ctx, m), remover.Act(ctx, m)); err != nil {
			return err
		}
	}
	janitor := worker.Janitor{App: app, Staging: objects, Ledgers: only(tenant), Shown: nowhere, Logger: logger}
	_, err = janitor.Sweep(ctx, time.Now().Add(longAgo))
	return err
}

func openStore(ctx context.Context, endpoint string) (*s3.Store, error) {
	return s3.New(ctx, s3.Config{
		Endpoint: endpoint, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
		Bucket: s3test.Bucket, Region: s3test.Region, PathStyle: true,
	})
}

// die ends the process as no code of its own can notice.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// dieSoon ends the process in the middle of what comes next, most likely.
func dieSoon(after time.Duration) {
	time.AfterFunc(after, die)
}

// staging is a store as those who clear it see it.
type staging struct{ *s3.Store }

func (s staging) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return s.Store.List(ctx, prefix, func(o s3.Object) error {
		return found(worker.StagedObject{Key: o.Key, Modified: o.LastModified})
	})
}

// deadlyStore is a store at which a process dies.
type deadlyStore struct {
	*s3.Store

	step string
}

func (d deadlyStore) List(ctx context.Context, prefix string, found func(worker.StagedObject) error) error {
	return staging{d.Store}.List(ctx, prefix, found)
}

func (d deadlyStore) Copy(ctx context.Context, from, to string) error {
	if d.step == whileCopying {
		dieSoon(2 * time.Millisecond)
	}
	err := d.Store.Copy(ctx, from, to)
	if d.step == whileCopying {
		die()
	}
	return err
}

func (d deadlyStore) Delete(ctx context.Context, key string) error {
	if d.step == beforeDeletion {
		die()
	}
	err := d.Store.Delete(ctx, key)
	if d.step == afterDeletion {
		die()
	}
	return err
}

// deadlyDatabases makes databases, and a process dies meanwhile.
type deadlyDatabases struct {
	worker.Databases

	step string
}

func (d deadlyDatabases) Provision(ctx context.Context, tenant uuid.UUID) error {
	if d.step == whileProvisioning {
		dieSoon(40 * time.Millisecond)
	}
	err := d.Databases.Provision(ctx, tenant)
	if d.step == whileProvisioning {
		die()
	}
	return err
}

// only lists one ledger.
type only uuid.UUID

func (o only) Ledgers(context.Context, uuid.UUID, int) ([]uuid.UUID, error) {
	return []uuid.UUID{uuid.UUID(o)}, nil
}
