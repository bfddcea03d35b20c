package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/cartulary/cartulary/embedded/postgres"
	"github.com/cartulary/cartulary/internal/dirlock"
)

const (
	childVariable = "CARTULARY_POSTGRES_DIR" // makes the test binary an owner that waits to be killed
	patience      = 2 * time.Minute
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		ownUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

func ownUntilKilled(dir string) {
	server, err := postgres.Start(context.Background(), postgres.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(server.URL("postgres"))
	select {}
}

// openDir returns a directory that every user can pass through.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // the latter is the test's own, too
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg postgres.Config) *postgres.Server {
	t.Helper()
	ctx := bounded(t)
	server, err := postgres.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return server
}

func exec1(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var out string
	if err := conn.QueryRow(t.Context(), query).Scan(&out); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func TestClusterKeepsWhatWasCommitted(t *testing.T) {
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprintf("durable=%t", durable), func(t *testing.T) {
			cfg := postgres.Config{Dir: openDir(t), Durable: durable, MaxConnections: 20}
			server := start(t, cfg)
			url := server.URL("postgres")
			exec1(t, url, `create table kept (n int)`)
			for n, interrupt := range []func(context.Context) error{
				server.Restart,
				func(ctx context.Context) error { return errors.Join(server.Crash(ctx), server.Restart(ctx)) },
				func(ctx context.Context) error {
					if err := server.Stop(ctx); err != nil {
						return err
					}
					cfg.Port = server.Port()
					start(t, cfg) //nolint:contextcheck // takes the test's
					return nil
				},
			} {
				exec1(t, url, fmt.Sprintf(`insert into kept values (%d)`, n))
				if err := interrupt(bounded(t)); err != nil {
					t.Fatal(err)
				}
				if got := exec1(t, url, `select count(*)::text from kept`); got != strconv.Itoa(n+1) {
					t.Errorf("after interruption %d: %s rows, want %d", n, got, n+1)
				}
			}
		})
	}
}

func TestClusterIsPrivate(t *testing.T) {
	dir := openDir(t)
	server := start(t, postgres.Config{Dir: dir})
	url := server.URL("postgres")
	for setting, want := range map[string]string{
		"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
		"lc_collate": "C", "synchronous_commit": "on", "max_connections": "250", "port": strconv.Itoa(server.Port()),
	} {
		if got := exec1(t, url, "show "+setting); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
	wrong := strings.Replace(url, "postgres:", "postgres:x", 2)
	if conn, err := pgx.Connect(t.Context(), wrong); err == nil {
		_ = conn.Close(t.Context())
		t.Error("a wrong password is let in")
	}
	info, err := os.Stat(filepath.Join(dir, "password"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v, %v", info, err)
	}
	if os.Geteuid() == 0 {
		data, err := os.Stat(filepath.Join(dir, "data"))
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := data.Sys().(*syscall.Stat_t); !ok || stat.Uid == 0 {
			t.Error("the data belongs to root")
		}
	}
	if _, err := os.Stat(filepath.Join(server.Bin(), "initdb")); err != nil {
		t.Error(err)
	}
}

// Programs can't be found any more then, which is no reason to fetch them.
func TestWhoIsStoppedWhileItStartsFetchesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var logs strings.Builder
	_, err := postgres.Start(ctx, postgres.Config{Dir: openDir(t), Logger: slog.New(slog.NewTextHandler(&logs, nil))})
	if !errors.Is(err, context.Canceled) || strings.Contains(logs.String(), "fetching") {
		t.Errorf("got %v, logged %s", err, &logs)
	}
}

func TestOneOwnerAtATime(t *testing.T) {
	cfg := postgres.Config{Dir: openDir(t)}
	start(t, cfg)
	if _, err := postgres.Start(bounded(t), cfg); !errors.Is(err, dirlock.ErrHeld) {
		t.Errorf("second owner: %v, want ErrHeld", err)
	}
}

func TestOwnerKilled(t *testing.T) {
	cfg := postgres.Config{Dir: openDir(t)}
	owner := exec.CommandContext(bounded(t), os.Args[0])
	owner.Env = append(os.Environ(), childVariable+"="+cfg.Dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	if _, err := fmt.Fscanln(out, &url); err != nil {
		t.Fatal(err)
	}
	exec1(t, url, `create table kept ()`)
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // says that it was killed
	server := start(t, cfg)
	if got := exec1(t, server.URL("postgres"), `select count(*)::text from pg_tables where tablename = 'kept'`); got != "1" {
		t.Errorf("%s tables, want 1", got)
	}
}

func TestPostmasterKilled(t *testing.T) {
	cfg := postgres.Config{Dir: openDir(t)}
	server := start(t, cfg)
	killPostmaster(t, cfg.Dir)
	<-server.Done()
	// Its children may still hold the shared memory.
	if err := server.Restart(bounded(t)); err != nil {
		t.Fatal(err)
	}
	exec1(t, server.URL("postgres"), `select 'alive'`)
}

func killPostmaster(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// A pid file may name a process that got the number of a dead postmaster.
func TestStalePidFile(t *testing.T) {
	cfg := postgres.Config{Dir: openDir(t)}
	server := start(t, cfg)
	path := filepath.Join(cfg.Dir, "data", "postmaster.pid")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Crash(bounded(t)); err != nil {
		t.Fatal(err)
	}
	foreign := exec.CommandContext(bounded(t), "sleep", "60") // alive, and no PostgreSQL
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = foreign.Process.Kill(); _ = foreign.Wait() })
	_, rest, _ := strings.Cut(string(text), "\n")
	text = []byte(strconv.Itoa(foreign.Process.Pid) + "\n" + rest)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	giveToOwnerOf(t, filepath.Dir(path), path)
	if err := server.Restart(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if err := foreign.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the foreign process was ended: %v", err)
	}
}

func giveToOwnerOf(t *testing.T, dir, path string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Chown(path, int(stat.Uid), int(stat.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInitialisationKilledMidway(t *testing.T) {
	dir := openDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "data.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, postgres.Config{Dir: dir})
}

func TestDirectoryClosedToThePostgresUser(t *testing.T) {
	dir := filepath.Join(openDir(t), "closed", "data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	place := func() string {
		text, err := os.ReadFile(filepath.Join(dir, "location"))
		if err != nil {
			return dir
		}
		return strings.TrimSpace(string(text))
	}
	t.Cleanup(func() { _ = os.RemoveAll(place()) }) // runs after the cluster's end
	cfg := postgres.Config{Dir: dir}
	first := start(t, cfg)
	exec1(t, first.URL("postgres"), `create table kept ()`)
	if elsewhere := place() != dir; elsewhere != (os.Geteuid() == 0) {
		t.Errorf("the cluster is in %s", place())
	}
	if _, err := os.Stat(filepath.Join(place(), "data", "PG_VERSION")); err != nil {
		t.Error(err)
	}
	if err := first.Stop(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if got := exec1(t, start(t, cfg).URL("postgres"), `select count(*)::text from pg_tables where tablename = 'kept'`); got != "1" {
		t.Errorf("the second start found %s tables, want 1", got)
	}
}

func TestStartReportsWhatPostgresSays(t *testing.T) {
	server := start(t, postgres.Config{Dir: openDir(t)})
	_, err := postgres.Start(bounded(t), postgres.Config{Dir: openDir(t), Port: server.Port()})
	if err == nil || !strings.Contains(err.Error(), "port is taken") {
		t.Errorf("taken port: %v", err)
	}
	if _, err := postgres.Start(bounded(t), postgres.Config{}); err == nil {
		t.Error("no directory: no error")
	}
}
