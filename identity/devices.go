package identity

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// MaxSessions is how many of a user's sessions are listed.
const MaxSessions = 200

// ActiveSessions returns a user's sessions that are active, the last refreshed
// first, at most [MaxSessions].
func (s *Service) ActiveSessions(ctx context.Context, user uuid.UUID) ([]SessionInfo, error) {
	return s.cfg.Sessions.OfUser(ctx, user, MaxSessions)
}

// EndSession ends one of the caller's sessions: [ErrNotFound] if it is none, or over.
func (s *Service) EndSession(ctx context.Context, meta command.Meta, c Claims, session uuid.UUID) (command.Receipt, error) {
	owns, err := s.cfg.Sessions.Owns(ctx, c.UserID, session)
	if err != nil {
		return command.Receipt{}, err
	}
	if !owns {
		return command.Receipt{}, fmt.Errorf("session %s: %w", session, ErrNotFound)
	}
	return s.Logout(ctx, meta, Claims{UserID: c.UserID, SessionID: session})
}

// LogoutEverywhere ends all sessions of a user, that of the access token included.
// What failed half-way can be done again: the trail tells of it once.
func (s *Service) LogoutEverywhere(ctx context.Context, meta command.Meta, c Claims) (command.Receipt, error) {
	meta.ID = uuid.NewSHA1(c.SessionID, []byte("logout everywhere"))
	meta.Keyed = true
	meta.Fingerprint = sha256.Sum256(c.SessionID[:])
	receipt, err := s.cfg.App.RecordLogoutEverywhere(ctx, meta, command.RecordLogout{UserID: c.UserID, SessionID: c.SessionID})
	if err != nil {
		return command.Receipt{}, fmt.Errorf("record the logout: %w", err)
	}
	ended, err := s.cfg.Sessions.RevokeAll(ctx, c.UserID)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("revoke sessions: %w", err)
	}
	s.revoked(ended...)
	return receipt, nil
}
