package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/internal/apitest"
	"github.com/cartulary/cartulary/internal/kafkatest"
	"github.com/cartulary/cartulary/internal/pgtest"
	"github.com/cartulary/cartulary/internal/redistest"
	"github.com/cartulary/cartulary/internal/s3test"
)

func TestMain(m *testing.M) {
	s3test.ServeIfAsked()
	pgtest.Main(m, kafkatest.Leaks()...)
}

// installation is everything the roles stand on, and those that run.
type installation struct {
	env   map[string]string
	base  string
	roles map[string]*running
	logs  *buffer // of the roles, and of what is run beside them
}

// running is a role that runs.
type running struct {
	stop context.CancelFunc
	done chan error
}

func install(t *testing.T) *installation {
	t.Helper()
	broker, store, redis := kafkatest.Start(t), s3test.Start(t), redistest.Start(t)
	port := freePort(t)
	in := &installation{
		base: "http://127.0.0.1:" + strconv.Itoa(port), roles: map[string]*running{}, logs: &buffer{},
		env: map[string]string{
			"PORT": strconv.Itoa(port), "LOG_LEVEL": "WARN", "AUDIT_CHECKPOINT_INTERVAL": "1",
			"DATABASE_URL":            pgtest.Cluster(t).URL("e2e_" + strings.ReplaceAll(uuid.NewString(), "-", "")),
			"JWT_SECRET_KEY":          "0123456789abcdef0123456789abcdef",
			"KAFKA_BOOTSTRAP_SERVERS": strings.Join(broker.Addrs(), ","),
			"S3_ENDPOINT":             store.Endpoint, "S3_ACCESS_KEY": s3test.AccessKey, "S3_SECRET_KEY": s3test.SecretKey,
			"S3_BUCKET": s3test.Bucket, "S3_REGION": s3test.Region,
			"REDIS_URL": redis.URL,
		},
	}
	if err := run(t.Context(), []string{"migrate"}, in.getenv, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"relay", "projector", "worker", "api"} {
		in.start(t, name)
	}
	t.Cleanup(func() {
		for name := range in.roles {
			in.stop(t, name)
		}
	})
	in.awaitReady(t)
	return in
}

func (in *installation) getenv(name string) string { return in.env[name] }

func (in *installation) start(t *testing.T, name string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{stop: stop, done: make(chan error, 1)}
	in.roles[name] = r
	go func() { r.done <- run(ctx, []string{name}, in.getenv, io.MultiWriter(t.Output(), in.logs)) }()
}

func (in *installation) stop(t *testing.T, name string) {
	t.Helper()
	r := in.roles[name]
	delete(in.roles, name)
	r.stop()
	select {
	case err := <-r.done:
		if err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not stop", name)
	}
}

func (in *installation) awaitReady(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, in.base+"/readyz", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatal("the API does not become ready")
		case err := <-in.roles["api"].done:
			t.Fatalf("the API ended: %v", err)
		case <-ticker.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestFourRolesServeAWholeLife(t *testing.T) {
	in := install(t)
	client := apitest.SignUp(t, in.base)
	tenant := client.CreateTenant(t)
	apitest.Journey(t, client, tenant)
	apitest.TooLarge(t, client, tenant)
	apitest.ReadYourWrites(t, client, tenant, 50)
}

func TestARoleThatIsAwayIsCaughtUpWith(t *testing.T) {
	in := install(t)
	client := apitest.SignUp(t, in.base)
	tenant := client.CreateTenant(t)
	for _, name := range []string{"relay", "projector", "worker"} {
		in.stop(t, name)
		answer, err := client.Upload(t.Context(), tenant, name+".txt", "text/plain", strings.NewReader(name), "Prefer", "respond-async")
		if err != nil || answer.Status != http.StatusAccepted {
			t.Fatalf("without %s: got %d %s, %v", name, answer.Status, answer.Text, err)
		}
		in.start(t, name)
		// A later write is answered once the earlier one is seen as well.
		client.MustUpload(t, tenant, "after "+name+".txt", "text/plain", strings.NewReader("after "+name))
	}
	if listed := client.List(t, tenant); len(listed) != 6 {
		t.Errorf("%d documents, want 6: %+v", len(listed), listed)
	}
}

func TestARoleMayBeStoppedWhileItStarts(t *testing.T) {
	in := install(t)
	in.stop(t, "api") // one of several could not listen on its port
	var wait sync.WaitGroup
	for _, name := range []string{"relay", "projector", "worker", "api"} {
		wait.Go(func() {
			for after := range 20 {
				ctx, stop := context.WithCancel(t.Context())
				timer := time.AfterFunc(time.Duration(5*after)*time.Millisecond, stop)
				if err := run(ctx, []string{name}, in.getenv, io.Discard); err != nil {
					t.Errorf("%s, stopped after %d ms, ended with %v", name, 5*after, err)
				}
				timer.Stop()
				stop()
			}
		})
	}
	wait.Wait()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	var help strings.Builder
	if err := run(t.Context(), []string{"--help"}, none, &help); err != nil || !strings.Contains(help.String(), "projector") {
		t.Errorf("got %v, %q", err, help.String())
	}
	for _, args := range [][]string{nil, {"api", "relay"}, {"unknown"}} {
		if err := run(t.Context(), args, none, io.Discard); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
	for _, name := range []string{"api", "relay", "projector", "worker", "migrate"} {
		err := run(t.Context(), []string{name}, none, io.Discard)
		if _, ok := errors.AsType[*config.Error](err); !ok {
			t.Errorf("%s without settings: got %v", name, err)
		}
	}
}
