// Package proof makes and checks what proves a ledger's trail: signed checkpoints,
// proofs of inclusion and of consistency, receipts of documents, bundles of whole
// ledgers.
//
// A ledger is a Merkle tree as in RFC 6962 whose leaf n-1 is the canonical bytes of
// event n. A checkpoint is a signed note (C2SP signed-note and tlog-checkpoint,
// Ed25519) that names a ledger, how many events it holds, and the tree's root.
// Hashes of inner nodes are kept in tiles (C2SP tlog-tiles: 256 hashes of 8 levels),
// so that a proof reads a few tiles and never the events.
//
// Nothing read here is believed: tiles are checked against the root of the tree
// that they are read for, notes against a key, events against both.
package proof
