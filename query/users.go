package query

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// User is a row of users, in the main database.
type User struct {
	ID        uuid.UUID  `db:"id"         json:"id"`
	FirstName string     `db:"first_name" json:"first_name"`
	LastName  string     `db:"last_name"  json:"last_name"`
	Email     string     `db:"email"      json:"email"` // normalised
	IsActive  bool       `db:"is_active"  json:"is_active"`
	CreatedAt time.Time  `db:"created_at" json:"created_at"`
	UpdatedAt time.Time  `db:"updated_at" json:"updated_at"`
	CreatedBy *uuid.UUID `db:"created_by" json:"created_by"` // nil: registered by themselves
	Version   int64      `db:"version"    json:"version"`
}

func (u *User) toUTC() {
	u.CreatedAt = u.CreatedAt.UTC()
	u.UpdatedAt = u.UpdatedAt.UTC()
}

const userColumns = `id, first_name, last_name, email, is_active, created_at, updated_at, created_by, version`

// UserByID returns a user; [ErrNotFound] if there is none.
func UserByID(ctx context.Context, db DB, id uuid.UUID) (User, error) {
	return one[User](ctx, db, "user by id", `select `+userColumns+` from users where id = $1`, id)
}

// UserByEmail returns the user with a normalised e-mail address; [ErrNotFound]
// if there is none.
func UserByEmail(ctx context.Context, db DB, email string) (User, error) {
	return one[User](ctx, db, "user by e-mail", `select `+userColumns+` from users where email = $1`, email)
}
