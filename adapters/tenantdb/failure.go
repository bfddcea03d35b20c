package tenantdb

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// SQLSTATE codes that are treated one by one.
const (
	codeNoSuchDatabase  = "3D000"
	codeDatabaseExists  = "42P04"
	codeUniqueViolation = "23505"
	codeForeignKey      = "23503"
)

// isCode reports whether err comes from PostgreSQL with a SQLSTATE code.
func isCode(err error, code string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == code
}
