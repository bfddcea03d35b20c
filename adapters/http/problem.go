package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/query"
)

// problem is an error as a client is told it.
type problem struct {
	status     int
	code       ErrorCode
	message    string
	details    ErrorDetails
	retryAfter int // seconds; 0 for none
	cause      error
}

func (p *problem) Error() string {
	if p.cause == nil {
		return p.message
	}
	return fmt.Sprintf("%s: %v", p.message, p.cause)
}

func (p *problem) Unwrap() error { return p.cause }

// wrongPassword says that a password which confirms what a signed-in caller asks for
// is wrong, and in which field of the request.
func wrongPassword(field string, cause error) *problem {
	const message = "The password is wrong."
	fields := []FieldError{{Field: field, Message: message}}
	return &problem{
		status: http.StatusUnauthorized, code: CodeInvalidCredentials, message: message,
		details: ErrorDetails{Fields: &fields}, cause: cause,
	}
}

// problemOf is the one place where errors become answers.
func (a *API) problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*command.InvalidError](err); ok {
		return invalidCommand(e)
	}
	if e, ok := errors.AsType[*identity.ThrottledError](err); ok {
		return errTooManyAttempts(e)
	}
	if e, ok := errors.AsType[*command.HeldError](err); ok {
		return held(e)
	}
	if e, ok := errors.AsType[*erasure.SoleAdminError](err); ok {
		return soleAdmin(e)
	}
	if e, ok := errors.AsType[*command.ReferencedError](err); ok {
		return errReferenced(e)
	}
	for _, known := range []struct {
		target  error
		status  int
		code    ErrorCode
		message string
	}{
		{command.ErrNotFound, http.StatusNotFound, CodeNotFound, "There is no such resource."},
		{identity.ErrNotFound, http.StatusNotFound, CodeNotFound, "There is no such resource."},
		{query.ErrNotFound, http.StatusNotFound, CodeNotFound, "There is no such resource."},
		{command.ErrForbidden, http.StatusForbidden, CodeForbidden, "Your role does not allow this."},
		{command.ErrEmailTaken, http.StatusConflict, CodeEmailTaken, "This e-mail address is taken."},
		{command.ErrConflict, http.StatusConflict, CodeConflict, "Others changed this at the same time. Try again."},
		{
			command.ErrPrecondition, http.StatusPreconditionFailed, CodePreconditionFailed,
			"It is not at a version that If-Match names. Read it again, and decide anew.",
		},
		{command.ErrLastAdmin, http.StatusConflict, CodeLastAdmin, "A tenant needs at least one admin. Make somebody else admin first."},
		{command.ErrFileBusy, http.StatusConflict, CodeConflict, "The file is still being processed. Try again in a moment."},
		{command.ErrNotFailed, http.StatusConflict, CodeFileNotFailed, "The file has not failed: there is nothing to try again."},
		{command.ErrMember, http.StatusConflict, CodeAlreadyMember, "The user is a member already."},
		{command.ErrNoUser, http.StatusNotFound, CodeUserNotFound, "There is no such user. Who joins has to register first."},
		{
			command.ErrCommandReused, http.StatusUnprocessableEntity, CodeIdempotencyKeyReused,
			"This Idempotency-Key was used before with another payload.",
		},
		{identity.ErrCredentials, http.StatusUnauthorized, CodeInvalidCredentials, "The e-mail address or the password is wrong."},
		{identity.ErrTokenExpired, http.StatusUnauthorized, CodeTokenExpired, "The token has expired."},
		{identity.ErrTokenInvalid, http.StatusUnauthorized, CodeUnauthorized, "The token is not valid."},
		{identity.ErrTokenReused, http.StatusUnauthorized, CodeUnauthorized, "The token is not valid."},
		{identity.ErrSessionEnded, http.StatusUnauthorized, CodeUnauthorized, "The session has ended."},
		{query.ErrBadCursor, http.StatusBadRequest, CodeInvalidCursor, "The cursor is not one that a page ended with."},
	} {
		if errors.Is(err, known.target) {
			return &problem{status: known.status, code: known.code, message: known.message}
		}
	}
	switch {
	case a.cfg.NotProvisioned != nil && errors.Is(err, a.cfg.NotProvisioned):
		return &problem{
			status: http.StatusServiceUnavailable, code: CodeTenantNotReady, retryAfter: 1,
			message: "The tenant's database is not there yet. Try again in a moment.",
		}
	case a.unavailable(err):
		return &problem{
			status: http.StatusServiceUnavailable, code: CodeUnavailable, retryAfter: 1,
			message: "The service can't do this right now. Try again in a moment.",
		}
	default:
		return &problem{status: http.StatusInternalServerError, code: CodeInternal, message: "Something went wrong."}
	}
}

// httpAnswer is an error of a service behind this one that answers over HTTP: the
// store of objects.
type httpAnswer interface {
	error
	HTTPStatusCode() int
}

// unavailable reports whether err says that something the platform needs is away
// or too slow, so that the same request may succeed later.
func (a *API) unavailable(err error) bool {
	if slices.ContainsFunc(a.cfg.Unavailable, func(known error) bool { return errors.Is(err, known) }) {
		return true
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch e.Code[:min(2, len(e.Code))] {
		case "08", "40", "53", "55", "57": // connection, rollback, resources, not in state (locks), operator intervention
			return true
		default:
			return false
		}
	}
	if e, ok := errors.AsType[httpAnswer](err); ok && e.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, network := errors.AsType[net.Error](err)
	return connecting || network || pgconn.Timeout(err) || pgconn.SafeToRetry(err) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
