package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// Registration asks for an account.
type Registration struct {
	Email     string
	FirstName string
	LastName  string
	Password  string
	Address   string // the network address that it comes from
}

// Register opens an account: [command.ErrEmailTaken] if the address has one,
// [*command.InvalidError] if a field can't be accepted.
//
// The fingerprint of a keyed registration must not be made of the password, since
// it is kept. So a repetition is told from a reuse by verifying the password:
// [command.ErrCommandReused] if it is another.
func (s *Service) Register(ctx context.Context, meta command.Meta, r Registration) (command.Result[command.UserDetails], error) {
	var none command.Result[command.UserDetails]
	if err := r.validate(); err != nil {
		return none, err
	}
	user, err := uuid.NewV7()
	if err != nil {
		return none, fmt.Errorf("draw a user id: %w", err)
	}
	hash, err := s.cfg.Passwords.Hash(ctx, r.Password)
	if err != nil {
		return none, fmt.Errorf("hash a new password: %w", err)
	}
	if err := s.cfg.Credentials.Save(ctx, user, hash); err != nil {
		return none, fmt.Errorf("save credentials: %w", err)
	}
	result, err := s.cfg.App.RegisterUser(ctx, meta, command.RegisterUser{
		UserID: user, Email: r.Email, FirstName: r.FirstName, LastName: r.LastName,
	})
	if result.Replayed || refused(err) {
		s.discard(ctx, user)
	}
	switch {
	case err != nil:
		return none, err
	case result.Replayed:
		return result, s.samePassword(ctx, result.Value.ID, r.Password)
	}
	// Not to be known costs the owner nothing but a place among strangers.
	_ = s.cfg.Attempts.Know(context.WithoutCancel(ctx), s.login(r.Email, r.Address))
	return result, nil
}

// validate names every field that can't be accepted, the password's included.
func (r Registration) validate() error {
	err := command.RegisterUser{Email: r.Email, FirstName: r.FirstName, LastName: r.LastName}.Validate()
	complaint, ok := passwordRules(r.Password, r.Email, r.FirstName, r.LastName)
	if ok {
		return err
	}
	var invalid command.InvalidError
	if profile, bad := errors.AsType[*command.InvalidError](err); bad {
		invalid.Fields = profile.Fields
	}
	invalid.Fields = append(slices.Clone(invalid.Fields), command.FieldError{Field: "password", Message: complaint})
	return &invalid
}

// refused reports whether err says for certain that nothing was recorded.
func refused(err error) bool {
	_, invalid := errors.AsType[*command.InvalidError](err)
	return invalid || errors.Is(err, command.ErrEmailTaken) || errors.Is(err, command.ErrConflict) ||
		errors.Is(err, command.ErrCommandReused)
}

// discard removes the hash of an account that was not made. Left behind, it would
// open nothing; so failing to is no failure.
func (s *Service) discard(ctx context.Context, user uuid.UUID) {
	_ = s.cfg.Credentials.Delete(context.WithoutCancel(ctx), user)
}

func (s *Service) samePassword(ctx context.Context, user uuid.UUID, password string) error {
	hash, err := s.cfg.Credentials.Hash(ctx, user)
	if err != nil {
		return fmt.Errorf("load credentials: %w", err)
	}
	same, err := s.cfg.Passwords.Verify(ctx, password, hash)
	if err == nil && !same {
		return command.ErrCommandReused
	}
	return err
}
