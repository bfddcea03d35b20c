package notary_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/notary"
	"github.com/cartulary/cartulary/proof"
)

// goesOn waits until a notary has looked at everything twice and more, and has signed
// and published another ledger meanwhile.
func (o *office) goesOn(t *testing.T) {
	t.Helper()
	other := uuid.New()
	for size := int64(1); size <= 3; size++ {
		o.grow(t, other, 1)
		o.until(t, "others are published", func() bool { return o.published(t, other, size) })
	}
}

// A database that was set back to an earlier time does not get to replace what was
// published since, whatever is added to it.
func TestALedgerThatWasSetBackIsNeitherSignedNorPublished(t *testing.T) {
	t.Parallel()
	for name, added := range map[string]int{"behind": 0, "as long": 2, "longer": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, id := setup(t), uuid.New()
			o.grow(t, id, 9)
			o.workUntil(t, id, 9)
			o.grow(t, id, 1)
			restored := o.backUp(t)
			o.grow(t, id, 2)
			o.workUntil(t, id, 12)
			honest := o.latest(t, id)

			if added > 0 {
				restored.grow(t, id, added)
			}
			g := restored.guard(t)
			stop := work(t, restored.config(), always)
			restored.until(t, "an alarm", func() bool { return strings.Contains(restored.logs.String(), alarm) })
			restored.goesOn(t)
			if c := o.latest(t, id); c != honest {
				t.Errorf("what was published at %d events was replaced by %d", honest.Size, c.Size)
			}
			if last, err := restored.Checkpoint(t.Context(), id, 0); err != nil || last.Size != 9 {
				t.Errorf("signed up to %d, %v", last.Size, err)
			}
			if g.Verdict(t.Context()) == nil {
				t.Error("the ledger is served")
			}
			said := restored.logs.String()
			if strings.Count(said, alarm) != 1 || !strings.Contains(said, "level=ERROR") || !strings.Contains(said, "ledger="+id.String()) {
				t.Errorf("want one alarm a minute, of level ERROR, that names the ledger:\n%s", said)
			}
			stop()

			// The database as it was before is signed and published as ever.
			o.grow(t, id, 1)
			work(t, o.config(), always)
			o.until(t, "13 events are published", func() bool { return o.published(t, id, 13) })
		})
	}
}

// stalled is an object store that takes nothing, so that what is signed waits.
type stalled struct{ notary.Objects }

func (stalled) Keep(context.Context, string, string, []byte) error { return errKilled }

// What waited to be published when the database was backed up does not replace what was
// published since.
func TestWhatWaitedInABackupIsNotPublished(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	o.grow(t, id, 9)
	cfg := o.config()
	cfg.Objects = stalled{o.store}
	stop := work(t, cfg, always)
	o.until(t, "9 events are signed", func() bool {
		c, err := o.Checkpoint(t.Context(), id, 0)
		return err == nil && c.Size == 9
	})
	stop()
	restored := o.backUp(t)
	o.grow(t, id, 3)
	o.workUntil(t, id, 12)

	work(t, restored.config(), always)
	restored.goesOn(t)
	if c := o.latest(t, id); c.Size != 12 {
		t.Errorf("what was published at 12 events was replaced by %d", c.Size)
	}
	if n := restored.sends(id, 9); n != 0 {
		t.Errorf("sent to Kafka %d times", n)
	}
	if said := restored.logs.String(); strings.Count(said, held) != 1 || !strings.Contains(said, "ledger="+id.String()+" checkpoint=9 ") {
		t.Errorf("want one alarm a minute, that names ledger and checkpoint:\n%s", said)
	}
}

// A database that lost what came after the last publication, checkpoint included, lost
// nothing that anybody was promised.
func TestALedgerThatHoldsAllThatWasPublishedIsSigned(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	o.grow(t, id, 9)
	restored := o.backUp(t)
	o.workUntil(t, id, 9)

	restored.grow(t, id, 4) // before it has a checkpoint of its own
	g := restored.guard(t)
	work(t, restored.config(), always)
	restored.until(t, "13 events are published", func() bool { return restored.published(t, id, 13) })
	restored.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
	if c := o.latest(t, id); c.Size != 13 {
		t.Errorf("the latest checkpoint is of %d events", c.Size)
	}
}

// Who knows that the backup is old, and goes on with it, removes the latest checkpoint.
func TestARestoredLedgerIsSignedOnceItsLatestCheckpointIsRemoved(t *testing.T) {
	t.Parallel()
	o, id := setup(t), uuid.New()
	o.grow(t, id, 9)
	restored := o.backUp(t)
	o.grow(t, id, 1)
	o.workUntil(t, id, 10)

	restored.grow(t, id, 1)
	work(t, restored.config(), always)
	restored.until(t, "an alarm", func() bool { return strings.Contains(restored.logs.String(), alarm) })
	if err := o.store.Delete(t.Context(), "audit/latest/"+id.String()); err != nil {
		t.Fatal(err)
	}
	// Of as many events there is a checkpoint already, which stays.
	restored.until(t, "it is told", func() bool {
		return strings.Contains(restored.logs.String(), held) && strings.Contains(restored.logs.String(), "ledger="+id.String()+" checkpoint=10 ")
	})
	restored.grow(t, id, 1)
	g := restored.guard(t)
	restored.until(t, "11 events are published", func() bool { return restored.published(t, id, 11) })
	restored.until(t, "agreement", func() bool { return g.Verdict(t.Context()) == nil })
	if err := restored.Published(t.Context(), []proof.Signed{{Ledger: id, Size: 10}}); err != nil {
		t.Fatal(err)
	}
	restored.goesOn(t)
	if waiting, err := restored.Unpublished(t.Context(), uuid.Nil, 0, 100); err != nil || len(waiting) > 0 {
		t.Errorf("%d checkpoints wait, %v", len(waiting), err)
	}
}
