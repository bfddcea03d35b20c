package tenantdb

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes that are treated one by one.
const (
	codeDivisionByZero  = "22012"
	codeNoSuchDatabase  = "3D000"
	codeDatabaseExists  = "42P04"
	codeUniqueViolation = "23505"
	codeForeignKey      = "23503"
	codeSerialization   = "40001"
	codeDeadlock        = "40P01"
	codeLockTimeout     = "55P03"
	codeNoSuchTable     = "42P01"
)

// isCode reports whether err comes from PostgreSQL with a SQLSTATE code.
func isCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}

// TableLost reports whether err says that a table is not there, as when the ledger's
// were lost.
func TableLost(err error) bool { return isCode(err, codeNoSuchTable) }

// isClash reports whether a transaction lost against another one, and may be tried
// again at once.
func isClash(err error) bool { return isCode(err, codeSerialization) || isCode(err, codeDeadlock) }

// Reason says why a ledger is parked for a database.
type Reason string

// Reasons to park.
const (
	ReasonNotProvisioned Reason = "not provisioned" // the tenant's database is not there yet
	ReasonWaiting        Reason = "waiting"         // for a row that follows from another ledger
	ReasonUnavailable    Reason = "unavailable"     // the database, or the ledger, can't be used
	ReasonBehind         Reason = "behind"          // events did not come, and are read from the ledger
	ReasonPoison         Reason = "poison"          // an event can't be applied; somebody has to look
)

// longestPause is how long to wait at most before a retry.
const longestPause = 5 * time.Second

// firstPause returns how long to wait before the first retry.
func (r Reason) firstPause() time.Duration {
	switch r {
	case ReasonBehind:
		return 0
	case ReasonWaiting:
		return 5 * time.Millisecond
	case ReasonNotProvisioned:
		return 20 * time.Millisecond
	case ReasonUnavailable, ReasonPoison:
		return 50 * time.Millisecond
	}
	return longestPause
}

// poisonError says that an event can't be decoded.
type poisonError struct {
	seq int64
	err error
}

func (e *poisonError) Error() string { return fmt.Sprintf("event %d: %v", e.seq, e.err) }
func (e *poisonError) Unwrap() error { return e.err }

// applyError says that events could not be applied, though the connection held.
type applyError struct {
	from, to int64
	err      error
}

func (e *applyError) Error() string {
	if e.from == e.to {
		return fmt.Sprintf("event %d: %v", e.from, e.err)
	}
	return fmt.Sprintf("events %d to %d: %v", e.from, e.to, e.err)
}
func (e *applyError) Unwrap() error { return e.err }

// ledgerError says that the ledger, or the keys of persons, could not be read.
type ledgerError struct{ err error }

func (e *ledgerError) Error() string { return e.err.Error() }
func (e *ledgerError) Unwrap() error { return e.err }

// failure is what kept a target from moving on.
type failure struct {
	reason Reason
	err    error
	seq    int64 // of the event that is poison; 0 if it is not known, or none is
}

// diagnose tells what an error means for its target.
func diagnose(err error) failure {
	var (
		ledger *ledgerError
		poison *poisonError
		apply  *applyError
		pg     *pgconn.PgError
	)
	switch {
	case errors.Is(err, ErrNotProvisioned):
		return failure{reason: ReasonNotProvisioned, err: err}
	case errors.As(err, &ledger):
		return failure{reason: ReasonUnavailable, err: err}
	case errors.As(err, &poison):
		return failure{reason: ReasonPoison, err: err, seq: poison.seq}
	case isCode(err, codeForeignKey):
		return failure{reason: ReasonWaiting, err: err}
	case !errors.As(err, &apply), errors.As(err, &pg) && !refusesData(pg):
		return failure{reason: ReasonUnavailable, err: err}
	}
	f := failure{reason: ReasonPoison, err: err}
	if apply.from == apply.to {
		f.seq = apply.from
	}
	return f
}

// refusesData reports whether PostgreSQL refused values (classes 22 and 23 of
// SQLSTATE), which it will do again.
func refusesData(pg *pgconn.PgError) bool {
	return len(pg.Code) == 5 && (pg.Code[:2] == "22" || pg.Code[:2] == "23")
}
