package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/internal/ttlcache"
)

// activeTTL is how long a process takes a session for good without asking.
const activeTTL = 500 * time.Millisecond

// verifiedTTL is how long a process remembers that it verified a token.
const verifiedTTL = 10 * time.Second

// rememberedSessions bounds what a process remembers.
const rememberedSessions = 50_000

// ErrCredentials says that an address and a password do not belong together, and
// nothing about which of the two is wrong.
var ErrCredentials = errors.New("wrong e-mail address or password")

// Config is what accounts and sessions stand on.
type Config struct {
	App         *command.App
	Accounts    Accounts
	Credentials Credentials
	Sessions    Sessions
	Passwords   Passwords
	Signer      Signer
	Attempts    Attempts
	AttemptKey  []byte // keys what attempts are counted for; 32 bytes

	// OnRevoked, if set, is called after a session was ended here, so that other
	// processes can be told; see [Service.Revoked].
	OnRevoked func(session uuid.UUID)
}

// Service is every use case of accounts and sessions:
//
//	Register  ChangePassword
//	Login  Refresh  Logout  LogoutEverywhere  Authenticate
//	ActiveSessions  EndSession
type Service struct {
	cfg    Config
	active *ttlcache.Cache[uuid.UUID, bool]
	tokens *ttlcache.Cache[[sha256.Size]byte, Claims] // by hashes of access tokens
	gate   gate
}

// New returns the service.
func New(cfg Config) *Service {
	return &Service{
		cfg:    cfg,
		active: ttlcache.New[uuid.UUID, bool](activeTTL, rememberedSessions),
		tokens: ttlcache.New[[sha256.Size]byte, Claims](verifiedTTL, rememberedSessions),
	}
}

// Authenticate returns what an access token says: [ErrTokenInvalid],
// [ErrTokenExpired], or [ErrSessionEnded] if it is not good.
func (s *Service) Authenticate(ctx context.Context, access string) (Claims, error) {
	claims, err := s.verified(ctx, access)
	if err != nil {
		return Claims{}, err
	}
	active, err := s.active.Get(ctx, claims.SessionID, func(ctx context.Context) (bool, error) {
		return s.cfg.Sessions.Active(ctx, claims.SessionID)
	})
	switch {
	case err != nil:
		return Claims{}, err
	case !active:
		return Claims{}, ErrSessionEnded
	default:
		return claims, nil
	}
}

// verified returns what an access token says. One that was verified a moment ago
// is not verified again, unless it has expired since.
func (s *Service) verified(ctx context.Context, access string) (Claims, error) {
	claims, err := s.tokens.Get(ctx, sha256.Sum256([]byte(access)), func(context.Context) (Claims, error) {
		return s.cfg.Signer.ParseAccess(access)
	})
	if err != nil || time.Now().Before(claims.ExpiresAt) {
		return claims, err
	}
	return s.cfg.Signer.ParseAccess(access)
}

// Revoked tells that a session was ended, by whichever process.
func (s *Service) Revoked(session uuid.UUID) { s.active.Forget(session) }

func (s *Service) revoked(sessions ...uuid.UUID) {
	for _, session := range sessions {
		s.Revoked(session)
		if s.cfg.OnRevoked != nil {
			s.cfg.OnRevoked(session)
		}
	}
}
