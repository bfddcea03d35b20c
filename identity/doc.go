// Package identity is accounts and sessions: what must never stand in the trail
// (password hashes, refresh tokens) beside what must (that somebody registered,
// signed in, signed out).
//
// Invariants:
//
//   - A password is known only as the hash that [Credentials] hold. It is saved
//     before the account is recorded, so that no account is ever without one; a
//     hash whose account was never recorded opens nothing.
//   - A session is a family of refresh tokens of which only the newest is good.
//     Spending one twice ends the session.
//   - A session ends for good in [Sessions]. What a process remembers of it is
//     never older than [activeTTL], so that a token of an ended session is
//     refused within that time by every process, and at once by the one that
//     ended it.
//   - Signing in costs the same whether or not the account exists.
//
// When the session store can't be reached, nobody is let in.
package identity
