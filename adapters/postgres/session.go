package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// idleInTransaction is how long a writer may hold heads without saying a word.
const idleInTransaction = 5 * time.Second

// sessionSettings make every lookup of a writer an index lookup with a plan made
// once, however small or unanalysed the tables were when it was made.
const sessionSettings = `
set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off;
set plan_cache_mode = force_generic_plan; set jit = off;
set idle_in_transaction_session_timeout = '%dms'`

// session is a writer's own connection with its statements prepared.
type session struct {
	conn     *pgx.Conn
	prepared [statementCount]*pgconn.StatementDescription
}

// request is one statement of a round trip. Parameters and rows are binary.
type request struct {
	statement statement
	params    [][]byte
	row       func(columns [][]byte) error // columns are valid during the call only
}

// openSession takes a connection out of the pool, for good.
func openSession(ctx context.Context, pool *pgxpool.Pool) (_ *session, err error) {
	pooled, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := &session{conn: pooled.Hijack()}
	defer func() {
		if err != nil {
			s.close(ctx)
		}
	}()
	settings := fmt.Sprintf(sessionSettings, idleInTransaction.Milliseconds())
	if _, err := s.conn.PgConn().Exec(ctx, settings).ReadAll(); err != nil {
		return nil, fmt.Errorf("set up connection: %w", err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return s, nil
}

// prepare prepares all statements in one round trip.
func (s *session) prepare(ctx context.Context) (err error) {
	pipeline := s.conn.PgConn().StartPipeline(ctx)
	defer func() { err = errors.Join(err, pipeline.Close()) }()
	for i, sql := range statements {
		pipeline.SendPrepare(statementName(i), sql, nil)
	}
	if err := pipeline.Sync(); err != nil {
		return err
	}
	for i := range statements {
		results, err := pipeline.GetResults()
		if err != nil {
			return err
		}
		prepared, ok := results.(*pgconn.StatementDescription)
		if !ok {
			return fmt.Errorf("unexpected answer %T", results)
		}
		prepared.Name = statementName(i) // the server does not repeat it
		s.prepared[i] = prepared
	}
	return nil
}

func statementName(i int) string { return "ledger_" + strconv.Itoa(i) }

// closeTimeout bounds how long a farewell to the server may take.
const closeTimeout = time.Second

// close ends the session, also when ctx has ended.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // nothing is lost: what was not committed is rolled back
}

func (s *session) broken() bool { return s.conn.IsClosed() }

// roundTrip sends all requests at once and reads their answers. After an error
// of the server the remaining requests have not been run.
func (s *session) roundTrip(ctx context.Context, requests []request) (err error) {
	binary := []int16{pgx.BinaryFormatCode}
	pipeline := s.conn.PgConn().StartPipeline(ctx)
	defer func() { err = errors.Join(err, pipeline.Close()) }()
	for _, r := range requests {
		pipeline.SendQueryStatement(s.prepared[r.statement], r.params, binary, binary)
	}
	if err := pipeline.Sync(); err != nil {
		return err
	}
	for _, r := range requests {
		if err := answer(pipeline, r); err != nil {
			return err
		}
	}
	return nil
}

func answer(pipeline *pgconn.Pipeline, r request) error {
	results, err := pipeline.GetResults()
	if err != nil {
		return err
	}
	reader, ok := results.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("unexpected answer %T", results)
	}
	var rowErr error
	for reader.NextRow() {
		if rowErr == nil && r.row != nil {
			rowErr = r.row(reader.Values())
		}
	}
	tag, err := reader.Close()
	switch {
	case err != nil:
		return err
	case r.statement == stmtCommit && tag.String() != "COMMIT":
		return errRolledBack
	}
	return rowErr
}

// errRolledBack says that the server answered COMMIT with a rollback.
var errRolledBack = errors.New("the transaction was rolled back")
