// Package ratelimit counts callers' requests against an allowance, by the generic
// cell rate algorithm (GCRA): a caller may spend the whole allowance at once, and
// gets it back evenly over the window.
//
// Processes count together in Redis. A process asks at most once a request; for a
// caller who comes often it takes several requests of the allowance at a time, and
// one who has spent it all is refused without asking. Each process remembers what
// it knows of the callers that it saw last (a bounded number). When Redis is away
// or slow it goes on from there by itself, and when Redis comes back empty it tells
// it what it knows. So a limit is exact while Redis is there, but for the few
// requests that a process holds in advance, and per process while it is not.
package ratelimit
