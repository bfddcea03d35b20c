// Package projections turns events into rows. A projection is a value with a
// name and a function; the function sees a batch of consecutive events of one
// ledger, says what follows from it ([Writes]), and does nothing else: no clock,
// no look-ups, no I/O. Rows and checkpoint move in one transaction.
//
// [Platform] and [Tenant] list every projection there is, in the order in which
// they are applied: what rows refer to comes first.
//
// Invariants:
//
//   - Each function folds its batch in memory, one change a row, and writes each
//     row at most once. The rows that result do not depend on how the events were
//     cut into batches.
//   - A batch is never applied twice: that is the checkpoint's task, which is why
//     new rows are inserted plainly and a row that is there already is an error.
//   - A row's version is that of its stream; its times are those of its events.
//   - Rows are written in the order of their ids, so that two transactions which
//     meet in a table wait for each other instead of locking each other out.
//   - Whose key is gone is erased: rows hold placeholders in place of names and
//     addresses.
package projections
