package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	inFlightBeat  = 3 * time.Second // between signs of life
	inFlightPause = time.Second     // after a connection failed
)

// run holds the locks of this process, on a connection that it opens when it is
// first asked.
func (f *InFlight) run(ctx context.Context) {
	defer close(f.done)
	s := &inFlightSession{f: f}
	defer s.close()
	beat := time.NewTicker(inFlightBeat)
	defer beat.Stop()
	for {
		var asks []ask
		select {
		case <-ctx.Done():
			return
		case first := <-f.asks:
			asks = f.gather(first)
		case <-f.wake:
		case <-beat.C:
			if s.conn == nil {
				continue
			}
		}
		s.serve(ctx, asks)
	}
}

// gather returns an ask and those that came with it.
func (f *InFlight) gather(first ask) []ask {
	asks := []ask{first}
	for len(asks) < inFlightBatch {
		select {
		case next := <-f.asks:
			asks = append(asks, next)
		default:
			return asks
		}
	}
	return asks
}

// inFlightSession is the connection that holds the locks of a process, or none.
type inFlightSession struct {
	f      *InFlight
	conn   *pgx.Conn
	failed time.Time // when a connection last failed
}

// serve gives back what is to be given back, then answers asks: with yes, if the
// database can't be asked.
func (s *inFlightSession) serve(ctx context.Context, asks []ask) {
	s.f.mu.Lock()
	released := s.f.released
	s.f.released = nil
	s.f.mu.Unlock()
	fresh := s.conn == nil
	free, err := s.exchange(ctx, released, asks)
	if err != nil {
		s.close()
		if !fresh { // it may have been idle for too long, which is no failure
			free, err = s.exchange(ctx, nil, asks)
		}
	}
	if err != nil {
		s.close()
		s.failed = time.Now()
	}
	for i, a := range asks {
		a.reply <- i >= len(free) || free[i]
	}
}

// exchange makes one round trip.
func (s *inFlightSession) exchange(ctx context.Context, released []int64, asks []ask) ([]bool, error) {
	if s.conn == nil {
		if len(asks) == 0 || time.Since(s.failed) < inFlightPause {
			return nil, nil
		}
		if err := s.connect(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	wanted := make([]int64, len(asks))
	for i, a := range asks {
		wanted[i] = a.lock
	}
	var batch pgx.Batch
	batch.Queue(`select count(pg_advisory_unlock(l)) from unnest($1::bigint[]) as l`, released)
	batch.Queue(`select pg_try_advisory_lock(l) from unnest($1::bigint[]) as l`, wanted)
	results := s.conn.SendBatch(ctx, &batch)
	if _, err := results.Exec(); err != nil {
		_ = results.Close()
		return nil, fmt.Errorf("give locks back: %w", err)
	}
	rows, _ := results.Query() // its error comes with the rows
	free, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	if closing := results.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, fmt.Errorf("take locks: %w", err)
	}
	return free, nil
}

// connect opens the connection. The server ends it when it hears nothing for ten
// seconds, so that no lock outlives whoever took it.
func (s *inFlightSession) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	config := s.f.pool.Config().ConnConfig.Copy()
	config.RuntimeParams["application_name"] = "cartulary requests under way"
	config.RuntimeParams["idle_session_timeout"] = "10s"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to hold locks: %w", err)
	}
	s.conn = conn
	return nil
}

// close ends the connection, if there is one, and with it all its locks.
func (s *inFlightSession) close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx)
	s.conn = nil
}
