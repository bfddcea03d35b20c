package identity

import (
	"context"
	"fmt"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// Confirm makes sure that who asks, in a session, knows the password:
// [ErrCredentials] if not, [*ThrottledError] if it was wrong too often.
func (s *Service) Confirm(ctx context.Context, meta command.Meta, c Claims, password string) error {
	account, err := s.cfg.Accounts.AccountByID(ctx, c.UserID)
	if err != nil {
		return fmt.Errorf("find an account: %w", err)
	}
	_, err = s.guarded(ctx, meta, s.confirmation(c), account.Email, func(ctx context.Context) (proof, error) {
		hash, err := s.cfg.Credentials.Hash(ctx, account.ID)
		if err != nil {
			return proof{}, fmt.Errorf("load credentials: %w", err)
		}
		p := proof{account: account, hash: hash}
		good, err := s.cfg.Passwords.Verify(ctx, password, hash)
		if err == nil && !good {
			p.failure = events.LoginPasswordConfirm
		}
		return p, err
	})
	return err
}
