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
// A ledger that was found as this process had left it, and so seems to have no
// other writer, is appended to in a single round trip. Everything is decided on the
// head that is remembered and on the assumption that streams are at the versions
// that their first command expects; one statement, a transaction of its own, moves
// the heads that are still there, if their streams are so too, and inserts the rest
// for those ledgers alone:
//
//	1  UPDATE heads where seq, time and versions are as assumed ·
//	   INSERT events · INSERT outbox · INSERT commands
//
// All that an assumption could be wrong about came with an event, and every event
// moves the head; a command that came without one meets its id's primary key. The
// commands of the other ledgers, and all of them when the server refuses the
// statement, go the careful way, as if nothing had been tried. A ledger whose head
// had moved is not trusted again before it was found as it had been left.
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
// then be sent again safely; another one can't. The statement of a single round
// trip may reach the server after all, later: whoever asks for its outcome also moves
// the times of its heads on by a microsecond, so that it finds none where it expects
// it. Its commands then go the careful way.
//
// A writer that is frozen while it holds heads loses its transaction after
// [idleInTransaction]: the server ends its session.
//
// # Leadership
//
// See [Lead].
package postgres
