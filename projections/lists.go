package projections

// Platform lists the projections of the main database.
func Platform() []Projection { return []Projection{Users(), Tenants(), Memberships()} }

// Tenant lists the projections of a tenant's own database.
func Tenant() []Projection {
	return []Projection{TenantRecord(), Members(), Files(), Documents(), Versions(), Trail()}
}

// PlatformTables names the tables of the main database that projections write,
// what rows refer to first.
func PlatformTables() []string { return []string{"users", "tenants", "user_tenant_associations"} }

// TenantTables names the tables of a tenant's own database that projections write,
// what rows refer to first.
func TenantTables() []string {
	return []string{"tenant", "members", "files", "documents", "document_versions", "file_versions", "trail"}
}
