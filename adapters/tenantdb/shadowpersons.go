package tenantdb

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/projections"
)

// usersTable is the one table of the read models that shows persons in clear. It is in
// the main database.
const usersTable = "users"

// ForgetInShadow overwrites what a shadow of the main database shows of a person, be it
// built just now or left by whoever built it. Whoever builds it may have read the
// person's key before that was destroyed, and write the row after this returned: that
// is found by [UnforgottenInShadow].
func ForgetInShadow(ctx context.Context, platform *pgxpool.Pool, person uuid.UUID) error {
	there, err := shadowShowsUsers(ctx, platform)
	if err != nil || !there {
		return err
	}
	p := projections.ErasedPerson(person)
	_, err = platform.Exec(ctx, `
		update `+shadowUsers()+` set first_name = $2, last_name = $3, email = $4, is_active = false
		where id = $1 and email <> $4`, person, p.FirstName, p.LastName, p.Email)
	if err != nil && !TableLost(err) { // swapped or dropped meanwhile
		return fmt.Errorf("forget person %s in %s: %w", person, shadowSchema, err)
	}
	return nil
}

// UnforgottenInShadow returns up to limit persons whom the live read models of the main
// database show as erased, and a shadow does not.
func UnforgottenInShadow(ctx context.Context, platform *pgxpool.Pool, limit int) ([]uuid.UUID, error) {
	there, err := shadowShowsUsers(ctx, platform)
	if err != nil || !there {
		return nil, err
	}
	rows, err := platform.Query(ctx, `
		select u.id from users u join `+shadowUsers()+` s on s.id = u.id
		where not u.is_active and u.email = 'erased-' || u.id || '@invalid' and s.email <> u.email
		limit $1`, limit)
	if err == nil {
		var persons []uuid.UUID
		if persons, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err == nil {
			return persons, nil
		}
	}
	if TableLost(err) {
		return nil, nil
	}
	return nil, fmt.Errorf("persons in %s: %w", shadowSchema, err)
}

func shadowUsers() string { return pgx.Identifier{shadowSchema, usersTable}.Sanitize() }

// shadowShowsUsers reports whether there is a shadow of the main database. Its catalogue
// can be read whoever owns it.
func shadowShowsUsers(ctx context.Context, platform *pgxpool.Pool) (there bool, err error) {
	err = platform.QueryRow(ctx, `select exists (select from pg_tables where schemaname = $1 and tablename = $2)`,
		shadowSchema, usersTable).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", shadowSchema, err)
	}
	return there, nil
}
