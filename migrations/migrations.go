// Package migrations holds the schema of the main database (platform) and of
// every tenant's own database (tenant), as goose migrations.
package migrations

import "embed"

// Platform holds platform/*.sql: ledgers, identity and the platform's read models.
//
//go:embed platform/*.sql
var Platform embed.FS

// Tenant holds tenant/*.sql: the read models of one tenant.
//
//go:embed tenant/*.sql
var Tenant embed.FS
