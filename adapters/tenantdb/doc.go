// Package tenantdb holds the tenants' own databases: it makes and migrates them
// ([Provisioner]), keeps connections to them ([Pools]), brings events into their
// read models and those of the main database ([Projector]), and tells callers how
// far these are ([Awaiter]).
//
// # Projecting
//
// A target is what one database holds of one ledger. The main database is a target
// of every ledger; a tenant's own database is one of the tenant's ledger. Events
// reach a target in transactions that lock its checkpoints, apply what comes next
// and move the checkpoints. So:
//
//   - An event at or before the checkpoint is skipped: redelivery, a kill between
//     commit and acknowledgement, and two projectors on one ledger change nothing.
//   - An event further than one after the checkpoint shows a gap. What is missing
//     is read from the ledger first, outside of any transaction.
//   - Where a projector left checkpoints it takes them to be the next time. It then
//     needs one round trip, whose first statement fails, and with it all of it, if
//     they were elsewhere; that is found out with the checkpoints locked.
//   - Nothing but that database is asked for anything while a transaction lasts, so
//     that transactions can't wait for each other's connections.
//
// # Events that mean nothing to the main database
//
// Most events of a tenant, those of documents and files, mean nothing to the main
// database. It is not asked about them: that a run of events means nothing to it is
// a fact about the ledger, which is remembered as an interval in memory, and
// bridges the checkpoint when the next event comes that does mean something. Every
// 50 ms the checkpoints move over such intervals in one statement, where they
// reach up to them. Where one does not, something got lost on the way, and is
// read from the ledger. What a kill loses of this is read from the ledger as well.
//
// # Parking
//
// A target that can't take events is parked: it gets none from Kafka any more,
// Kafka's batches count as done, and a loop beside ([Projector.Run]) brings it up
// from the ledger, with pauses of up to 5 s between attempts.
//
//	        fails, or takes too long
//	live ──────────────────────────────▶ parked ◀──┐ fails again: pause
//	 ▲                                    │  └─────┘
//	 └────────────────────────────────────┘
//	   nothing left in the ledger, and nothing held back meanwhile
//
// A tenant's database is parked whatever the reason: it is not provisioned yet
// (which is no alarm, and ends with the tenant's "provisioned" event), it can't be
// reached, it is locked, it is slow. One tenant therefore delays a batch of others
// by the projector's patience, once. The main database is parked for one ledger at
// a time, for poison and for rows of another ledger that have not come yet; when it
// can't be reached, [Projector.Apply] fails instead, and Kafka holds the batch.
//
// Poison is an event that can't be decoded, or that the database refuses for what
// it says. The events before it are applied, it is searched for by applying ever
// fewer, an alarm is logged once it is found, and it is tried again for as long as
// it takes: a fix redrives it. It is never skipped. [Projector.Parked] tells what
// is parked.
//
// What is parked is known to one process only. Another one that comes after it
// finds it by comparing checkpoints to the heads of ledgers, at start and every
// minute: what is behind, and does not move although Kafka had time to bring it,
// is brought up from the ledger.
//
// # Rebuilding
//
// A [Rebuild] fills tables in a schema of their own, in the same database, with the
// same projections, from the beginning of the ledgers. Then it compares them with
// the live tables, both as of one event of each ledger, and swaps them, with their
// checkpoints, in one transaction. So:
//
//   - The live tables are in use all the while. A swap waits for locks 300 ms at
//     most, and tries again.
//   - What is swapped is never behind what was there. What differs is not swapped,
//     unless that is asked for.
//   - A rebuild that is cut off leaves the live tables as they are, and a schema
//     that the next one drops. Of two at once the second fails with [ErrRebuilding].
//   - It writes nothing else: it makes no database, and publishes nothing.
package tenantdb
