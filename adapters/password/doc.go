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
//   - A password is its characters, however they are composed: it is hashed in
//     Unicode's form NFC (RFC 8265 §4.2, NIST SP 800-63B-4 §3.1.1.2), and changed in
//     no other way.
package password
