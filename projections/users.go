package projections

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Users writes the users of the platform, into the main database.
func Users() Projection {
	return Projection{Name: "users", Kinds: []events.Kind{events.KindUser}, Apply: applyUsers}
}

// userChange is what a batch does to a user.
type userChange struct {
	registered bool // it is new
	createdAt  time.Time
	person     *events.Person // nil: as it was
	inactive   bool           // it became so
	updatedAt  time.Time      // of person
	version    int64
}

// profile notes a profile. Each is opened, also if another follows: what can't be is
// told of however the events were cut into batches.
func (c *userChange) profile(keys events.Keys, s events.Sealed, at time.Time) error {
	person, erased, err := open(keys, s)
	if err != nil {
		return err
	}
	c.person, c.inactive, c.updatedAt = &person, c.inactive || erased, at
	return nil
}

func (c *userChange) erase(id uuid.UUID, at time.Time) {
	person := ErasedPerson(id)
	c.person, c.inactive, c.updatedAt = &person, true, at
}

func applyUsers(w *Writes, b Batch) error {
	var users fold[userChange]
	for i := range b.Events {
		r := &b.Events[i]
		event, ok := r.Event.(events.UserEvent)
		if !ok {
			continue
		}
		c := users.of(r.Stream.ID)
		c.version = r.StreamVersion
		var err error
		switch e := event.(type) {
		case events.UserRegistered:
			c.registered, c.createdAt = true, r.At
			err = c.profile(b.Keys, e.Person, r.At)
		case events.UserProfileChanged:
			err = c.profile(b.Keys, e.Person, r.At)
		case events.UserErased:
			c.erase(r.Stream.ID, r.At)
		case events.UserLoggedIn, events.UserLoginFailed, events.UserLoggedOut, events.UserLoggedOutEverywhere,
			events.UserPasswordChanged, events.UserTokenReused: // the trail tells
		}
		if err != nil {
			return fmt.Errorf("event %d: %w", r.Seq, err)
		}
	}
	writeUsers(w, &users)
	return nil
}

func writeUsers(w *Writes, users *fold[userChange]) {
	var (
		added, changed userColumns
		createdAt      []time.Time
		seen           []uuid.UUID
		seenVersions   []int64
	)
	for _, id := range users.sorted() {
		c := users.of(id)
		switch {
		case c.registered:
			createdAt = append(createdAt, c.createdAt)
			added.append(id, c)
		case c.person != nil:
			changed.append(id, c)
		default:
			seen, seenVersions = append(seen, id), append(seenVersions, c.version)
		}
	}
	if len(changed.ids) > 0 {
		// Addresses may change hands within a batch. While that goes on, whoever gets
		// a new one has none that anyone else could have.
		w.queue(`update users set email = id::text where id = any($1)`, uuids(changed.ids))
		w.queue(`
			update users u
			set first_name = v.first_name, last_name = v.last_name, email = v.email,
				is_active = u.is_active and v.is_active, updated_at = v.updated_at, version = v.version
			from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::timestamptz[], $7::bigint[])
				as v (id, first_name, last_name, email, is_active, updated_at, version)
			where u.id = v.id`, changed.args()...)
	}
	if len(added.ids) > 0 {
		w.queue(`
			insert into users (id, first_name, last_name, email, is_active, updated_at, version, created_at)
			select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[],
				$6::timestamptz[], $7::bigint[], $8::timestamptz[])`,
			append(added.args(), createdAt)...)
	}
	if len(seen) > 0 {
		w.queue(`
			update users u set version = v.version
			from unnest($1::uuid[], $2::bigint[]) as v (id, version)
			where u.id = v.id`, uuids(seen), seenVersions)
	}
}

// userColumns holds users, column by column.
type userColumns struct {
	ids                           []uuid.UUID
	firstNames, lastNames, emails []string
	active                        []bool
	updated                       []time.Time
	versions                      []int64
}

func (u *userColumns) append(id uuid.UUID, c *userChange) {
	u.ids = append(u.ids, id)
	u.firstNames = append(u.firstNames, c.person.FirstName)
	u.lastNames = append(u.lastNames, c.person.LastName)
	u.emails = append(u.emails, c.person.Email)
	u.active = append(u.active, !c.inactive)
	u.updated = append(u.updated, c.updatedAt)
	u.versions = append(u.versions, c.version)
}

func (u *userColumns) args() []any {
	return []any{uuids(u.ids), u.firstNames, u.lastNames, u.emails, u.active, u.updated, u.versions}
}
