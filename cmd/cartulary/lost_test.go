package main

import (
	"context"
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/note"

	"github.com/cartulary/cartulary/internal/pgtest"
)

// served are the roles that run until they are told to stop, and what operators run on
// the ledger.
func served() map[string][]string {
	return map[string][]string{
		"api": {"api"}, "relay": {"relay"}, "projector": {"projector"}, "worker": {"worker"},
		"fsck": {"fsck", "--all"}, "erase": {"erase", "--email", "a@example.org"}, "replay": {"replay", "--all"}, "drift": {"drift", "--platform"},
	}
}

// unreached is an environment in which nothing but PostgreSQL answers.
func unreached(url string) map[string]string {
	return map[string]string{
		"DATABASE_URL": url, "JWT_SECRET_KEY": "3Qb0vY0mPq7cV6kqkq3mXhJ1sT8eYw2uRr9oLz5nFdGxAaBvHcKjNiMtOuPyQwEr",
		"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:1",
		"S3_ACCESS_KEY": "access", "S3_SECRET_KEY": "9f86d081884c7d659a2feaa0c55ad015", "S3_BUCKET": "documents",
	}
}

// refused expects that nothing starts, for a reason that says so.
func refused(t *testing.T, env map[string]string, says ...string) {
	t.Helper()
	for name, args := range served() {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		err := run(ctx, args, func(name string) string { return env[name] }, io.Discard)
		stop()
		for _, part := range says {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q", name, err, part)
			}
		}
	}
}

func TestNothingStartsOnAMainDatabaseThatLostItsLedger(t *testing.T) {
	t.Parallel()
	url := pgtest.Platform(t)
	owner, err := pgx.Connect(t.Context(), pgtest.Owner(t, url))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = owner.Close(context.WithoutCancel(t.Context())) }()
	for _, lost := range []string{"ledger.checkpoints", "ledger.events", "ledger.heads"} {
		exec(t, owner, `drop table `+lost)
		refused(t, unreached(url), "the main database lacks ", lost, "restore them from a backup", "--from audit.log")
	}
}

func TestNothingStartsInProductionAsWhoCouldRewriteTheTrail(t *testing.T) {
	t.Parallel()
	key, _, err := note.GenerateKey(rand.Reader, "test")
	if err != nil {
		t.Fatal(err)
	}
	env := unreached(pgtest.Owner(t, pgtest.Platform(t)))
	env["APP_ENV"], env["AUDIT_SIGNING_KEY"] = "production", key
	refused(t, env, "DATABASE_URL names a role that could rewrite the trail", "it is a superuser")
}
