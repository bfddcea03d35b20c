//go:build !treeless

package postgres

// treeless says that ledgers are kept without their Merkle trees. No such build serves
// anybody: the benchmarks make one, to tell what the trees cost.
const treeless = false
