package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/cartulary/cartulary/chaos/collect"
)

// The roles that are killed.
const (
	API       = "api"
	Relay     = "relay"
	Projector = "projector"
	Worker    = "worker"
)

// Roles lists the roles in the order in which they start.
func Roles() []string { return []string{Relay, Projector, Worker, API} }

const mainDatabase = "saas_platform"

// Config says what to run, and where.
type Config struct {
	Root string // of the project: where scripts/ is
	Bin  string // directory of the product's program
	Dir  string // for data and logs; made if missing
}

// Stack is a running platform.
type Stack struct {
	dir     string
	base    string // of the API
	servers *Servers
	roles   map[string]*Process
}

// Start runs everything and returns when the API is ready. What was started ends
// with [Stack.Close], which must be called unless there is an error.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	s := &Stack{dir: cfg.Dir, roles: map[string]*Process{}}
	s.servers, err = StartServers(ctx, cfg.Root, cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := s.startRoles(ctx, cfg.Bin); err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	return s, nil
}

func logs(dir string) string { return filepath.Join(dir, "logs") }

// startRoles migrates and runs the product's processes.
func (s *Stack) startRoles(ctx context.Context, bin string) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	program := filepath.Join(bin, "cartulary")
	env := append(os.Environ(),
		"APP_ENV=development", "LOG_LEVEL=INFO", "HOST=127.0.0.1", "PORT="+strconv.Itoa(ports[0]),
		"DATABASE_URL="+s.servers.Postgres.URL(mainDatabase), "DATABASE_POOL_SIZE=10",
		"RATE_LIMIT_PER_HOUR=0", // clients here are few and hurried
		"JWT_SECRET_KEY="+rand.Text()+rand.Text(),
		"KAFKA_BOOTSTRAP_SERVERS="+s.servers.Kafka,
		"S3_ENDPOINT="+s.servers.S3.Endpoint, "S3_ACCESS_KEY="+s.servers.S3.AccessKey, "S3_SECRET_KEY="+s.servers.S3.SecretKey,
		"S3_BUCKET="+s.servers.S3.Bucket, "S3_REGION="+s.servers.S3.Region,
		"REDIS_URL=redis://"+s.servers.Redis+"/0",
	)
	s.base = "http://" + address(ports[0])
	if err := NewProcess(logs(s.dir), "migrate", env, program, "migrate").Run(ctx); err != nil {
		return err
	}
	for _, role := range Roles() {
		s.roles[role] = NewProcess(logs(s.dir), role, env, program, role)
		if err := s.roles[role].Start(); err != nil {
			return err
		}
	}
	return s.roles[API].Ready(ctx, Get(s.base+"/readyz"))
}

// API returns the base URL of the API.
func (s *Stack) API() string { return s.base }

// Kill ends a role's process with SIGKILL.
func (s *Stack) Kill(role string) error { return s.roles[role].Kill() }

// Restart starts a role's process again.
func (s *Stack) Restart(role string) error { return s.roles[role].Start() }

// Revive starts the roles again that ended by themselves, as a supervisor would.
// They are still listed by [Stack.Crashes].
func (s *Stack) Revive() error {
	var failures []error
	for _, role := range Roles() {
		if s.roles[role].crashed() {
			failures = append(failures, s.roles[role].Start())
		}
	}
	return errors.Join(failures...)
}

// Crashes lists the processes that ended by themselves.
func (s *Stack) Crashes() []string {
	all := s.servers.Crashes()
	for _, role := range Roles() {
		all = append(all, s.roles[role].Crashes()...)
	}
	return all
}

// Sources says where a checker finds everything.
func (s *Stack) Sources(journal string) collect.Config {
	return collect.Config{
		DatabaseURL: s.servers.Postgres.URL, Brokers: []string{s.servers.Kafka}, S3: s.servers.S3, Journal: journal,
	}
}

// Close ends everything, the product's processes first.
func (s *Stack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var failures []error
	for _, role := range slices.Backward(Roles()) {
		if p, ok := s.roles[role]; ok {
			failures = append(failures, p.Stop(ctx))
		}
	}
	return errors.Join(append(failures, s.servers.Close(ctx))...)
}
