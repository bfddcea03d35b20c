package identity

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// SignedIn is a session that was started.
type SignedIn struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
	Tokens    Tokens
	Receipt   command.Receipt
}

// Login starts a session: [ErrCredentials] if address and password do not belong
// together, after the same work whether or not the account exists; and
// [*ThrottledError] if there were too many failures, see [Admit].
func (s *Service) Login(
	ctx context.Context, meta command.Meta, email, password string, origin events.Origin,
) (SignedIn, error) {
	p, err := s.guarded(ctx, meta, s.login(email, origin.Address), email, func(ctx context.Context) (proof, error) {
		return s.verify(ctx, email, password)
	})
	if err != nil {
		return SignedIn{}, err
	}
	user := p.account.ID
	session, err := uuid.NewV7()
	if err != nil {
		return SignedIn{}, fmt.Errorf("draw a session id: %w", err)
	}
	tokens, err := s.cfg.Signer.Issue(user, session)
	if err != nil {
		return SignedIn{}, err
	}
	err = s.cfg.Sessions.Start(ctx, Session{
		ID: session, UserID: user, RefreshHash: refreshHash(tokens.RefreshID), ExpiresAt: tokens.RefreshExpiresAt,
		UserAgent: origin.UserAgent,
	}, p.hash)
	if err != nil {
		return SignedIn{}, fmt.Errorf("start a session: %w", err)
	}
	meta.Actor = user
	receipt, err := s.cfg.App.RecordLogin(ctx, meta, command.RecordLogin{UserID: user, SessionID: session, Origin: origin})
	if err != nil {
		// The tokens were never handed out; the session would only expire unused.
		_ = s.cfg.Sessions.Revoke(context.WithoutCancel(ctx), session)
		return SignedIn{}, fmt.Errorf("record the login: %w", err)
	}
	return SignedIn{UserID: user, SessionID: session, Tokens: tokens, Receipt: receipt}, nil
}

// verify finds out whether address and password belong together.
func (s *Service) verify(ctx context.Context, email, password string) (proof, error) {
	account, hash, err := s.credentials(ctx, email)
	switch {
	case isNotFound(err):
		if err := s.cfg.Passwords.VerifyNothing(ctx, password); err != nil {
			return proof{}, fmt.Errorf("verify a password: %w", err)
		}
		return proof{failure: events.LoginUnknownAddress}, nil
	case err != nil:
		return proof{}, err
	}
	good, err := s.cfg.Passwords.Verify(ctx, password, hash)
	p := proof{account: account, hash: hash}
	switch {
	case err != nil:
		return proof{}, fmt.Errorf("verify a password: %w", err)
	case !good:
		p.failure = events.LoginWrongPassword
	case !account.Active:
		p.failure = events.LoginAccountClosed
	}
	return p, nil
}

func (s *Service) credentials(ctx context.Context, email string) (account Account, hash string, err error) {
	normalized, ok := command.NormalizeEmail(email)
	if !ok {
		return Account{}, "", ErrNotFound
	}
	if account, err = s.cfg.Accounts.AccountByEmail(ctx, normalized); err != nil {
		return Account{}, "", fmt.Errorf("find an account: %w", err)
	}
	if hash, err = s.cfg.Credentials.Hash(ctx, account.ID); err != nil {
		return Account{}, "", fmt.Errorf("load credentials: %w", err)
	}
	return account, hash, nil
}

// Refresh spends a refresh token on new tokens. It fails with [ErrTokenInvalid]
// or [ErrTokenExpired]; with [ErrSessionEnded] if the session is over; and with
// [ErrTokenReused], having ended the session, if the token was spent before, of
// which the trail tells.
func (s *Service) Refresh(ctx context.Context, meta command.Meta, refresh string) (Tokens, error) {
	claims, err := s.cfg.Signer.ParseRefresh(refresh)
	if err != nil {
		return Tokens{}, err
	}
	tokens, err := s.cfg.Signer.Issue(claims.UserID, claims.SessionID)
	if err != nil {
		return Tokens{}, err
	}
	err = s.cfg.Sessions.Rotate(ctx, claims.SessionID,
		refreshHash(claims.ID), refreshHash(tokens.RefreshID), tokens.RefreshExpiresAt)
	if errors.Is(err, ErrTokenReused) {
		s.revoked(claims.SessionID)
		if err := s.recordReuse(ctx, meta, claims); err != nil {
			return Tokens{}, fmt.Errorf("record that a refresh token was reused: %w", err)
		}
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("rotate a refresh token: %w", err)
	}
	return tokens, nil
}

// recordReuse records that a spent token ended its session, also if whoever brought it
// has left.
func (s *Service) recordReuse(ctx context.Context, meta command.Meta, c Claims) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_, err := s.cfg.App.RecordTokenReuse(ctx, meta, command.RecordTokenReuse{
		UserID: c.UserID, SessionID: c.SessionID, Origin: meta.Origin,
	})
	return err
}

// Logout ends the session of an access token. What failed half-way can be done
// again: the trail tells of it once.
func (s *Service) Logout(ctx context.Context, meta command.Meta, c Claims) (command.Receipt, error) {
	meta.ID = uuid.NewSHA1(c.SessionID, []byte("logout"))
	meta.Keyed = true
	meta.Fingerprint = sha256.Sum256(c.SessionID[:])
	receipt, err := s.cfg.App.RecordLogout(ctx, meta, command.RecordLogout{UserID: c.UserID, SessionID: c.SessionID})
	if err != nil {
		return command.Receipt{}, fmt.Errorf("record the logout: %w", err)
	}
	if err := s.cfg.Sessions.Revoke(ctx, c.SessionID); err != nil {
		return command.Receipt{}, fmt.Errorf("revoke a session: %w", err)
	}
	s.revoked(c.SessionID)
	return receipt, nil
}
