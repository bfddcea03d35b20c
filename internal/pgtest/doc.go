// Package pgtest gives tests databases on a real PostgreSQL server.
//
// The first test of a binary that asks starts a cluster of the binary's own,
// which lives on until [Main] stops it; every database is fresh and belongs to
// one test. The cluster goes down with the test binary, however that ends; a
// directory that a killed binary left is removed by the next one.
//
// Clusters lie in memory where there is room, see place.go.
//
// A package that uses pgtest has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
package pgtest
