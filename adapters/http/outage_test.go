package httpapi_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/cartulary/cartulary/internal/pgtest"
)

// pgRefuse makes the main database refuse connections; pgAdmit undoes it.
func pgRefuse(w *world) error { return alterPlatform(w, false) }

func pgAdmit(w *world) error { return alterPlatform(w, true) }

func alterPlatform(w *world, admit bool) error {
	ctx := context.Background()
	name := w.pool.Config().ConnConfig.Database
	cfg, err := pgx.ParseConfig(pgtest.Owner(w.t, w.pool.Config().ConnString()))
	if err != nil {
		return err
	}
	cfg.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s with allow_connections %t", pgx.Identifier{name}.Sanitize(), admit))
	if err != nil || admit {
		return err
	}
	_, err = conn.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
	return err
}
