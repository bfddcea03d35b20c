package projections

// Platform lists the projections of the main database.
func Platform() []Projection { return []Projection{Users(), Tenants(), Memberships()} }

// Tenant lists the projections of a tenant's own database.
func Tenant() []Projection {
	return []Projection{TenantRecord(), Members(), Files(), Documents(), Trail()}
}
