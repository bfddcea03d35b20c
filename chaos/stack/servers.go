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
	"github.com/cartulary/cartulary/embedded/postgres"
)

// Servers is what the product stands on, each a process of its own.
type Servers struct {
	dir       string
	processes []*Process

	Postgres *postgres.Server
	Kafka    string // host:port
	Redis    string // host:port
	S3       collect.S3
}

// StartServers runs Apache Kafka, PostgreSQL, an S3 server and Redis, with their
// data and logs in dir, and returns when they answer. root is the project's
// directory. What was started ends with [Servers.Close], which must be called unless
// there is an error.
func StartServers(ctx context.Context, root, dir string) (_ *Servers, err error) {
	s := &Servers{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(logs(dir), 0o755); err != nil { //nolint:gosec // PostgreSQL runs as another user
		return nil, fmt.Errorf("servers: %w", err)
	}
	ports, err := freePorts(4)
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	if err := s.run(root, ports); err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	s.Postgres, err = postgres.Start(ctx, postgres.Config{Dir: filepath.Join(dir, "postgres"), Durable: true})
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	kafka, objects, redis := s.processes[0], s.processes[1], s.processes[2]
	err = errors.Join(
		kafka.Ready(ctx, func(ctx context.Context) error { return collect.Ping(ctx, []string{s.Kafka}) }),
		objects.Ready(ctx, dial(address(ports[2]))),
		redis.Ready(ctx, dial(s.Redis)),
	)
	if err != nil {
		return nil, fmt.Errorf("servers: %w", err)
	}
	return s, nil
}

// run starts the processes.
func (s *Servers) run(root string, ports []int) error {
	kafka, controller, objects, redis := ports[0], ports[1], ports[2], ports[3]
	s.Kafka, s.Redis = address(kafka), address(redis)
	s.S3 = collect.S3{
		Endpoint: "http://" + address(objects), AccessKey: "chaos", SecretKey: rand.Text(), Bucket: "cartulary", Region: "eu-west-1",
	}
	script := func(name string) string { return filepath.Join(root, "scripts", name) }
	s.processes = []*Process{
		NewProcess(logs(s.dir), "kafka", os.Environ(), script("kafka"), "--dir", filepath.Join(s.dir, "kafka"),
			"--port", strconv.Itoa(kafka), "--controller-port", strconv.Itoa(controller)),
		NewProcess(logs(s.dir), "s3", append(os.Environ(),
			"S3_ACCESS_KEY="+s.S3.AccessKey, "S3_SECRET_KEY="+s.S3.SecretKey, "S3_REGION="+s.S3.Region,
		), script("s3"), "--dir", filepath.Join(s.dir, "s3"), "--port", strconv.Itoa(objects)),
		NewProcess(logs(s.dir), "redis", os.Environ(), "redis-server", "--port", strconv.Itoa(redis), "--bind", "127.0.0.1",
			"--save", "", "--appendonly", "no", "--dir", logs(s.dir)),
	}
	for _, p := range s.processes {
		if err := p.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Crashes lists the servers that ended by themselves.
func (s *Servers) Crashes() []string {
	var all []string
	for _, p := range s.processes {
		all = append(all, p.Crashes()...)
	}
	return all
}

// Close ends all servers.
func (s *Servers) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var failures []error
	for _, p := range slices.Backward(s.processes) {
		failures = append(failures, p.Stop(ctx))
	}
	if s.Postgres != nil {
		failures = append(failures, s.Postgres.Stop(ctx))
	}
	return errors.Join(failures...)
}
