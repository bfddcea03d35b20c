package postgres

import (
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// MayOnlyRead reports whether err says that the role may not write what it tried to, or
// that nobody may, as on a standby (SQLSTATE insufficient_privilege,
// read_only_sql_transaction).
func MayOnlyRead(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && slices.Contains([]string{"42501", "25006"}, refused.Code)
}
