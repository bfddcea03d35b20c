// Package notary signs what ledgers hold, and lets the world know.
//
// [Notary] looks every few seconds for ledgers that have grown, verifies that each
// begins with what was signed of it before and with what the object store has as its
// latest checkpoint, and signs its size and root. Of many processes one does so at a
// time. A checkpoint is stored together with a note that it is unpublished; from there
// it goes to the object store and to Kafka, at least once, and the note is taken away.
// So a process may be killed at any point: what it signed is published by the next.
//
// For a ledger that does not begin with what was signed and published, nothing is
// signed any more, and none of its checkpoints is laid over the latest one: that stays
// as evidence. It raises an alarm, a line of level ERROR, once a minute; so does a
// checkpoint in whose place the object store has something else. Others go on. While
// the object store is away nothing is signed, as there is nothing to compare with.
//
// [Guard] holds the ledgers against what was published: a database that was set back
// to an earlier time, or rewritten, is not served.
package notary
