package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/cartulary/cartulary/internal/dirlock"
)

// minSessionTimeout lets consumers ask for sessions as short as this, so that
// the partitions of one that was killed are soon given to another.
const minSessionTimeout = 100 * time.Millisecond

// Config says where a broker lives.
type Config struct {
	Dir     string       // made if missing; "": everything is kept in memory
	Port    int          // on the loopback address; 0: a free one
	Durable bool         // sync each write to disk before it is acknowledged
	Logger  *slog.Logger // nil: quiet
}

// Broker is a running broker.
type Broker struct {
	cluster *kfake.Cluster
	lock    *dirlock.Lock // nil without a directory
}

// Start runs a broker. It fails with dirlock.ErrHeld while another process runs
// one on the same directory.
func Start(cfg Config) (*Broker, error) {
	b, err := start(cfg)
	if err != nil {
		return nil, fmt.Errorf("start embedded Kafka: %w", err)
	}
	return b, nil
}

func start(cfg Config) (_ *Broker, err error) {
	options := []kfake.Opt{
		kfake.NumBrokers(1), kfake.Ports(cfg.Port), kfake.ClusterID("cartulary"),
		kfake.GroupMinSessionTimeout(minSessionTimeout),
	}
	if cfg.Logger != nil {
		options = append(options, kfake.WithLogger(logger{cfg.Logger}))
	}
	b := &Broker{}
	if cfg.Dir != "" {
		if b.lock, err = dirlock.Acquire(cfg.Dir); err != nil {
			return nil, err
		}
		options = append(options, kfake.DataDir(filepath.Join(cfg.Dir, "data")))
		if cfg.Durable {
			options = append(options, kfake.SyncWrites())
		}
	}
	if b.cluster, err = kfake.NewCluster(options...); err != nil {
		b.release()
		return nil, err
	}
	return b, nil
}

// Addr returns the broker's host and port.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Close ends the broker and all connections to it.
func (b *Broker) Close() {
	b.cluster.Close()
	b.release()
}

func (b *Broker) release() {
	if b.lock != nil {
		_ = b.lock.Release() // closes a file that nothing was left to write to
	}
}

// logger hands on the broker's warnings and errors.
type logger struct{ to *slog.Logger }

// Logf implements kfake.Logger.
func (l logger) Logf(level kfake.LogLevel, format string, args ...any) {
	severity := slog.LevelWarn
	switch level {
	case kfake.LogLevelError:
		severity = slog.LevelError
	case kfake.LogLevelWarn:
	case kfake.LogLevelNone, kfake.LogLevelInfo, kfake.LogLevelDebug:
		return
	}
	l.to.LogAttrs(context.Background(), severity, "embedded Kafka", slog.String("says", fmt.Sprintf(format, args...)))
}
