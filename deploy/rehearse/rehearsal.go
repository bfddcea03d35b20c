package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cartulary/cartulary/chaos/stack"
)

// rehearsal is one run of a plan.
type rehearsal struct {
	plan    *plan
	servers *stack.Servers
	root    string
	dir     string
	out     io.Writer
	port    string // of the API
}

func (r *rehearsal) say(format string, args ...any) {
	fmt.Fprintf(r.out, format+"\n", args...) //nolint:errcheck // progress
}

// replacer turns the addresses of compose's services into those of the servers that
// run here.
func (r *rehearsal) replacer() (*strings.Replacer, error) {
	postgres, err := url.Parse(r.servers.Postgres.URL("postgres"))
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer(
		"postgresql:5432", postgres.Host, "kafka:9092", r.servers.Kafka, "redis:6379", r.servers.Redis,
		"http://s3:7070", r.servers.S3.Endpoint, "http://localhost:7070", r.servers.S3.Endpoint, "0.0.0.0", "127.0.0.1",
	), nil
}

func (r *rehearsal) run(ctx context.Context) (err error) {
	replace, err := r.replacer()
	if err != nil {
		return err
	}
	if err := r.initDatabase(ctx); err != nil {
		return err
	}
	if r.port, err = freePort(); err != nil {
		return err
	}
	migrate, err := r.process("migrate", replace)
	if err != nil {
		return err
	}
	if err := migrate.Run(ctx); err != nil {
		return err
	}
	var running []*stack.Process
	defer func() {
		began := time.Now()
		for _, p := range slices.Backward(running) {
			err = errors.Join(err, p.StopCleanly(context.WithoutCancel(ctx)))
		}
		if err == nil {
			r.say("all roles ended with status 0, %.1f s after they were asked to", time.Since(began).Seconds())
		}
	}()
	for _, role := range []string{"relay", "projector", "worker", "api"} {
		p, err := r.process(role, replace)
		if err != nil {
			return err
		}
		if err := p.Start(); err != nil {
			return err
		}
		running = append(running, p)
	}
	if err := r.healthy(ctx, running[len(running)-1], replace); err != nil {
		return err
	}
	return visit(ctx, "http://127.0.0.1:"+r.port, r.say)
}

// process returns the process of a service.
func (r *rehearsal) process(name string, replace *strings.Replacer) (*stack.Process, error) {
	command, err := r.plan.command(name)
	if err != nil {
		return nil, err
	}
	r.say("%-10s %s", name, strings.Join(command, " "))
	command, err = r.asUser(name, command)
	return stack.NewProcess(filepath.Join(r.dir, "logs"), name, r.environment(name, replace), command...), err
}

func (r *rehearsal) environment(name string, replace *strings.Replacer) []string {
	env := r.plan.environment(name, replace)
	env = append(env, "S3_ACCESS_KEY="+r.servers.S3.AccessKey, "S3_SECRET_KEY="+r.servers.S3.SecretKey)
	if name == "api" {
		env = append(env, "PORT="+r.port)
	}
	return env // of two pairs with one name the last counts
}

// asUser has a command run as the image's user, if this is root.
func (r *rehearsal) asUser(name string, command []string) ([]string, error) {
	user := r.plan.images[r.plan.services[name].Build.Target].User
	if os.Getuid() != 0 || user == "" {
		return command, nil
	}
	uid, gid, _ := strings.Cut(user, ":")
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, fmt.Errorf("run as user %s: %w", user, err)
	}
	drop := []string{setpriv, "--reuid=" + uid, "--regid=" + gid, "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--"}
	return append(drop, command...), nil
}

// initDatabase runs the script that the postgres image runs on an empty directory.
func (r *rehearsal) initDatabase(ctx context.Context) error {
	server, err := url.Parse(r.servers.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	password, _ := server.User.Password()
	script := exec.CommandContext(ctx, filepath.Join(r.root, "deploy", "postgres", "init.sh")) //nolint:gosec // ours
	script.Env = append(os.Environ(), "PGHOST="+server.Hostname(), "PGPORT="+server.Port(), "PGPASSWORD="+password,
		"DATABASE_PASSWORD="+databasePassword, "DATABASE_OWNER_PASSWORD="+ownerPassword)
	if output, err := script.CombinedOutput(); err != nil {
		return fmt.Errorf("deploy/postgres/init.sh: %w: %s", err, output)
	}
	return nil
}

// healthy waits until the API's health check, the compose file's own command,
// succeeds.
func (r *rehearsal) healthy(ctx context.Context, api *stack.Process, replace *strings.Replacer) error {
	test := r.plan.health("api")
	if test == nil {
		return errors.New("docker-compose.yml: api has no health check")
	}
	err := api.Ready(ctx, func(ctx context.Context) error {
		check := exec.CommandContext(ctx, test[0], test[1:]...) //nolint:gosec // the compose file's own command
		check.Env = r.environment("api", replace)
		return check.Run()
	})
	if err == nil {
		r.say("api is healthy by its own check")
	}
	return err
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", err
	}
	defer func() { _ = listener.Close() }()
	tcp, _ := listener.Addr().(*net.TCPAddr)
	return strconv.Itoa(tcp.Port), nil
}
