package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cartulary/cartulary/embedded/kafka"
	"github.com/cartulary/cartulary/embedded/postgres"
	"github.com/cartulary/cartulary/embedded/redis"
	"github.com/cartulary/cartulary/embedded/s3"
)

const (
	bucket = "cartulary"
	region = "eu-west-1"

	// productRole is the role in PostgreSQL that the roles run as. It can add to the
	// trail and not rewrite it; its password is drawn at each start.
	productRole = "cartulary"

	// stopTimeout bounds how long PostgreSQL may take to shut down before it is cut
	// off, to recover at its next start.
	stopTimeout = 10 * time.Second
)

// parts are the embedded servers, each on a port of its own on the loopback address.
type parts struct {
	postgres *postgres.Server
	password string // of productRole
	kafka    *kafka.Broker
	s3       *s3.Server
	redis    *redis.Server
}

// startParts starts all of them in dir, or none.
func startParts(ctx context.Context, dir string, s settings, logger *slog.Logger) (*parts, error) {
	var (
		p     parts
		group errgroup.Group
	)
	group.Go(func() (err error) {
		p.postgres, err = postgres.Start(ctx, postgres.Config{
			Dir: filepath.Join(dir, "postgres"), Durable: true, Logger: logger,
		})
		if err == nil {
			p.password = secret(24)
			err = p.postgres.EnsureRole(ctx, productRole, p.password)
		}
		return named("PostgreSQL", err)
	})
	group.Go(func() (err error) {
		p.kafka, err = kafka.Start(kafka.Config{Dir: filepath.Join(dir, "kafka"), Durable: true, Logger: logger})
		return named("Kafka broker", err)
	})
	group.Go(func() (err error) {
		p.s3, err = s3.Start(ctx, s3.Config{
			Dir: filepath.Join(dir, "s3"), AccessKey: s.S3AccessKey, SecretKey: s.S3SecretKey, Bucket: bucket, Region: region,
		})
		return named("S3 server", err)
	})
	group.Go(func() (err error) {
		p.redis, err = redis.Start()
		return named("Redis server", err)
	})
	if err := group.Wait(); err != nil {
		p.stop(context.WithoutCancel(ctx), logger)
		return nil, err
	}
	return &p, nil
}

func named(part string, err error) error {
	if err != nil {
		return fmt.Errorf("start %s: %w", part, err)
	}
	return nil
}

// stop ends whatever runs.
func (p *parts) stop(ctx context.Context, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if p.kafka != nil {
		p.kafka.Close()
	}
	if p.redis != nil {
		p.redis.Close()
	}
	if p.s3 != nil {
		if err := p.s3.Close(); err != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "S3 server did not stop cleanly", slog.Any("error", err))
		}
	}
	if p.postgres != nil {
		if err := p.postgres.Stop(ctx); err != nil {
			logger.LogAttrs(ctx, slog.LevelWarn, "PostgreSQL did not stop cleanly", slog.Any("error", err))
		}
	}
}
