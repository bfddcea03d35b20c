// Package postgres keeps the platform's ledgers, and what must never stand in
// one (credentials, keys, sessions, secrets), in PostgreSQL.
//
// # The ledger
//
// [Ledger] is the port command.Ledger with group commit. Appends wait in a
// bounded queue; a few writers drain it, without a timer, and put whatever waits
// into one transaction of two round trips:
//
//	1  BEGIN · lock the heads of the ledgers concerned, in order of their ids ·
//	   read the commands already known · read the versions of the streams
//	2  INSERT events · UPDATE heads · INSERT commands · INSERT outbox · COMMIT
//
// Between the two everything is decided in memory, under the locks. Statements
// run at READ COMMITTED, so those after the lock see whatever the lock's last
// holder committed.
//
// Invariants:
//
//   - A ledger's sequence is 1, 2, 3 … without gaps, and so is every stream's
//     version. Whoever sees event n sees all before it.
//   - Events, head, Merkle range, outbox row and the command's outcome are
//     committed together or not at all.
//   - A ledger's times never go back, whatever the clocks of its writers do.
//   - A conflict, a reused key or an event that can't be encoded fails its own
//     command; the rest of its transaction goes on.
//   - A reply is sent after the commit that it speaks of.
//
// When a transaction fails, all of its commands fail with its error, and none
// has left a trace. When the connection is lost while the server may have been
// committing, the outcome is asked for over a new connection; if that is not to
// be had either, the commands fail with command.ErrUncertain. A keyed command can
// then be sent again safely; another one can't.
//
// A writer that is frozen while it holds heads loses its transaction after
// [idleInTransaction]: the server ends its session.
//
// # Leadership
//
// See [Lead].
package postgres
