package httpapi

import (
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// MaxBody is the largest JSON body, in bytes.
const MaxBody = maxBody

// Admits reports whether the policy of an operation, named by method and path,
// admits a role.
func Admits(operation string, role events.Role) bool { return rules()[operation].admits(role) }

// ExpiredUpload returns the path of an upload that can't be resumed any more.
func ExpiredUpload(a *API, tenant, user uuid.UUID) (string, error) {
	t := tusTicket{Upload: uuid.New(), Tenant: tenant, User: user, Size: 9, Expires: time.Now().Unix() - 1}
	id, err := a.sealTus(t)
	return (&tusUpload{ticket: t, id: id}).path(), err
}

// MaxChunks is the most chunks that a file may come in.
const MaxChunks = maxChunks
