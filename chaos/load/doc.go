// Package load is the client of a chaos run: several clients upload and rename
// documents at the same time, each operation under an Idempotency-Key of its own,
// and repeat each until it is acknowledged, whatever happens to the server.
//
// A request that fails without an answer, or with one that says "later" (a status
// of 5xx, 408, 425, 429, or 409 for a conflict), is sent again with the same key and
// payload. Any other refusal ends the run: the client asked for nothing that may be
// refused.
package load
