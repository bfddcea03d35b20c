package httpapi

import (
	"fmt"
	"math"
	"net/http"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/identity"
)

func errNoRoute() error {
	return &problem{status: http.StatusNotFound, code: CodeNotFound, message: "There is no such resource."}
}

func errNoMethod() error {
	return &problem{
		status: http.StatusMethodNotAllowed, code: CodeMethodNotAllowed,
		message: "The resource does not know this method; see Allow.",
	}
}

func errMediaType(want string) error {
	return &problem{
		status: http.StatusUnsupportedMediaType, code: CodeUnsupportedMediaType, message: "Send " + want + ".",
	}
}

func errTooLarge(limit int64) error {
	return &problem{
		status: http.StatusRequestEntityTooLarge, code: CodePayloadTooLarge,
		message: fmt.Sprintf("At most %d bytes are accepted.", limit), details: ErrorDetails{Limit: &limit},
	}
}

func errDigest(header string) error {
	return &problem{
		status: http.StatusBadRequest, code: CodeDigestMismatch,
		message: "What arrived is not what " + header + " says. Send it again.",
	}
}

func errIncomplete() error {
	return &problem{
		status: http.StatusConflict, code: CodeUploadIncomplete,
		message: "The file is not in the store yet, or not all of it. Send what is missing, then complete again.",
	}
}

func errFileFailed() error {
	return &problem{
		status: http.StatusConflict, code: CodeFileFailed, message: "What is stored is not what was uploaded. Upload it again, or have the file verified once more.",
	}
}

func errTooSlow() error {
	return &problem{
		status: http.StatusRequestTimeout, code: CodeRequestTimeout, message: "The body came too slowly.",
	}
}

func errInFlight() error {
	return &problem{
		status: http.StatusConflict, code: CodeIdempotencyInFlight, retryAfter: 1,
		message: "A request with this Idempotency-Key is still under way. Ask again for its answer.",
	}
}

func errNotConsistentYet() error {
	return &problem{
		status: http.StatusServiceUnavailable, code: CodeNotConsistentYet, retryAfter: 1,
		message: "What you have seen has not arrived here yet. Try again in a moment.",
	}
}

func errNoToken() error {
	return &problem{
		status: http.StatusUnauthorized, code: CodeUnauthorized, message: "Send an access token: Authorization: Bearer …",
	}
}

func errTooManyAttempts(e *identity.ThrottledError) *problem {
	return &problem{
		status: http.StatusTooManyRequests, code: CodeTooManyAttempts, message: "Too many failed attempts. Try again later.",
		retryAfter: max(1, int(math.Ceil(e.RetryAfter.Seconds()))),
	}
}

func errReferenced(e *command.ReferencedError) *problem {
	return &problem{
		status: http.StatusConflict, code: CodeFileReferenced, details: ErrorDetails{Documents: &e.Documents},
		message: fmt.Sprintf("Documents stand on the file: %d. Delete them first.", e.Documents),
	}
}

// badRequest says that a request can't be understood. The cause is for the log.
func badRequest(cause error) error {
	return &problem{
		status: http.StatusBadRequest, code: CodeBadRequest, message: "The request can't be understood.", cause: cause,
	}
}

// invalid returns nil if there is nothing wrong with any field.
func invalid(fields []FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &problem{
		status: http.StatusBadRequest, code: CodeValidation, message: "The request is not valid.",
		details: ErrorDetails{Fields: &fields},
	}
}

func invalidField(field, format string, args ...any) error {
	return invalid([]FieldError{{Field: field, Message: fmt.Sprintf(format, args...)}})
}

func invalidCommand(e *command.InvalidError) *problem {
	fields := make([]FieldError, len(e.Fields))
	for i, f := range e.Fields {
		fields[i] = FieldError(f)
	}
	return &problem{
		status: http.StatusBadRequest, code: CodeValidation, message: "The request is not valid.",
		details: ErrorDetails{Fields: &fields},
	}
}

func held(e *command.HeldError) *problem {
	hold := holdOf(e.Hold)
	return &problem{
		status: http.StatusConflict, code: CodeLegalHold,
		message: "A legal hold forbids this until an admin releases it.", details: ErrorDetails{Hold: &hold},
	}
}

func soleAdmin(e *erasure.SoleAdminError) *problem {
	tenants := each(e.Tenants, func(t erasure.Tenant) TenantReference { return TenantReference{ID: t.ID, Name: t.Name} })
	return &problem{
		status: http.StatusConflict, code: CodeConflict,
		message: "You are the only admin of some tenants. Name another admin, or delete them, first.",
		details: ErrorDetails{Tenants: &tenants},
	}
}

// challenge is the WWW-Authenticate of a 401 (RFC 6750).
func challenge(code ErrorCode) string {
	const realm = `Bearer realm="cartulary"`
	if code == CodeTokenExpired {
		return realm + `, error="invalid_token", error_description="expired"`
	}
	return realm
}
