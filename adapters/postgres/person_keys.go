package postgres

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// How long, and how many, keys are remembered.
const (
	keyLifetime = 5 * time.Second
	keysKept    = 10_000
)

// PersonKeys keeps the keys of personal data: command.PersonKeys. A key that
// another process deleted may be handed out for up to 5 s more.
type PersonKeys struct {
	pool *pgxpool.Pool

	mu   sync.Mutex
	kept map[uuid.UUID]keptKey
}

type keptKey struct {
	key     events.Key
	expires time.Time
}

// NewPersonKeys returns the keys of a main database.
func NewPersonKeys(pool *pgxpool.Pool) *PersonKeys {
	return &PersonKeys{pool: pool, kept: make(map[uuid.UUID]keptKey)}
}

var _ command.PersonKeys = (*PersonKeys)(nil)

// Create returns the person's key, which it makes if there is none. All who ask
// at once get the same.
func (k *PersonKeys) Create(ctx context.Context, person uuid.UUID) (events.Key, error) {
	fresh, now := events.NewKey(), time.Now()
	var stored []byte
	err := k.pool.QueryRow(ctx, `
insert into identity.person_keys (user_id, key) values ($1, $2)
on conflict (user_id) do update set key = person_keys.key
returning key`, person, fresh[:]).Scan(&stored)
	if err != nil {
		return events.Key{}, fmt.Errorf("key of person %s: %w", person, err)
	}
	k.keep(events.Keys{person: events.Key(stored)}, now.Add(keyLifetime))
	return events.Key(stored), nil
}

// Keys returns the keys of those persons who have one.
func (k *PersonKeys) Keys(ctx context.Context, persons ...uuid.UUID) (events.Keys, error) {
	now := time.Now()
	found, missing := k.recall(persons, now)
	if len(missing) == 0 {
		return found, nil
	}
	rows, err := k.pool.Query(ctx, `select user_id, key from identity.person_keys where user_id = any($1)`, missing)
	if err != nil {
		return nil, fmt.Errorf("keys of persons: %w", err)
	}
	var (
		person uuid.UUID
		key    []byte
	)
	fetched := make(events.Keys, len(missing))
	_, err = pgx.ForEachRow(rows, []any{&person, &key}, func() error {
		fetched[person] = events.Key(key)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("keys of persons: %w", err)
	}
	k.keep(fetched, now.Add(keyLifetime))
	maps.Copy(found, fetched)
	return found, nil
}

// Delete erases the person: what is sealed under the key can never be opened
// again. It is no error if there is no key.
func (k *PersonKeys) Delete(ctx context.Context, person uuid.UUID) error {
	_, err := k.pool.Exec(ctx, `delete from identity.person_keys where user_id = $1`, person)
	k.Forget(person)
	if err != nil {
		return fmt.Errorf("delete key of person %s: %w", person, err)
	}
	return nil
}

// SweepStrangers erases the strangers of days before that of a time, and returns of how
// many days: what is sealed about them can never be opened again.
func (k *PersonKeys) SweepStrangers(ctx context.Context, before time.Time) (int64, error) {
	tag, err := k.pool.Exec(ctx, `delete from identity.person_keys where user_id >= $1 and user_id < $2`,
		events.Stranger(time.Time{}), events.Stranger(before))
	if err != nil {
		return 0, fmt.Errorf("delete keys of strangers: %w", err)
	}
	return tag.RowsAffected(), nil
}

func (k *PersonKeys) recall(persons []uuid.UUID, now time.Time) (found events.Keys, missing []uuid.UUID) {
	found = make(events.Keys, len(persons))
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, person := range persons {
		if kept, ok := k.kept[person]; ok && now.Before(kept.expires) {
			found[person] = kept.key
		} else {
			missing = append(missing, person)
		}
	}
	return found, missing
}

func (k *PersonKeys) keep(keys events.Keys, expires time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept)+len(keys) > keysKept {
		clear(k.kept)
	}
	if len(keys) > keysKept {
		return
	}
	for person, key := range keys {
		k.kept[person] = keptKey{key: key, expires: expires}
	}
}
