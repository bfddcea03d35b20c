package postgres

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// EnsureRole makes a role that may log in with the given password and create
// databases, and nothing else of the kind; one that is there gets the password.
func (s *Server) EnsureRole(ctx context.Context, name, password string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("make role %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1)`, name).Scan(&exists); err != nil {
		return fmt.Errorf("make role %s: %w", name, err)
	}
	verb := "create"
	if exists {
		verb = "alter"
	}
	var statement string
	err = conn.QueryRow(ctx, `
select format('`+verb+` role %I login createdb nosuperuser nocreaterole noreplication password %L', $1::text, $2::text)`,
		name, password).Scan(&statement)
	if err == nil {
		_, err = conn.Exec(ctx, statement)
	}
	if err != nil {
		return fmt.Errorf("make role %s: %w", name, err)
	}
	return nil
}

// URLAs returns a role's connection string for a database.
func (s *Server) URLAs(database, role, password string) string {
	u, err := url.Parse(s.URL(database))
	if err != nil {
		return "" // what URL makes can be read
	}
	u.User = url.UserPassword(role, password)
	return u.String()
}
