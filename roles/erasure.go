package roles

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/erasure"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// newEraser returns what forgets persons, and tells every process.
func (p *Platform) newEraser(ctx context.Context) *erasure.Eraser {
	ctx = context.WithoutCancel(ctx)
	return erasure.New(erasure.Config{
		App: p.app, Persons: persons{p.keys, p.main}, Logger: p.logger,
		Forgotten: func(person uuid.UUID, sessions []uuid.UUID) {
			p.hints.Erased(ctx, person)
			for _, session := range sessions {
				p.hints.Revoked(ctx, session)
			}
		},
	})
}

// persons is what the main database keeps of persons, as an eraser sees it.
type persons struct {
	*postgres.PersonKeys

	db *pgxpool.Pool
}

func (p persons) ForgetCopies(ctx context.Context, person uuid.UUID) error {
	return tenantdb.ForgetInShadow(ctx, p.db, person)
}

func (p persons) Unfinished(ctx context.Context, limit int) ([]uuid.UUID, error) {
	kept, err := p.PersonKeys.Unfinished(ctx, limit)
	shown, failure := tenantdb.UnforgottenInShadow(ctx, p.db, limit)
	return append(kept, shown...), errors.Join(err, failure)
}

func (p persons) Tenants(ctx context.Context, person uuid.UUID) (tenants []erasure.Tenant, err error) {
	page := query.Page{Limit: query.MaxLimit}
	for {
		list, err := query.TenantsOfUser(ctx, p.db, person, page)
		if err != nil {
			return nil, err
		}
		for _, t := range list.Items {
			tenants = append(tenants, erasure.Tenant{ID: t.ID, Name: t.Name})
		}
		if list.Next == "" {
			return tenants, nil
		}
		page.Cursor = list.Next
	}
}

// Erase forgets a person, named by id or by e-mail address, as an operator's act.
func (p *Platform) Erase(ctx context.Context, who string) error {
	person, err := p.person(ctx, who)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("draw a command id: %w", err)
	}
	receipt, err := p.newEraser(ctx).Erase(ctx, command.Meta{ID: id}, person)
	if errors.Is(err, command.ErrNotFound) {
		return fmt.Errorf("there is no user %s", person)
	}
	if err != nil {
		return err
	}
	act := command.RecordOperation{Ledger: events.PlatformLedger, By: operator(), Action: "erase", Detail: "person " + person.String()}
	if _, err := p.app.RecordOperation(context.WithoutCancel(ctx), act); err != nil {
		return fmt.Errorf("erased, but that an operator did it is not recorded: %w", err)
	}
	p.logger.LogAttrs(ctx, slog.LevelInfo, "erased",
		slog.String("user_id", person.String()), slog.Int64("seq", receipt.Seq))
	return nil
}

// person finds out who is meant.
func (p *Platform) person(ctx context.Context, who string) (uuid.UUID, error) {
	if id, err := uuid.Parse(who); err == nil {
		return id, nil
	}
	email, ok := command.NormalizeEmail(who)
	if !ok {
		return uuid.Nil, errors.New("name the user by id or by e-mail address")
	}
	user, err := query.UserByEmail(ctx, p.main, email)
	if errors.Is(err, query.ErrNotFound) {
		return uuid.Nil, errors.New("no user has this address")
	}
	return user.ID, err
}
