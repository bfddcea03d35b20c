package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	idleTimeout = 2 * time.Minute
	maxHeader   = 32 << 10

	// writeSlack is what an answer may take beyond its request's time.
	writeSlack = 10 * time.Second
)

// Serve answers requests on a listener until ctx ends, over Config.MaxConnections
// at most; more wait to be taken. Then it says that it is
// not ready, waits for Config.ShutdownDelay, takes no more connections, and lets
// requests under way finish, for at most Config.ShutdownGrace; those that have
// not are cut off.
func (a *API) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           a.handler,
		ReadHeaderTimeout: a.cfg.HeaderTimeout,
		ReadTimeout:       a.cfg.RequestTimeout,
		WriteTimeout:      a.cfg.RequestTimeout + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(netutil.LimitListener(listener, a.cfg.MaxConnections)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("http: serve: %w", err)
	case <-ctx.Done():
	}
	a.stopping.Store(true)
	ctx = context.WithoutCancel(ctx)
	if a.cfg.ShutdownDelay > 0 {
		timer := time.NewTimer(a.cfg.ShutdownDelay)
		defer timer.Stop()
		select {
		case err := <-failed:
			return fmt.Errorf("http: serve: %w", err)
		case <-timer.C:
		}
	}
	grace, cancel := context.WithTimeout(ctx, a.cfg.ShutdownGrace)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("http: requests cut off: %w", err), server.Close())
	}
	if served := <-failed; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
