package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/redis"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/internal/dirlock"
	"github.com/cartulary/cartulary/roles"
)

const usage = `standalone runs the whole of cartulary in one process, on parts it brings along.

Usage: standalone [flags]

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "standalone: %v\n", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	data string
	host string
	port int
	rate int // requests of a user in an hour
	log  slog.Level
}

func parse(args []string, stderr io.Writer) (options, error) {
	o := options{log: slog.LevelWarn}
	flags := flag.NewFlagSet("standalone", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		_, _ = fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.data, "data", "./.cartulary", "`directory` that holds everything; made if missing")
	flags.StringVar(&o.host, "host", "127.0.0.1", "`address` to listen on")
	flags.IntVar(&o.port, "port", 4999, "port to listen on; 0 for a free one")
	flags.IntVar(&o.rate, "rate-limit", 1000, "`requests` that a user, or an address that is not signed in, may make in an hour; 0 for no limit")
	flags.TextVar(&o.log, "log", o.log, "lowest `level` to log: DEBUG, INFO, WARN or ERROR")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if o.rate < 0 || o.rate > 1_000_000_000 {
		return options{}, errors.New("-rate-limit must be from 0 to 1000000000")
	}
	data, err := filepath.Abs(o.data)
	o.data = data
	return o, err
}

// run serves until ctx ends, which may be while it starts.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	begin := time.Now()
	lock, err := dirlock.Acquire(o.data)
	if err != nil {
		return fmt.Errorf("open the data directory: %w", err)
	}
	defer func() { _ = lock.Release() }()
	// Listening first tells at once when the port is taken.
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort(o.host, strconv.Itoa(o.port)))
	if err != nil {
		return fmt.Errorf("listen (is another one running? choose a port with --port): %w", err)
	}
	defer func() { _ = listener.Close() }()
	secrets, err := openSettings(o.data)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: o.log}))
	_, _ = fmt.Fprintf(stdout, "Starting PostgreSQL, Kafka broker, S3 and Redis in %s …\n", o.data)
	servers, err := startParts(ctx, o.data, secrets, logger)
	switch {
	case err != nil && ctx.Err() != nil: // whatever a part that was stopped says
		return nil
	case err != nil:
		return err
	}
	defer servers.stop(context.WithoutCancel(ctx), logger)
	err = runRoles(ctx, servers.config(secrets, o), listener, logger, func() {
		greet(stdout, listener.Addr().String(), time.Since(begin))
	})
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// runRoles migrates, then runs every role until ctx ends. ready is called when the
// API answers.
func runRoles(ctx context.Context, cfg config.Config, listener net.Listener, logger *slog.Logger, ready func()) error {
	if err := roles.Migrate(ctx, cfg, logger); err != nil {
		return err
	}
	bus, err := redis.New(cfg.RedisURL, logger) //nolint:contextcheck // outlives the call; ended by Close
	if err != nil {
		return fmt.Errorf("open Redis: %w", err)
	}
	defer func() { _ = bus.Close() }()
	hints := roles.NewHints(bus, logger)
	platform, err := roles.Open(ctx, cfg, hints, logger)
	if err != nil {
		return err
	}
	defer platform.Close()
	return together(ctx, hints, platform, listener, ready)
}

// together runs the roles until ctx ends or one fails. The API stops first, so that
// what it still answers is still projected.
func together(ctx context.Context, hints *roles.Hints, platform *roles.Platform, listener net.Listener, ready func()) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, background := errgroup.WithContext(background)
	serving, stopServing := context.WithCancel(background)
	defer context.AfterFunc(ctx, stopServing)()
	defer stopServing()
	group.Go(func() error { return hints.Run(background) })
	group.Go(func() error { return platform.Relay(background) })
	group.Go(func() error { return platform.Projector(background) })
	group.Go(func() error { return platform.Worker(background) })
	group.Go(func() error { return whenReady(serving, listener.Addr().String(), ready) })
	group.Go(func() error {
		defer stop()
		return platform.API(serving, listener)
	})
	return group.Wait()
}

// config returns the settings with which the roles find the parts.
func (p *parts) config(s settings, o options) config.Config {
	return config.Config{
		Environment: config.Development,
		LogLevel:    o.log,
		Demo:        true,
		HTTP:        config.HTTP{Host: o.host, Port: o.port, RatePerHour: o.rate, Docs: true},
		Database: config.Database{
			URL:        p.postgres.URLAs("saas_platform", productRole, p.password),
			MigrateURL: p.postgres.URL("saas_platform"), PoolSize: 16,
		},
		JWT:   config.JWT{Secret: s.JWTSecret, AccessExpires: 15 * time.Minute, RefreshExpires: 7 * 24 * time.Hour},
		Kafka: config.Kafka{Brokers: []string{p.kafka.Addr()}},
		S3: config.S3{
			Endpoint: p.s3.Endpoint(), PathStyle: true,
			AccessKey: s.S3AccessKey, SecretKey: s.S3SecretKey, Bucket: bucket, Region: region,
		},
		Audit:    config.Audit{Every: 2 * time.Second},
		Grace:    config.Grace{Tenant: config.DefaultTenantGrace, File: config.DefaultFileGrace},
		RedisURL: p.redis.URL(),
	}
}
