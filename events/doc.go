// Package events is the language of the trail: every fact the platform can
// record, its name, its schema version and its bytes.
//
// Invariants:
//
//   - An event's name ([Type]) and schema version are published for good. What
//     a published version means never changes; a new meaning gets a new version
//     and an upcaster.
//   - The bytes of an event are canonical (RFC 8785): the same fact always has
//     the same bytes, and those bytes are what the ledger stores and hashes and
//     what Kafka carries.
//   - Names, addresses and other personal data stand in events only [Sealed],
//     under a key of the person they speak of.
//   - An unknown name or a newer schema version is an error, never a shrug.
//
// The package imports nothing else of the platform.
package events
