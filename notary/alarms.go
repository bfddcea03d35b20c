package notary

import (
	"time"

	"github.com/google/uuid"
)

// position names a ledger, or its checkpoint of so many events.
type position struct {
	ledger uuid.UUID
	size   int64
}

// alarms are when alarms were last raised.
type alarms map[position]time.Time

// due reports whether an alarm is to be raised again, and takes it for raised.
func (a alarms) due(p position) bool {
	if time.Since(a[p]) < alarmEvery {
		return false
	}
	a[p] = time.Now()
	return true
}

// clear says that there is no reason for an alarm any more.
func (a alarms) clear(p position) { delete(a, p) }
