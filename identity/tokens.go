package identity

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Claims is what a token says, once it was verified.
type Claims struct {
	ID        uuid.UUID // the token's own
	UserID    uuid.UUID
	SessionID uuid.UUID
	ExpiresAt time.Time
}

// Tokens is what a client gets to show who it is.
type Tokens struct {
	Access           string
	AccessExpiresIn  time.Duration
	Refresh          string
	RefreshExpiresIn time.Duration

	RefreshID        uuid.UUID // the refresh token's id, by which its session knows it
	RefreshExpiresAt time.Time
}

// Signer makes and verifies tokens.
type Signer interface {
	// Issue makes a new access and a new refresh token of a session.
	Issue(user, session uuid.UUID) (Tokens, error)
	// ParseAccess verifies an access token: [ErrTokenExpired], or
	// [ErrTokenInvalid] whatever else is wrong with it.
	ParseAccess(token string) (Claims, error)
	// ParseRefresh does the same with a refresh token.
	ParseRefresh(token string) (Claims, error)
}

// Errors of a [Signer].
var (
	ErrTokenInvalid = errors.New("the token is not valid")
	ErrTokenExpired = errors.New("the token has expired")
)

// refreshHash is what a session keeps of its newest refresh token.
func refreshHash(id uuid.UUID) []byte {
	sum := sha256.Sum256(id[:])
	return sum[:]
}
