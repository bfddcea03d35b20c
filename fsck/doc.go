// Package fsck compares the ledgers, the read models and the object store with each
// other, in every direction, while all of them are in use.
//
// The ledger decides: a file that lives on it must have its row, and an object that
// holds its bytes; a row or an object that nothing on the ledger accounts for should
// not be there. Two passes over each tenant find out, page by page, so that memory
// does not grow with the tenant: the streams of the ledger beside the rows, both in
// the order of their ids, and the object store's list of the tenant's keys.
//
// What is read at different moments differs while work goes on. So a difference only
// gives cause to look again, at that one thing: at the ledger, at the row once read
// models have come as far as the ledger, at the object, and at the ledger once more.
// Unless the thing stood still meanwhile it is looked at anew; what still differs then
// is found. An object without a file, and an upload that does not end, count only when
// they are older than a grace period, since they may be on their way; and an object
// is as old as what made it useless, so that running downloads keep it.
//
// Repairing removes what nobody can need any more and finishes what was begun. It
// writes to objects and, to say so, to the trail; never to read models. It never
// removes an object that a living file stands on or may yet come to stand on, nor
// anything of tenants that the ledger does not know: who compares the wrong database
// with a bucket must not lose the bucket.
package fsck
