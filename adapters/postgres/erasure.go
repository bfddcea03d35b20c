package postgres

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Destroy deletes a person's password, sessions and key, all or none, and returns the
// sessions. What is sealed under the key can never be opened again. It is no error
// if there are none.
func (k *PersonKeys) Destroy(ctx context.Context, person uuid.UUID) (sessions []uuid.UUID, err error) {
	err = pgx.BeginFunc(ctx, k.pool, func(tx pgx.Tx) error {
		// The password goes first: who starts a session holds it until that stands, and
		// who comes later finds none.
		if _, err := tx.Exec(ctx, `delete from identity.credentials where user_id = $1`, person); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `delete from identity.sessions where user_id = $1 returning id`, person)
		if err != nil {
			return err
		}
		if sessions, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `delete from identity.person_keys where user_id = $1`, person)
		return err
	})
	k.Forget(person)
	if err != nil {
		return nil, fmt.Errorf("destroy what is kept of person %s: %w", person, err)
	}
	return sessions, nil
}

// Unfinished returns up to limit persons whom the read models show as erased and of
// whom a key or a membership is left.
func (k *PersonKeys) Unfinished(ctx context.Context, limit int) ([]uuid.UUID, error) {
	rows, err := k.pool.Query(ctx, `
select u.id from users u
where not u.is_active and u.email = 'erased-' || u.id || '@invalid'
    and (exists (select from identity.person_keys where user_id = u.id)
        or exists (select from identity.credentials where user_id = u.id)
        or exists (select from identity.sessions where user_id = u.id)
        or exists (
            select from user_tenant_associations a join tenants t on t.id = a.tenant_id
            where a.user_id = u.id and t.is_active))
limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("unfinished erasures: %w", err)
	}
	persons, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("unfinished erasures: %w", err)
	}
	return persons, nil
}

// Forget drops a person's key from memory, since it may have been deleted.
func (k *PersonKeys) Forget(person uuid.UUID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.kept, person)
}
