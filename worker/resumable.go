package worker

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// sweepResumable removes what is left of uploads that could be resumed until some time
// before the given one, whatever became of them, unless somebody may still be at it who
// did so at the last moment. Their ids tell when they were begun.
func (j *Janitor) sweepResumable(ctx context.Context, tenant uuid.UUID, before time.Time) (removed int, err error) {
	prefix := command.ResumablePrefix(tenant)
	err = j.Staging.List(ctx, prefix, func(o StagedObject) error {
		upload, _, _ := strings.Cut(strings.TrimPrefix(o.Key, prefix), "/")
		if !begun(upload, o.Modified).Add(command.ResumableLifetime + command.LongestUpload).Before(before) {
			return nil
		}
		removed++
		return j.Staging.Delete(ctx, o.Key)
	})
	return removed, err
}

// begun returns the time in an id of version 7 (RFC 9562 §5.7), or else the other one.
func begun(id string, otherwise time.Time) time.Time {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 {
		return otherwise
	}
	return time.Unix(parsed.Time().UnixTime())
}
