// Package worker does what takes longer than a request: it makes tenants'
// databases and brings received files to their final place.
//
// A worker reads events from Kafka, at least once each, acts, and issues a
// command that records what it did. Every step looks at the ledger first and may
// be cut off at any point: done again, it goes on where it stopped and changes
// nothing that was done. A step that fails for a reason outside (a server is
// away) is put off by [Patient], in the main database, and tried again for as long as it
// takes, while others go on; what can never succeed is recorded in the trail as failed.
//
// Staging objects are not removed by the step that copies them, because a
// download link to one may just have been handed out: the [Janitor] removes them
// when every such link has expired, counted from when the file left them, however old
// they are, and not while a read model still hands out links to them. What a request may
// be bringing it leaves alone for longer than any takes. Neither it nor the [Purger] stops
// at a tenant that fails: it goes on with the others, and its log tells how many failed, and
// which. What else is orphaned, wherever it lies, is swept by package fsck.
package worker
