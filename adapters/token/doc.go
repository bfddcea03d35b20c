// Package token makes and verifies JSON Web Tokens (RFC 7519) of two types,
// access and refresh, signed with HMAC-SHA-256.
//
// Invariants:
//
//   - The algorithm is pinned: a header that names another one, and one that
//     brings a key of its own (kid, jku, jwk, x5u, x5c, x5t) or critical
//     extensions, is refused, whatever its signature.
//   - What was signed with an earlier secret stays good as long as that secret is
//     configured, and nothing new is signed with it.
//   - Every claim is required: iss, aud, sub, sid, jti, typ, iat, nbf, exp. A token of
//     one type is never taken for the other.
//   - Base64 is decoded strictly, so that a token has one spelling.
//   - A token longer than [MaxLength] is refused unread.
//
// Nothing here knows whether a session is still good; see package identity.
package token
