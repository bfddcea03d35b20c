package httpapi

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// ListMembers answers a page of a tenant's members.
func (a *API) ListMembers(c *gin.Context, tenantID TenantID, params ListMembersParams) {
	if err := a.catchUp(c, params.ConsistencyToken, uuid.Nil); err != nil {
		a.fail(c, err)
		return
	}
	members, err := query.MembersOfTenant(c.Request.Context(), a.cfg.Databases.Platform(), tenantID,
		pageOf(params.Limit, params.Cursor, params.Total))
	if err != nil {
		a.fail(c, err)
		return
	}
	show := memberFor(c)
	answer(a, c, http.StatusOK, MemberPage{
		Items: each(members.Items, show), NextCursor: nextCursor(members.Next), Total: members.Total,
	}, "Members listed")
}

// GetMember answers a member.
func (a *API) GetMember(c *gin.Context, tenantID TenantID, userID UserID, params GetMemberParams) {
	if err := a.catchUp(c, params.ConsistencyToken, uuid.Nil); err != nil {
		a.fail(c, err)
		return
	}
	member, err := query.MemberOfTenant(c.Request.Context(), a.cfg.Databases.Platform(), tenantID, userID)
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK, memberFor(c)(member), "Member found")
}

// AddMember lets a user into a tenant.
func (a *API) AddMember(c *gin.Context, tenantID TenantID, params AddMemberParams) {
	request, err := decode[AddMemberRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	user, err := a.named(c, request)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenantID, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.AddMember(c.Request.Context(), m, command.AddMember{
		TenantID: tenantID, UserID: user, Role: events.Role(request.Role), Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, a.cfg.PlatformDatabase)
	a.MembershipChanged(user, tenantID)
	c.Writer.Header().Set("Location", "/api/tenants/"+tenantID.String()+"/users/"+user.String())
	answer(a, c, settledAs(settled, http.StatusCreated), memberOf(result.Value), "Member added")
}

// named returns the user whom a request names, by id or by address.
func (a *API) named(c *gin.Context, request AddMemberRequest) (uuid.UUID, error) {
	switch {
	case request.UserID != nil && request.Email != nil:
		return uuid.Nil, invalidField("email", "must not be sent together with user_id")
	case request.UserID != nil:
		return *request.UserID, nil
	case request.Email == nil:
		return uuid.Nil, invalidField("user_id", "is required, or else email")
	}
	email, ok := command.NormalizeEmail(*request.Email)
	if !ok {
		return uuid.Nil, invalidField("email", "must be an e-mail address such as name@example.org")
	}
	user, err := query.UserByEmail(c.Request.Context(), a.cfg.Databases.Platform(), email)
	if errors.Is(err, query.ErrNotFound) {
		return uuid.Nil, command.ErrNoUser
	}
	return user.ID, err
}

// ChangeRole gives a member another role.
func (a *API) ChangeRole(c *gin.Context, tenantID TenantID, userID UserID, params ChangeRoleParams) {
	request, err := decode[ChangeRoleRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenantID, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.ChangeRole(c.Request.Context(), m, command.ChangeRole{
		TenantID: tenantID, UserID: userID, Role: events.Role(request.Role), Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, a.cfg.PlatformDatabase)
	a.MembershipChanged(userID, tenantID)
	answer(a, c, settledAs(settled, http.StatusOK), memberOf(result.Value), "Role changed")
}

// RemoveMember shows a member out, or lets one leave.
func (a *API) RemoveMember(c *gin.Context, tenantID TenantID, userID UserID, params RemoveMemberParams) {
	m, err := meta(c, tenantID, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.App.RemoveMember(c.Request.Context(), m, command.RemoveMember{
		TenantID: tenantID, UserID: userID, Actor: m.Actor,
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.removed(c, params.Prefer, receipt, "Member removed", a.cfg.PlatformDatabase)
	a.MembershipChanged(userID, tenantID)
}

// memberOf describes a member as a command left it.
func memberOf(m command.MemberDetails) Member {
	return Member{UserID: m.UserID, Role: Role(m.Role), JoinedAt: &m.JoinedAt}
}

// memberFor returns how members look to the caller: addresses are for admins, and
// for those whose they are.
func memberFor(c *gin.Context) func(query.Member) Member {
	call := callOf(c)
	return func(m query.Member) Member {
		shown := Member{
			UserID: m.UserID, Role: Role(m.Role), JoinedAt: &m.JoinedAt, FirstName: &m.FirstName, LastName: &m.LastName,
		}
		if call.access.Role == string(events.RoleAdmin) || call.claims.UserID == m.UserID {
			shown.Email = &m.Email
		}
		return shown
	}
}
