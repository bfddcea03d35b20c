package tenantdb

import (
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// PlatformDatabase names the main database in [projections.Progress] and for
// [Awaiter.Await], whatever it is called on its server. A tenant's own database
// goes by [events.DatabaseName].
const PlatformDatabase = "platform"

func databaseName(tenant uuid.UUID) string { return events.DatabaseName(tenant) }
