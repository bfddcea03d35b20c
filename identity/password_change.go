package identity

import (
	"context"
	"fmt"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// PasswordChange asks for another password.
type PasswordChange struct {
	Current string
	New     string
}

// ChangePassword gives a user another password and ends all the user's sessions but
// the one that asks: [ErrCredentials] if the current password is another,
// [*ThrottledError] if it was wrong too often, [*command.InvalidError] if the new one
// can't be accepted, [command.ErrConflict] if somebody else changed it at the same
// time.
//
// The trail is told first. What failed half-way can be done again with the same key,
// also when it had not failed at all: then the new password is the current one.
func (s *Service) ChangePassword(
	ctx context.Context, meta command.Meta, c Claims, change PasswordChange,
) (command.Receipt, error) {
	account, err := s.cfg.Accounts.AccountByID(ctx, c.UserID)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("find an account: %w", err)
	}
	if err := change.validate(account); err != nil {
		return command.Receipt{}, err
	}
	done := false
	p, err := s.guarded(ctx, meta, s.confirmation(c), account.Email, func(ctx context.Context) (p proof, err error) {
		p, done, err = s.confirm(ctx, meta, account, change)
		return p, err
	})
	if err != nil {
		return command.Receipt{}, err
	}
	next, err := s.cfg.Passwords.Hash(ctx, change.New)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("hash a new password: %w", err)
	}
	receipt, err := s.cfg.App.RecordPasswordChange(ctx, meta, command.RecordLogout{UserID: c.UserID, SessionID: c.SessionID})
	if err != nil || done {
		return receipt, err
	}
	ended, err := s.cfg.Credentials.Replace(ctx, c.UserID, p.hash, next, c.SessionID)
	if isNotFound(err) {
		return command.Receipt{}, fmt.Errorf("%w: %w", command.ErrConflict, err)
	}
	if err != nil {
		return command.Receipt{}, err
	}
	s.revoked(ended...)
	return receipt, nil
}

func (p PasswordChange) validate(owner Account) error {
	complaint, ok := passwordRules(p.New, owner.Email, owner.FirstName, owner.LastName)
	if ok && p.New == p.Current {
		complaint, ok = "must be another than the current one", false
	}
	if ok {
		return nil
	}
	return &command.InvalidError{Fields: []command.FieldError{{Field: "new_password", Message: complaint}}}
}

// confirm finds out whether the current password is right. It reports done if this
// very change was made before.
func (s *Service) confirm(
	ctx context.Context, meta command.Meta, account Account, change PasswordChange,
) (p proof, done bool, err error) {
	p.account = account
	if p.hash, err = s.cfg.Credentials.Hash(ctx, account.ID); err != nil {
		return p, false, fmt.Errorf("load credentials: %w", err)
	}
	good, err := s.cfg.Passwords.Verify(ctx, change.Current, p.hash)
	if err != nil || good {
		return p, false, err
	}
	p.failure = events.LoginPasswordConfirm
	if !meta.Keyed {
		return p, false, nil
	}
	if _, done, err = s.cfg.App.Recorded(ctx, events.PlatformLedger, meta); err != nil || !done {
		return p, false, err
	}
	if done, err = s.cfg.Passwords.Verify(ctx, change.New, p.hash); done {
		p.failure = ""
	}
	return p, done, err
}
