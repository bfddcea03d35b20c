// Package refusals records, in tenants' trails, who was kept from what.
//
// Being refused must stay cheap for the platform, and tell the caller nothing. So
// a refusal is only noted while its request is answered, and recorded later, by
// one goroutine ([Recorder.Run]).
//
// Invariants:
//
//   - [Recorder.Refused] never blocks and asks nobody, whether or not the tenant
//     exists.
//   - Equal refusals (same user, tenant, route, status and reason) are recorded at
//     most once a window; the next event of theirs says how many it stands for.
//   - Memory is bounded. What does not fit is not recorded in the trail, and the
//     log says how many those were.
//   - A refusal whose tenant does not exist, or was closed, is not recorded: there
//     is no ledger that it belongs in.
//   - When Run ends, what was noted is recorded first, within a bounded time.
package refusals
