package httpapi

import "github.com/cartulary/cartulary/events"

// policy says who may use a route.
type policy int

const (
	noPolicy    policy = iota
	anyone             // no token needed
	signedIn           // a token of a session that is good
	viewers            // members of the route's tenant, of any role
	contributor        // members with role user or admin
	auditors           // members with role auditor or admin
	admins             // members with role admin
)

// admits reports whether a member with the role may use the route.
func (p policy) admits(role events.Role) bool {
	switch role {
	case events.RoleAdmin:
		return true
	case events.RoleUser:
		return p == viewers || p == contributor
	case events.RoleAuditor:
		return p == viewers || p == auditors
	case events.RoleViewer:
		return p == viewers
	default:
		return false
	}
}

// tenantScoped reports whether the policy asks for a membership.
func (p policy) tenantScoped() bool {
	return p == viewers || p == contributor || p == auditors || p == admins
}

// rules lists every operation of the contract with its policy. What a member may
// do with one document is decided by the command, on the ledger.
func rules() map[string]policy {
	return map[string]policy{
		"POST /api/auth/register": anyone,
		"POST /api/auth/login":    anyone,
		"POST /api/auth/refresh":  anyone,
		"POST /api/auth/logout":   signedIn,

		"POST /api/auth/logout-everywhere":           signedIn,
		"PUT /api/users/me/password":                 signedIn,
		"GET /api/users/me/sessions":                 signedIn,
		"DELETE /api/users/me/sessions/{session_id}": signedIn,

		"GET /api/users/me":         signedIn,
		"PUT /api/users/me":         signedIn,
		"DELETE /api/users/me":      signedIn,
		"GET /api/users/me/tenants": signedIn,

		"GET /api/tenants":                signedIn,
		"POST /api/tenants":               signedIn,
		"GET /api/tenants/{tenant_id}":    viewers,
		"PUT /api/tenants/{tenant_id}":    admins,
		"DELETE /api/tenants/{tenant_id}": admins,

		"GET /api/tenants/{tenant_id}/users":              viewers,
		"POST /api/tenants/{tenant_id}/users":             admins,
		"GET /api/tenants/{tenant_id}/users/{user_id}":    viewers,
		"PUT /api/tenants/{tenant_id}/users/{user_id}":    admins,
		"DELETE /api/tenants/{tenant_id}/users/{user_id}": viewers, // members may leave; the command refuses more

		"GET /api/tenants/{tenant_id}/documents":                        viewers,
		"POST /api/tenants/{tenant_id}/documents":                       contributor,
		"GET /api/tenants/{tenant_id}/archive":                          viewers,
		"POST /api/tenants/{tenant_id}/uploads":                         contributor,
		"DELETE /api/tenants/{tenant_id}/uploads/{upload_id}":           contributor,
		"POST /api/tenants/{tenant_id}/uploads/{upload_id}/complete":    contributor,
		"OPTIONS /api/tenants/{tenant_id}/tus":                          contributor,
		"POST /api/tenants/{tenant_id}/tus":                             contributor,
		"GET /api/tenants/{tenant_id}/tus/{upload_id}":                  contributor,
		"PATCH /api/tenants/{tenant_id}/tus/{upload_id}":                contributor,
		"DELETE /api/tenants/{tenant_id}/tus/{upload_id}":               contributor,
		"GET /api/tenants/{tenant_id}/documents/{document_id}":          viewers,
		"PUT /api/tenants/{tenant_id}/documents/{document_id}":          contributor,
		"DELETE /api/tenants/{tenant_id}/documents/{document_id}":       contributor,
		"GET /api/tenants/{tenant_id}/documents/{document_id}/download": viewers,

		"PUT /api/tenants/{tenant_id}/hold":                            admins,
		"DELETE /api/tenants/{tenant_id}/hold":                         admins,
		"PUT /api/tenants/{tenant_id}/documents/{document_id}/hold":    admins,
		"DELETE /api/tenants/{tenant_id}/documents/{document_id}/hold": admins,

		"GET /api/tenants/{tenant_id}/files":              viewers,
		"GET /api/tenants/{tenant_id}/files/{file_id}":    viewers,
		"DELETE /api/tenants/{tenant_id}/files/{file_id}": admins,

		"POST /api/tenants/{tenant_id}/files/{file_id}/retry": contributor, // who may upload the bytes again may have them looked at again

		"GET /api/tenants/{tenant_id}/audit":                           auditors,
		"GET /api/tenants/{tenant_id}/documents/{document_id}/history": viewers,

		"GET /api/audit/key":                                           anyone,
		"GET /api/tenants/{tenant_id}/audit/checkpoint":                auditors,
		"GET /api/tenants/{tenant_id}/audit/inclusion":                 auditors,
		"GET /api/tenants/{tenant_id}/audit/consistency":               auditors,
		"GET /api/tenants/{tenant_id}/documents/{document_id}/receipt": viewers,

		"POST /api/demo/kafka/produce": signedIn,
		"GET /api/demo/kafka/consume":  signedIn,

		"GET /healthz":      anyone,
		"GET /readyz":       anyone,
		"GET /swagger.yaml": anyone,
		"GET /docs":         anyone,
		"GET /docs/{name}":  anyone,
	}
}
