//go:build treeless

package postgres

const treeless = true
