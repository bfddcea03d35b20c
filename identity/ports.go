package identity

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Account is a user, as far as signing in goes.
type Account struct {
	ID     uuid.UUID
	Active bool
}

// Accounts finds accounts.
type Accounts interface {
	// AccountByEmail returns the account of a normalised address; [ErrNotFound] if
	// there is none.
	AccountByEmail(ctx context.Context, email string) (Account, error)
}

// Credentials holds password hashes.
type Credentials interface {
	// Save sets a user's hash, a PHC string.
	Save(ctx context.Context, user uuid.UUID, hash string) error
	// Hash returns a user's hash; [ErrNotFound] if there is none.
	Hash(ctx context.Context, user uuid.UUID) (string, error)
	// Delete removes a user's hash; it is no error if there is none.
	Delete(ctx context.Context, user uuid.UUID) error
}

// Passwords hashes and verifies passwords.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Verify(ctx context.Context, password, hash string) (bool, error)
	// VerifyNothing does the work of Verify for an account that does not exist.
	VerifyNothing(ctx context.Context, password string) error
}

// Session is a family of refresh tokens.
type Session struct {
	ID          uuid.UUID
	UserID      uuid.UUID
	RefreshHash []byte // SHA-256 of the newest refresh token's id
	ExpiresAt   time.Time
}

// Sessions holds sessions.
type Sessions interface {
	Start(ctx context.Context, s Session) error
	// Rotate puts newHash in the place of oldHash and moves the session's end. When
	// oldHash is not the session's, it revokes the session and fails with
	// [ErrTokenReused]; when the session is over, it fails with [ErrSessionEnded].
	// Of two that rotate the same hash at once, one wins.
	Rotate(ctx context.Context, id uuid.UUID, oldHash, newHash []byte, expires time.Time) error
	// Revoke ends a session; it is no error if it has ended.
	Revoke(ctx context.Context, id uuid.UUID) error
	// Active reports whether a session exists and has neither expired nor been
	// revoked.
	Active(ctx context.Context, id uuid.UUID) (bool, error)
}

// Errors of the stores.
var (
	ErrNotFound     = errors.New("not found")
	ErrTokenReused  = errors.New("the refresh token was spent before")
	ErrSessionEnded = errors.New("the session has ended")
)
