// Package redis carries hints between processes over Redis pub/sub.
//
// A hint is delivered at most once, and nothing but latency depends on it: while
// Redis is away, or slower than hints come, hints are dropped, and the publisher
// never waits. The bus finds Redis again by itself.
package redis
