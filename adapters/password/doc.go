// Package password hashes passwords with Argon2id (RFC 9106) into PHC strings.
//
// Invariants:
//
//   - At most Config.Concurrent hashes are computed at once, because each takes
//     Config.MemoryKiB of memory and a core; who comes later waits, or leaves
//     with the error of its context.
//   - A hash is verified with the parameters it was made with, as long as they
//     are within bounds; so parameters can be raised at any time.
//   - Verifying against no hash at all costs what verifying costs.
//   - Passwords are never cut: one of more than [MaxBytes] bytes is refused.
package password
