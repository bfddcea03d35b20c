package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/chaos/collect"
	"github.com/cartulary/cartulary/embedded/postgres"
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
	dir      string
	base     string // of the API
	postgres *postgres.Server
	brokers  []string
	s3       collect.S3
	servers  []*Process // Kafka, S3, Redis
	roles    map[string]*Process
}

// Start runs everything and returns when the API is ready. What was started ends
// with [Stack.Close], which must be called unless there is an error.
func Start(ctx context.Context, cfg Config) (_ *Stack, err error) {
	s := &Stack{dir: cfg.Dir, roles: map[string]*Process{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(s.logs(), 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user
		return nil, fmt.Errorf("stack: %w", err)
	}
	ports, err := freePorts(5)
	if err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	if err := s.startServers(ctx, cfg, ports); err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	if err := s.startRoles(ctx, cfg, ports[4], ports[3]); err != nil {
		return nil, fmt.Errorf("stack: %w", err)
	}
	return s, nil
}

func (s *Stack) logs() string { return filepath.Join(s.dir, "logs") }

// startServers runs what the product stands on.
func (s *Stack) startServers(ctx context.Context, cfg Config, ports []int) error {
	kafka, controller, objects, redis := ports[0], ports[1], ports[2], ports[3]
	s.brokers = []string{address(kafka)}
	s.s3 = collect.S3{
		Endpoint: "http://" + address(objects), AccessKey: "chaos", SecretKey: rand.Text(), Bucket: "cartulary", Region: "eu-west-1",
	}
	script := func(name string) string { return filepath.Join(cfg.Root, "scripts", name) }
	s.servers = []*Process{
		newProcess(s.logs(), "kafka", nil, script("kafka"), "--dir", filepath.Join(s.dir, "kafka"),
			"--port", strconv.Itoa(kafka), "--controller-port", strconv.Itoa(controller)),
		newProcess(s.logs(), "s3", []string{
			"S3_ACCESS_KEY=" + s.s3.AccessKey, "S3_SECRET_KEY=" + s.s3.SecretKey, "S3_REGION=" + s.s3.Region,
		}, script("s3"), "--dir", filepath.Join(s.dir, "s3"), "--port", strconv.Itoa(objects)),
		newProcess(s.logs(), "redis", nil, "redis-server", "--port", strconv.Itoa(redis), "--bind", "127.0.0.1",
			"--save", "", "--appendonly", "no", "--dir", s.logs()),
	}
	for _, p := range s.servers {
		if err := p.Start(); err != nil {
			return err
		}
	}
	var err error
	s.postgres, err = postgres.Start(ctx, postgres.Config{Dir: filepath.Join(s.dir, "postgres"), Durable: true})
	if err != nil {
		return err
	}
	return errors.Join(
		s.createDatabase(ctx),
		s.ready(ctx, s.servers[0], func(ctx context.Context) error { return collect.Ping(ctx, s.brokers) }),
		s.ready(ctx, s.servers[1], dial(address(objects))),
		s.ready(ctx, s.servers[2], dial(address(redis))),
	)
}

func (s *Stack) createDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create main database: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "create database "+mainDatabase); err != nil {
		return fmt.Errorf("create main database: %w", err)
	}
	return nil
}

// startRoles migrates and runs the product's processes.
func (s *Stack) startRoles(ctx context.Context, cfg Config, port, redis int) error {
	program := filepath.Join(cfg.Bin, "cartulary")
	env := []string{
		"APP_ENV=development", "LOG_LEVEL=INFO", "HOST=127.0.0.1", "PORT=" + strconv.Itoa(port),
		"DATABASE_URL=" + s.postgres.URL(mainDatabase), "DATABASE_POOL_SIZE=10",
		"JWT_SECRET_KEY=" + rand.Text() + rand.Text(),
		"KAFKA_BOOTSTRAP_SERVERS=" + s.brokers[0],
		"S3_ENDPOINT=" + s.s3.Endpoint, "S3_ACCESS_KEY=" + s.s3.AccessKey, "S3_SECRET_KEY=" + s.s3.SecretKey,
		"S3_BUCKET=" + s.s3.Bucket, "S3_REGION=" + s.s3.Region,
		"REDIS_URL=redis://" + address(redis) + "/0",
	}
	s.base = "http://" + address(port)
	migrate := newProcess(s.logs(), "migrate", env, program, "migrate")
	if err := migrate.Start(); err != nil {
		return err
	}
	if err := migrate.succeed(ctx); err != nil {
		return err
	}
	for _, role := range Roles() {
		s.roles[role] = newProcess(s.logs(), role, env, program, role)
		if err := s.roles[role].Start(); err != nil {
			return err
		}
	}
	return s.ready(ctx, s.roles[API], get(s.base+"/readyz"))
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
	var all []string
	for _, p := range s.processes() {
		all = append(all, p.Crashes()...)
	}
	return all
}

// Sources says where a checker finds everything.
func (s *Stack) Sources(journal string) collect.Config {
	return collect.Config{DatabaseURL: s.postgres.URL, Brokers: s.brokers, S3: s.s3, Journal: journal}
}

func (s *Stack) processes() []*Process {
	all := slices.Clone(s.servers)
	for _, role := range Roles() {
		if p, ok := s.roles[role]; ok {
			all = append(all, p)
		}
	}
	return all
}

// Close ends everything, the product's processes first.
func (s *Stack) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var failures []error
	for _, p := range slices.Backward(s.processes()) {
		failures = append(failures, p.Stop(ctx))
	}
	if s.postgres != nil {
		failures = append(failures, s.postgres.Stop(ctx))
	}
	return errors.Join(failures...)
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts returns ports of the loopback address that nobody listens on now.
func freePorts(n int) ([]int, error) {
	ports := make([]int, 0, n)
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
		if err != nil {
			return nil, fmt.Errorf("free port: %w", err)
		}
		defer func() { _ = listener.Close() }() // all at the end, so that they differ
		tcp, _ := listener.Addr().(*net.TCPAddr)
		ports = append(ports, tcp.Port)
	}
	return ports, nil
}
