package roles

import (
	"context"
	"os"
	"os/user"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/postgres"
	"github.com/cartulary/cartulary/command"
)

// operator returns who runs this program where, as the machine tells.
func operator() command.Operator {
	o := command.Operator{Account: "user " + strconv.Itoa(os.Getuid())} // that has no name, as in many containers
	if u, err := user.Current(); err == nil && u.Username != "" {
		o.Account = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		o.Host = host
	}
	return o
}

// recordAct says in a ledger what the operator does who runs this program.
func recordAct(ctx context.Context, pool *pgxpool.Pool, ledger uuid.UUID, action, detail string) error {
	writer := postgres.New(pool, postgres.Options{Writers: 1})
	defer writer.Close()
	app := command.NewApp(writer, postgres.NewPersonKeys(pool), nil) // claims no addresses
	_, err := app.RecordOperation(ctx, command.RecordOperation{Ledger: ledger, By: operator(), Action: action, Detail: detail})
	return err
}
