package main

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
	"strings"
	"time"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/chaos/stack"
	"github.com/cartulary/cartulary/embedded/redis"
	embedded "github.com/cartulary/cartulary/embedded/s3"
)

// separate is the platform with a process for each role and an S3 server beside, as it
// runs in production: so the API's memory is the API's alone, and clients can send to
// the very server that the platform stores in.
type separate struct {
	address   string // host and port of the API
	objects   *s3.Store
	endpoint  string // host and port of the S3 server
	api       *stack.Process
	processes []*stack.Process
	broker    *topics
	redis     *redis.Server
	dir       string
}

const (
	objectsBucket = "cartulary"
	objectsRegion = "eu-west-1"
)

// objectsRole is the argument with which the program is an S3 server and nothing else,
// until it is asked to end. Arguments that follow: a directory, a port, an access key
// and a secret key.
const objectsRole = "serve-objects"

func serveObjects(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return errors.New(objectsRole + " takes a directory, a port and two keys")
	}
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("port: %w", err)
	}
	server, err := embedded.Start(ctx, embedded.Config{
		Dir: args[0], Port: port, AccessKey: args[2], SecretKey: args[3], Bucket: objectsBucket, Region: objectsRegion,
	})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-server.Done():
	}
	return server.Close()
}

// startSeparate builds the programs and runs them on an empty database, empty topics
// and an empty store.
func (b *bench) startSeparate(ctx context.Context) (_ *separate, err error) {
	b.say("  starting the platform, a process for each role")
	dir, err := os.MkdirTemp(b.scratch, "separate-")
	if err != nil {
		return nil, err
	}
	s := &separate{dir: dir}
	defer func() { //nolint:contextcheck // ctx may have ended
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.broker, err = b.startBroker(ctx); err != nil {
		return nil, err
	}
	if s.redis, err = redis.Start(); err != nil {
		return nil, err
	}
	ports, err := freePorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	s.address, s.endpoint = loopback(ports[0]), loopback(ports[1])
	keys := s3.Config{
		Endpoint: "http://" + s.endpoint, PathStyle: true, Bucket: objectsBucket, Region: objectsRegion, AccessKey: "bench", SecretKey: rand.Text(),
	}
	if err := s.startObjects(ctx, b, keys, ports[1]); err != nil {
		return nil, err
	}
	return s, s.startRoles(ctx, b, keys, ports[0])
}

func (s *separate) startObjects(ctx context.Context, b *bench, keys s3.Config, port int) error {
	self, err := b.buildSelf(ctx, itself)
	if err != nil {
		return err
	}
	server, err := s.start("s3", os.Environ(), self, objectsRole, filepath.Join(s.dir, "s3"), strconv.Itoa(port), keys.AccessKey, keys.SecretKey)
	if err != nil {
		return err
	}
	if err := server.Ready(ctx, stack.Get(keys.Endpoint+"/-/healthy")); err != nil {
		return err
	}
	s.objects, err = s3.New(ctx, keys)
	return err
}

func (s *separate) startRoles(ctx context.Context, b *bench, keys s3.Config, port int) error {
	program, err := b.build(ctx, "cartulary")
	if err != nil {
		return err
	}
	database, err := b.cluster.create(ctx, "")
	if err != nil {
		return err
	}
	env := append(os.Environ(),
		"APP_ENV=development", "LOG_LEVEL=WARN", "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "DEMO_ENABLED=false",
		"DATABASE_URL="+b.cluster.server.URL(database), "DATABASE_POOL_SIZE="+strconv.Itoa(poolSize), "RATE_LIMIT_PER_HOUR=0",
		"JWT_SECRET_KEY="+rand.Text()+rand.Text(), "JWT_ACCESS_TOKEN_EXPIRES=3600", "KAFKA_BOOTSTRAP_SERVERS="+strings.Join(s.broker.addresses(), ","),
		"S3_ENDPOINT="+keys.Endpoint, "S3_ACCESS_KEY="+keys.AccessKey, "S3_SECRET_KEY="+keys.SecretKey,
		"S3_BUCKET="+keys.Bucket, "S3_REGION="+keys.Region, "REDIS_URL="+s.redis.URL())
	if err := stack.NewProcess(s.dir, "migrate", env, program, "migrate").Run(ctx); err != nil {
		return err
	}
	for _, role := range []string{"relay", "projector", "worker", "api"} {
		if s.api, err = s.start(role, env, program, role); err != nil {
			return err
		}
	}
	return s.api.Ready(ctx, stack.Get("http://"+s.address+"/readyz"))
}

func (s *separate) start(name string, env []string, args ...string) (*stack.Process, error) {
	p := stack.NewProcess(s.dir, name, env, args...)
	if err := p.Start(); err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return p, nil
}

// stop ends everything and removes what was stored. It fails if a process ended by
// itself.
func (s *separate) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var failures []error
	for _, p := range slices.Backward(s.processes) {
		for _, crash := range p.Crashes() {
			failures = append(failures, errors.New(crash+"\n"+s.said()))
		}
		failures = append(failures, p.Stop(ctx))
	}
	if s.redis != nil {
		s.redis.Close()
	}
	if s.broker != nil {
		failures = append(failures, s.broker.close())
	}
	return errors.Join(append(failures, os.RemoveAll(s.dir))...)
}

// said returns the ends of the processes' logs.
func (s *separate) said() string {
	var all tail
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*.log")) // the pattern is good
	for _, name := range logs {
		if text, err := os.ReadFile(name); err == nil && len(text) > 0 { //nolint:gosec // below the bench's own directory
			_, _ = fmt.Fprintf(&all, "%s:\n%s", filepath.Base(name), text[max(0, len(text)-tailBytes/4):])
		}
	}
	return all.String()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts returns ports of the loopback address that nobody listens on now.
func freePorts(ctx context.Context, n int) (ports []int, err error) {
	for range n {
		var listen net.ListenConfig
		listener, err := listen.Listen(ctx, "tcp", loopback(0))
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // all at the end, so that they differ
		tcp, _ := listener.Addr().(*net.TCPAddr)
		ports = append(ports, tcp.Port)
	}
	return ports, nil
}
