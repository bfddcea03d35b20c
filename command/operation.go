package command

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Operator is who runs a command of the program, as the machine tells. That is a claim of
// the machine, not a proof.
type Operator struct {
	Account string // of the operating system
	Host    string
}

// ID returns the id under which the trail knows an operator. It tells who that is to
// nobody but who guesses the names right: they stand beside it as the origin of what was
// done, encrypted under a key of the operator's own.
func (o Operator) ID() uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("cartulary operator\x00"+o.Account+"\x00"+o.Host))
}

// RecordOperation says what was done by a command of the program.
type RecordOperation struct {
	Ledger uuid.UUID // whose things it concerns: a tenant's, or the platform's
	By     Operator  // zero: the platform itself
	Action string    // the program's command
	Detail string    // what changed, in words; never personal data
}

// RecordOperation records an operator's act. It decides nothing and loads nothing.
func (a *App) RecordOperation(ctx context.Context, c RecordOperation) (Receipt, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Receipt{}, fmt.Errorf("draw a stream id: %w", err)
	}
	meta := Meta{ID: id}
	if c.By != (Operator{}) {
		meta.Actor = c.By.ID()
		meta.Origin = events.Origin{Address: c.By.Host, UserAgent: "cartulary " + c.Action + ", as " + c.By.Account}
		if _, err := a.keys.Create(ctx, meta.Actor); err != nil {
			return Receipt{}, err
		}
	}
	stream := events.Stream{Kind: events.KindOperation, ID: id}
	result, err := perform(ctx, a, c.Ledger, meta, nil, func(*history) (decision[nothing], error) {
		return quiet(change(stream, []events.OperationEvent{
			events.OperationPerformed{Action: c.Action, Detail: c.Detail},
		})), nil
	})
	return result.Receipt, err
}
