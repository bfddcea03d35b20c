// Package httpapi serves the platform over HTTP, as swagger.yaml describes it.
//
// The contract is the source: routes and types are generated from it, requests
// are checked against it, and [New] refuses to start when an operation of the
// contract has no policy (see rules) or a policy no operation.
//
// A request passes, in this order: request id, trace context, security headers and
// access log (observe); then, in guard, the access token and its session; path, query
// and header parameters; the membership and role that the route asks for; the
// body. Only then its handler runs.
//
// Invariants:
//
//   - Every answer but a redirect, the contract and 204 is JSON in the envelope
//     of requirements §4.1, errors included. What failed inside is logged once, with the
//     request's id, and told to the client as INTERNAL_ERROR or UNAVAILABLE.
//   - A tenant that the caller is no member of is answered like one that does not
//     exist.
//   - A command is answered 200, 201 or 204 only when the read models that its
//     caller will look at hold it; else 202.
//   - Upload bodies are never held in memory or on disk here. When an upload is
//     refused, the bytes that were staged are removed; when it is unknown whether
//     it was recorded, they stay for the worker's sweep to decide.
//   - Logs hold no tokens, addresses, query strings or links.
package httpapi
