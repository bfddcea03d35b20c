package erasure

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// Tenant is a tenant that a person belongs to.
type Tenant struct {
	ID   uuid.UUID
	Name string
}

// SoleAdminError lists the tenants that would be left without an admin.
type SoleAdminError struct{ Tenants []Tenant }

func (e *SoleAdminError) Error() string {
	names := make([]string, len(e.Tenants))
	for i, t := range e.Tenants {
		names[i] = fmt.Sprintf("%q (%s)", t.Name, t.ID)
	}
	return "the only admin of " + strings.Join(names, ", ") + "; name another or delete these tenants first"
}

// Persons is what the platform keeps of persons outside the trail.
type Persons interface {
	// Tenants returns the tenants that a person belongs to and that are open.
	Tenants(ctx context.Context, person uuid.UUID) ([]Tenant, error)
	// Destroy deletes a person's password, sessions and key, all or none, and
	// returns the sessions. It is no error if there are none.
	Destroy(ctx context.Context, person uuid.UUID) (sessions []uuid.UUID, err error)
	// ForgetCopies overwrites what copies of read models, which are being built or were
	// left, show of a person. It is no error if there are none.
	ForgetCopies(ctx context.Context, person uuid.UUID) error
	// Unfinished returns up to limit persons, or some more, who were erased and of whom
	// something is left that an eraser removes; those that it found, beside an error.
	Unfinished(ctx context.Context, limit int) ([]uuid.UUID, error)
}

// Config says what an eraser works with.
type Config struct {
	App     *command.App
	Persons Persons
	Logger  *slog.Logger

	// Forgotten is told that a person's key is gone, and which sessions with it, so
	// that every process forgets them.
	Forgotten func(person uuid.UUID, sessions []uuid.UUID)
}

// Eraser makes the platform forget persons. See the package for how.
type Eraser struct{ cfg Config }

// New returns an eraser.
func New(cfg Config) *Eraser { return &Eraser{cfg: cfg} }

// Erase forgets a person: [*SoleAdminError] if tenants would be left without an
// admin, and then the person is in all tenants as before; [command.ErrNotFound] if
// there is no such person. Doing so again finishes what was left undone.
func (e *Eraser) Erase(ctx context.Context, meta command.Meta, person uuid.UUID) (command.Receipt, error) {
	tenants, err := e.cfg.Persons.Tenants(ctx, person)
	if err != nil {
		return command.Receipt{}, fmt.Errorf("erase: %w", err)
	}
	if tenants, err = e.replaceable(ctx, person, tenants); err != nil {
		return command.Receipt{}, err
	}
	left, err := e.leave(ctx, meta, person, tenants)
	if sole, ok := errors.AsType[*SoleAdminError](err); ok {
		return command.Receipt{}, e.refuse(context.WithoutCancel(ctx), meta, person, left, sole)
	}
	if err != nil {
		return command.Receipt{}, err
	}
	receipt, err := e.cfg.App.EraseUser(ctx, meta, command.EraseUser{UserID: person})
	if err != nil {
		return command.Receipt{}, fmt.Errorf("erase: %w", err)
	}
	// From here on it must be finished, whoever leaves; and Run does if this fails.
	if err := e.destroy(context.WithoutCancel(ctx), person); err != nil {
		e.cfg.Logger.LogAttrs(ctx, slog.LevelError, "erased, but not all is destroyed yet: it is tried again",
			slog.String("user_id", person.String()), slog.Any("error", err))
	}
	return receipt, nil
}

func (e *Eraser) destroy(ctx context.Context, person uuid.UUID) error {
	sessions, err := e.cfg.Persons.Destroy(ctx, person)
	if err != nil {
		return err
	}
	e.cfg.Forgotten(person, sessions)
	return e.cfg.Persons.ForgetCopies(ctx, person)
}

// sweepBatch is how many persons a sweep finishes at most.
const sweepBatch = 100

// Run finishes, every so often, what was left undone, until ctx ends.
func (e *Eraser) Run(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := e.Sweep(ctx); err != nil && ctx.Err() == nil {
			e.cfg.Logger.LogAttrs(ctx, slog.LevelError, "erasures not finished", slog.Any("error", err))
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Sweep finishes what was left undone.
func (e *Eraser) Sweep(ctx context.Context) error {
	persons, err := e.cfg.Persons.Unfinished(ctx, sweepBatch)
	var failures []error
	if err != nil {
		failures = append(failures, err)
	}
	for _, person := range persons {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("draw a command id: %w", err)
		}
		err = e.destroy(ctx, person)
		if err == nil {
			err = e.leaveAll(ctx, command.Meta{ID: id}, person)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("person %s: %w", person, err))
		}
	}
	return errors.Join(failures...)
}

// leaveAll takes a person who is erased already out of tenants that were joined
// meanwhile.
func (e *Eraser) leaveAll(ctx context.Context, meta command.Meta, person uuid.UUID) error {
	tenants, err := e.cfg.Persons.Tenants(ctx, person)
	if err != nil {
		return err
	}
	_, err = e.leave(ctx, meta, person, tenants)
	return err
}
