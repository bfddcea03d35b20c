package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/identity"
	"github.com/cartulary/cartulary/query"
)

// storeError is what a store of objects answers with.
type storeError int

func (s storeError) Error() string       { return fmt.Sprintf("the store says %d", int(s)) }
func (s storeError) HTTPStatusCode() int { return int(s) }

func TestErrorsBecomeAnswers(t *testing.T) {
	missing, busy := errors.New("no database"), errors.New("busy")
	a := &API{cfg: Config{NotProvisioned: missing, Unavailable: []error{busy}}}
	for _, test := range []struct {
		err    error
		status int
		code   ErrorCode
	}{
		{command.ErrNotFound, 404, CodeNotFound},
		{query.ErrNotFound, 404, CodeNotFound},
		{command.ErrForbidden, 403, CodeForbidden},
		{command.ErrEmailTaken, 409, CodeEmailTaken},
		{command.ErrConflict, 409, CodeConflict},
		{command.ErrLastAdmin, 409, CodeLastAdmin},
		{command.ErrMember, 409, CodeAlreadyMember},
		{command.ErrNoUser, 404, CodeUserNotFound},
		{command.ErrCommandReused, 422, CodeIdempotencyKeyReused},
		{&command.InvalidError{}, 400, CodeValidation},
		{identity.ErrCredentials, 401, CodeInvalidCredentials},
		{identity.ErrTokenExpired, 401, CodeTokenExpired},
		{identity.ErrTokenInvalid, 401, CodeUnauthorized},
		{identity.ErrTokenReused, 401, CodeUnauthorized},
		{identity.ErrSessionEnded, 401, CodeUnauthorized},
		{query.ErrBadCursor, 400, CodeInvalidCursor},
		{missing, 503, CodeTenantNotReady},
		{busy, 503, CodeUnavailable},
		{context.DeadlineExceeded, 503, CodeUnavailable},
		{context.Canceled, 503, CodeUnavailable},
		{&pgconn.PgError{Code: "57P01"}, 503, CodeUnavailable},
		{&pgconn.PgError{Code: "53300"}, 503, CodeUnavailable},
		{&pgconn.PgError{Code: "55P03"}, 503, CodeUnavailable},
		{&pgconn.PgError{Code: "23505"}, 500, CodeInternal},
		{&pgconn.PgError{Code: "42P01"}, 500, CodeInternal},
		{&pgconn.PgError{}, 500, CodeInternal},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, 503, CodeUnavailable},
		{io.ErrUnexpectedEOF, 503, CodeUnavailable},
		{storeError(503), 503, CodeUnavailable},
		{storeError(403), 500, CodeInternal},
		{errors.New("anything else"), 500, CodeInternal},
	} {
		p := a.problemOf(fmt.Errorf("do something: %w", test.err))
		if p.status != test.status || p.code != test.code || p.message == "" {
			t.Errorf("%v: %d %s %q", test.err, p.status, p.code, p.message)
		}
		if p.status == 503 && p.retryAfter == 0 {
			t.Errorf("%v: no Retry-After", test.err)
		}
	}
}
