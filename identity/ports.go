package identity

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Account is a user, as far as signing in goes.
type Account struct {
	ID        uuid.UUID
	Active    bool
	Email     string
	FirstName string
	LastName  string
}

// Accounts finds accounts.
type Accounts interface {
	// AccountByEmail returns the account of a normalised address; [ErrNotFound] if
	// there is none.
	AccountByEmail(ctx context.Context, email string) (Account, error)
	// AccountByID returns a user's account; [ErrNotFound] if there is none.
	AccountByID(ctx context.Context, user uuid.UUID) (Account, error)
}

// Credentials holds password hashes.
type Credentials interface {
	// Save sets a user's hash, a PHC string.
	Save(ctx context.Context, user uuid.UUID, hash string) error
	// Hash returns a user's hash; [ErrNotFound] if there is none.
	Hash(ctx context.Context, user uuid.UUID) (string, error)
	// Replace puts next in the place of a user's hash and ends all the user's sessions
	// but keep, at once; it returns those it ended. [ErrNotFound] if hash is not the
	// user's any more: of two that replace the same one, one wins.
	Replace(ctx context.Context, user uuid.UUID, hash, next string, keep uuid.UUID) (ended []uuid.UUID, err error)
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
	UserAgent   string // the client's software, as it called itself at the beginning
}

// SessionInfo is what a user recognises a session by.
type SessionInfo struct {
	ID          uuid.UUID
	UserAgent   string
	CreatedAt   time.Time
	RefreshedAt time.Time // when its newest refresh token was made
	ExpiresAt   time.Time // unless it is refreshed before
}

// Sessions holds sessions.
type Sessions interface {
	// Start records a new session of a user whose password has the given hash, or fails
	// with [ErrCredentials] if it has another by now.
	Start(ctx context.Context, s Session, passwordHash string) error
	// Rotate puts newHash in the place of oldHash and moves the session's end. When
	// oldHash is not the session's, it revokes the session and fails with
	// [ErrTokenReused]; when the session is over, it fails with [ErrSessionEnded].
	// Of two that rotate the same hash at once, one wins.
	Rotate(ctx context.Context, id uuid.UUID, oldHash, newHash []byte, expires time.Time) error
	// Revoke ends a session; it is no error if it has ended.
	Revoke(ctx context.Context, id uuid.UUID) error
	// RevokeAll ends all sessions of a user, and returns which.
	RevokeAll(ctx context.Context, user uuid.UUID) (ended []uuid.UUID, err error)
	// OfUser returns a user's sessions that are active, the last refreshed first, at
	// most limit.
	OfUser(ctx context.Context, user uuid.UUID, limit int) ([]SessionInfo, error)
	// Owns reports whether an active session is a user's.
	Owns(ctx context.Context, user, id uuid.UUID) (bool, error)
	// Active reports whether a session exists and has neither expired nor been
	// revoked.
	Active(ctx context.Context, id uuid.UUID) (bool, error)
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

// Errors of the stores.
var (
	ErrNotFound     = errors.New("not found")
	ErrTokenReused  = errors.New("the refresh token was spent before")
	ErrSessionEnded = errors.New("the session has ended")
)
