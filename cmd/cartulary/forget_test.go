package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/internal/apitest"
)

const (
	forgottenAgent   = "Unmistakable-Browser/7.1"
	forgottenAddress = "127.77.66.55" // of the loopback network, and nobody else's
	forgottenEmail   = "eve.the.unforgettable@example.org"
)

// traces are what the person can be known by.
func traces() []string {
	return []string{forgottenEmail, "unforgettable", "Quetzalina", "Featherstonehaugh", forgottenAgent, forgottenAddress}
}

// buffer is a log that roles write at once.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// signUpUnmistakable opens an account whose requests all come from an address of
// its own, and returns its client and id.
func signUpUnmistakable(t *testing.T, in *installation) (*apitest.Client, uuid.UUID) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(forgottenAddress)}}
	c := apitest.NewClient(t, in.base, &http.Transport{DialContext: dialer.DialContext}, forgottenAgent)
	var made struct {
		ID uuid.UUID `json:"id"`
	}
	c.Must(t, http.StatusCreated, http.MethodPost, "/api/auth/register", map[string]string{
		"email": forgottenEmail, "password": apitest.Password, "first_name": "Quetzalina", "last_name": "Featherstonehaugh",
	}).Into(t, &made)
	c.Must(t, http.StatusUnauthorized, http.MethodPost, "/api/auth/login",
		map[string]string{"email": forgottenEmail, "password": "not the password"})
	c.SignIn(t, forgottenEmail)
	return c, made.ID
}

// live leads the person's life on the platform: in the other's tenant, in one of
// its own that has another admin at the end, and where it may not go.
func live(t *testing.T, eve *apitest.Client, person uuid.UUID, other *apitest.Client) (tenants []uuid.UUID) {
	t.Helper()
	theirs, own := other.CreateTenant(t), eve.CreateTenant(t)
	add := func(c *apitest.Client, tenant uuid.UUID, member any, role string) {
		t.Helper()
		c.Must(t, http.StatusCreated, http.MethodPost, "/api/tenants/"+tenant.String()+"/users", map[string]any{"user_id": member, "role": role})
	}
	add(other, theirs, person, "user")
	add(eve, own, other.ID(t), "admin")
	for _, tenant := range []uuid.UUID{theirs, own} {
		d := eve.MustUpload(t, tenant, "notes.txt", "text/plain", strings.NewReader("notes "+tenant.String()))
		eve.Must(t, http.StatusOK, http.MethodPut, apitest.Documents(tenant)+"/"+d.ID.String(), map[string]string{"filename": "later.txt"})
		eve.Download(t, tenant, d.ID)
	}
	eve.Must(t, http.StatusOK, http.MethodPut, "/api/users/me", map[string]string{"last_name": "Featherstonehaugh-Later"})
	refused, err := eve.Do(t.Context(), http.MethodGet, "/api/tenants/"+other.CreateTenant(t).String(), nil)
	if err != nil || refused.Status != http.StatusForbidden && refused.Status != http.StatusNotFound {
		t.Errorf("a stranger's tenant: got %d %s, %v", refused.Status, refused.Text, err)
	}
	return []uuid.UUID{theirs, own}
}

func TestAnErasedPersonIsNowhere(t *testing.T) {
	for name, erase := range map[string]func(t *testing.T, in *installation, eve *apitest.Client, person uuid.UUID){
		"by an operator": func(t *testing.T, in *installation, _ *apitest.Client, person uuid.UUID) {
			t.Helper()
			in.must(t, "erase", "--user", person.String())
		},
		"by the person": func(t *testing.T, _ *installation, eve *apitest.Client, _ uuid.UUID) {
			t.Helper()
			eve.Must(t, http.StatusNoContent, http.MethodDelete, "/api/users/me", map[string]string{"password": apitest.Password})
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := install(t)
			other := apitest.SignUp(t, in.base)
			eve, person := signUpUnmistakable(t, in)
			tenants := live(t, eve, person, other)
			if !holds(in.rows(t), forgottenEmail) {
				t.Fatal("the address is not found while it is there: the search is no good")
			}
			in.must(t, "replay", "--all", "--to", "shadow")
			erase(t, in, eve, person)
			in.forgottenInShadow(t, person)
			eve.Must(t, http.StatusUnauthorized, http.MethodGet, "/api/users/me", nil)
			in.settle(t)
			in.forgotten(t)

			var key strings.Builder
			if err := run(t.Context(), []string{"audit", "key"}, in.getenv, &key); err != nil {
				t.Fatal(err)
			}
			in.must(t, "audit", "verify", "--all", "--key", strings.Fields(key.String())[0])
			models := func() string { // but for what the trail tells of replays themselves
				return strings.Join(slices.DeleteFunc(strings.Split(in.models(t, tenants[0])+in.models(t, tenants[1]), "\n"), func(row string) bool {
					return strings.Contains(row, `"action": "replay"`)
				}), "\n")
			}
			before := models()
			in.must(t, "drift", "--all")
			in.must(t, "replay", "--all", "--from", "audit.log")
			in.settle(t)
			if diff := cmp.Diff(before, models()); diff != "" {
				t.Errorf("read models (-before +replayed):\n%s", diff)
			}
			in.forgotten(t)
		})
	}
}

// forgottenInShadow fails the test if the person can be known by what a replay has left
// beside the live rows; or if one that has opened the key before it was destroyed writes
// the row anew, and it stays so.
func (in *installation) forgottenInShadow(t *testing.T, person uuid.UUID) {
	t.Helper()
	main := in.connect(t, uuid.Nil)
	shadow := func() string { return rows(t, main, "cartulary_shadow.users") }
	known := func(text string) bool {
		return slices.ContainsFunc(traces(), func(trace string) bool { return holds(text, trace) })
	}
	if text := shadow(); known(text) || !strings.Contains(text, person.String()) {
		t.Errorf("the shadow holds %s", text)
	}
	in.await(t, func() bool { return !known(rows(t, main, "users")) })
	exec(t, main, `update cartulary_shadow.users set first_name = 'Quetzalina', email = '`+forgottenEmail+`', is_active = true
		where id = '`+person.String()+`'`)
	in.stop(t, "worker") // which finishes erasures when it starts, and then every five minutes
	in.start(t, "worker")
	in.await(t, func() bool { return !known(shadow()) })
}

// forgotten fails the test if anything that the person can be known by is left.
func (in *installation) forgotten(t *testing.T) {
	t.Helper()
	for where, text := range map[string]string{
		"databases": in.rows(t), "topics": in.messages(t), "store": in.objects(t), "logs": in.logs.String(),
	} {
		if text == "" && where != "logs" {
			t.Errorf("nothing was found in the %s: the search is no good", where)
		}
		for _, trace := range traces() {
			if holds(text, trace) {
				t.Errorf("%q is still in the %s", trace, where)
			}
		}
	}
}

// holds reports whether a text holds a trace, in whatever case, or as bytes in hex.
func holds(text, trace string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, strings.ToLower(trace)) || strings.Contains(text, hex.EncodeToString([]byte(trace)))
}

func (in *installation) must(t *testing.T, args ...string) {
	t.Helper()
	if err := run(t.Context(), args, in.getenv, in.logs); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

// settle waits until live read models say what the ledger says.
func (in *installation) settle(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	main := in.connect(t, uuid.Nil)
	for {
		var open int
		if err := main.QueryRow(t.Context(), `select count(*) from ledger.outbox`).Scan(&open); err != nil {
			t.Fatal(err)
		}
		if open == 0 {
			in.must(t, "drift", "--all")
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d events are still in the outbox", open)
		}
	}
}

// rows returns every row of every table of the installation's databases as text.
func (in *installation) rows(t *testing.T) string {
	t.Helper()
	main := in.connect(t, uuid.Nil)
	list, _ := main.Query(t.Context(), `select datname from pg_database where datallowconn`)
	names, err := pgx.CollectRows(list, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		cfg := main.Config().Copy()
		cfg.Database = name
		conn, err := pgx.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := conn.Query(t.Context(), `select format('%I.%I', schemaname, tablename) from pg_tables
			where schemaname not in ('pg_catalog', 'information_schema')`)
		tables, err := pgx.CollectRows(list, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			list, _ := conn.Query(t.Context(), `select x::text from `+table+` x`)
			lines, err := pgx.CollectRows(list, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "%s %s\n%s\n", name, table, strings.Join(lines, "\n"))
		}
		_ = conn.Close(context.WithoutCancel(t.Context()))
	}
	return all.String()
}

// messages returns keys, values and headers of every message of every topic.
func (in *installation) messages(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(in.env["KAFKA_BOOTSTRAP_SERVERS"], ",")...),
		kgo.ConsumeRegex(), kgo.ConsumeTopics(".*"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	var all strings.Builder
	for left > 0 && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			left--
			fmt.Fprintf(&all, "%s %s %s\n", r.Key, r.Value, r.Headers)
		})
	}
	if left > 0 {
		t.Fatalf("%d messages could not be read", left)
	}
	return all.String()
}

// objects returns the keys of all objects in the store.
func (in *installation) objects(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	if err := in.store(t).List(t.Context(), "", func(o s3.Object) error {
		_, err := fmt.Fprintf(&all, "%+v\n", o)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}
