package postgres

import (
	"errors"
	"log/slog"
	"path/filepath"
)

const defaultMaxConnections = 250 // a hundred databases are rebuilt in one pass, and half stay free

// Config says where a cluster lives and how it runs.
type Config struct {
	Dir            string       // made if missing; holds data, password and log
	Port           int          // 0: a free one
	Durable        bool         // commits survive a power cut; leave unset in tests
	MaxConnections int          // 0: 250
	LogFile        string       // of PostgreSQL; "": postgres.log beside the data
	Logger         *slog.Logger // nil: quiet
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, errors.New("no directory given")
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, err
	}
	c.Dir = dir
	if c.MaxConnections == 0 {
		c.MaxConnections = defaultMaxConnections
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
