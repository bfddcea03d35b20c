package projections

import (
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
	profile    *events.Sealed // of a Person; nil: as it was
	erased     bool           // whatever profile says
	updatedAt  time.Time      // of profile, or of being erased
	version    int64
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
		switch e := event.(type) {
		case events.UserRegistered:
			c.registered, c.createdAt = true, r.At
			c.profile, c.updatedAt = &e.Person, r.At
		case events.UserProfileChanged:
			c.profile, c.updatedAt = &e.Person, r.At
		case events.UserErased:
			c.erased, c.updatedAt = true, r.At
		case events.UserLoggedIn, events.UserLoginFailed, events.UserLoggedOut, events.UserLoggedOutEverywhere,
			events.UserPasswordChanged: // the trail tells
		}
	}
	return writeUsers(w, &users, b.Keys)
}

func writeUsers(w *Writes, users *fold[userChange], keys events.Keys) error {
	var (
		added, changed userColumns
		createdAt      []time.Time
		seen           []uuid.UUID
		seenVersions   []int64
	)
	for _, id := range users.sorted() {
		c := users.of(id)
		var err error
		switch {
		case c.registered:
			createdAt = append(createdAt, c.createdAt)
			err = added.append(id, c, keys)
		case c.profile != nil, c.erased:
			err = changed.append(id, c, keys)
		default:
			seen, seenVersions = append(seen, id), append(seenVersions, c.version)
		}
		if err != nil {
			return err
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
	return nil
}

// userColumns holds users, column by column.
type userColumns struct {
	ids                           []uuid.UUID
	firstNames, lastNames, emails []string
	active                        []bool
	updated                       []time.Time
	versions                      []int64
}

func (u *userColumns) append(id uuid.UUID, c *userChange, keys events.Keys) error {
	person, erased := erasedPerson(id), true
	if !c.erased {
		var err error
		if person, erased, err = open(keys, *c.profile); err != nil {
			return err
		}
	}
	u.ids = append(u.ids, id)
	u.firstNames = append(u.firstNames, person.FirstName)
	u.lastNames = append(u.lastNames, person.LastName)
	u.emails = append(u.emails, person.Email)
	u.active = append(u.active, !erased)
	u.updated = append(u.updated, c.updatedAt)
	u.versions = append(u.versions, c.version)
	return nil
}

func (u *userColumns) args() []any {
	return []any{uuids(u.ids), u.firstNames, u.lastNames, u.emails, u.active, u.updated, u.versions}
}
