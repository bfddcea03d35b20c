package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/adapters/redis"
	"github.com/cartulary/cartulary/config"
	"github.com/cartulary/cartulary/roles"
)

const usage = `cartulary keeps documents for companies, with a trail that nobody can quietly rewrite.

Usage: cartulary ROLE

Roles:
  migrate    bring the main database and all tenants' databases to the newest schema
  api        serve HTTP on HOST:PORT
  relay      bring events from the outbox to Kafka; of many, one leads
  projector  keep the read models up with the trail
  worker     make tenants' databases, finish uploaded files; of many, one signs checkpoints

  audit        check the trail, export it, print its public key; see cartulary audit --help
  replay       build read models anew from events; see cartulary replay --help
  drift        compare read models with what events say; see cartulary drift --help
  fsck         compare ledgers, read models and objects; see cartulary fsck --help
  healthcheck  succeed if the API at HOST:PORT is ready
  erase        forget a person for good; see cartulary erase --help

Run migrate first, then any number of the others. Each is configured by the
environment: DATABASE_URL, KAFKA_BOOTSTRAP_SERVERS, S3_ENDPOINT and so on. All
variables, with their meaning, are in .env.example.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := config.CheckEnviron(os.Environ())
	if err == nil {
		err = run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "cartulary: %v\n", err)
		os.Exit(status(err))
	}
}

// status returns the exit status that an error stands for.
func status(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.As(err, &notProvenError{}):
		return statusNotProven
	default:
		return 1
	}
}

// role is a way to run the program.
type role struct {
	name  string
	needs config.Needs
	run   func(ctx context.Context, p *roles.Platform, cfg config.Config) error
}

// table lists the roles that run until they are told to stop.
func table() []role {
	everything := config.Needs{Database: true, JWT: true, Kafka: true, S3: true}
	stream := config.Needs{Database: true, Kafka: true}
	return []role{
		{"api", everything, serve},
		{"relay", stream, func(ctx context.Context, p *roles.Platform, _ config.Config) error { return p.Relay(ctx) }},
		{"projector", stream, func(ctx context.Context, p *roles.Platform, _ config.Config) error { return p.Projector(ctx) }},
		{
			"worker",
			config.Needs{Database: true, Kafka: true, S3: true, SigningKey: true},
			func(ctx context.Context, p *roles.Platform, _ config.Config) error { return p.Worker(ctx) },
		},
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdout io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "audit":
			return audit(ctx, args[1:], getenv, stdout)
		case "replay":
			return rebuild(ctx, "replay", replayUsage, args[1:], getenv, stdout)
		case "drift":
			return rebuild(ctx, "drift", driftUsage, args[1:], getenv, stdout)
		case "fsck":
			return runFsck(ctx, args[1:], getenv, stdout)
		case "erase":
			return erase(ctx, args[1:], getenv, stdout)
		}
	}
	if len(args) != 1 {
		return fmt.Errorf("name one role\n\n%s", usage)
	}
	name := args[0]
	switch name {
	case "help", "-h", "-help", "--help":
		_, err := io.WriteString(stdout, usage)
		return err
	case "migrate":
		cfg, err := config.Load(getenv, config.Needs{Database: true})
		if err != nil {
			return err
		}
		return roles.Migrate(ctx, cfg, logger(stdout, cfg, name))
	case "healthcheck":
		cfg, err := config.Load(getenv, config.Needs{})
		if err != nil {
			return err
		}
		return checkHealth(ctx, cfg.HTTP)
	}
	all := table()
	i := slices.IndexFunc(all, func(r role) bool { return r.name == name })
	if i < 0 {
		return fmt.Errorf("there is no role %q\n\n%s", name, usage)
	}
	cfg, err := config.Load(getenv, all[i].needs)
	if err != nil {
		return err
	}
	return runRole(ctx, all[i], cfg, logger(stdout, cfg, name))
}

func logger(w io.Writer, cfg config.Config, role string) *slog.Logger {
	handler := slog.NewJSONHandler(w, &slog.HandlerOptions{Level: cfg.LogLevel})
	return slog.New(handler).With(slog.String("role", role))
}

// runRole runs a role until ctx ends, which may be while it starts: to be told to stop
// is no error.
func runRole(ctx context.Context, r role, cfg config.Config, logger *slog.Logger) error {
	err := openAndRun(ctx, r, cfg, logger)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		return err
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "stopped")
	return nil
}

// openAndRun runs a role, and the hints between it and others.
func openAndRun(ctx context.Context, r role, cfg config.Config, logger *slog.Logger) error {
	hints, closeHints, err := openHints(cfg, logger) //nolint:contextcheck // outlives the call; ended by closeHints
	if err != nil {
		return err
	}
	defer closeHints()
	platform, err := roles.Open(ctx, cfg, hints, logger)
	if err != nil {
		return err
	}
	defer platform.Close()
	logger.LogAttrs(ctx, slog.LevelInfo, "started")
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return hints.Run(ctx) })
	group.Go(func() error { return r.run(ctx, platform, cfg) })
	return group.Wait()
}

func openHints(cfg config.Config, logger *slog.Logger) (*roles.Hints, func(), error) {
	if cfg.RedisURL == "" {
		return roles.NewHints(nil, logger), func() {}, nil
	}
	bus, err := redis.New(cfg.RedisURL, logger)
	if err != nil {
		return nil, nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	return roles.NewHints(bus, logger), func() { _ = bus.Close() }, nil
}

func serve(ctx context.Context, p *roles.Platform, cfg config.Config) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", cfg.HTTP.Address())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }() // when the API did not come as far as serving
	return p.API(ctx, listener)
}
