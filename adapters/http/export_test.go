package httpapi

import "github.com/cartulary/cartulary/events"

// MaxBody is the largest JSON body, in bytes.
const MaxBody = maxBody

// Admits reports whether the policy of an operation, named by method and path,
// admits a role.
func Admits(operation string, role events.Role) bool { return rules()[operation].admits(role) }
