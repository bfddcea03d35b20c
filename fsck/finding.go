package fsck

import (
	"github.com/google/uuid"
)

// Kind says what is wrong.
type Kind string

// What may be wrong.
const (
	Missing       Kind = "missing"        // the object of a living file is not there
	Altered       Kind = "altered"        // the object of a living file holds other bytes
	Stuck         Kind = "stuck"          // a file was received, is whole, and nobody finishes it
	Failed        Kind = "failed"         // documents stand on a file whose bytes could not be stored
	Dangling      Kind = "dangling"       // a document stands on a file that the ledger does not have
	Orphan        Kind = "orphan"         // no file stands on an object
	Unfinished    Kind = "unfinished"     // an upload in parts does not end
	Foreign       Kind = "foreign"        // the platform does not name objects so
	RowMissing    Kind = "row-missing"    // the read model lacks what the ledger has
	RowExtra      Kind = "row-extra"      // the read model has what the ledger has not
	RowDiffers    Kind = "row-differs"    // the read model says something else than the ledger
	Behind        Kind = "behind"         // read models do not come up with the ledger
	NoDatabase    Kind = "no-database"    // a tenant has no database of its own
	StrayDatabase Kind = "stray-database" // a database belongs to no tenant
	StrayObjects  Kind = "stray-objects"  // objects belong to no tenant
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind     Kind      `json:"kind"`
	Tenant   uuid.UUID `json:"tenant_id,omitzero"`
	File     uuid.UUID `json:"file_id,omitzero"`
	Document uuid.UUID `json:"document_id,omitzero"`
	Key      string    `json:"key,omitempty"` // of the object, or what the keys begin with
	Detail   string    `json:"detail"`
	Remedy   string    `json:"remedy"`             // what to do
	Repaired string    `json:"repaired,omitempty"` // what was done; nothing is left to do then
	Refused  string    `json:"repair_failed,omitempty"`
}

const (
	remedyReplay = "cartulary replay builds read models anew"
	remedyRemove = "fsck --repair removes it"
	remedyBackup = "put the object back from a backup, or remove it and upload its bytes again"
	remedyAgain  = "upload its bytes again, or put the object back from a backup and run fsck --repair"
	remedyQueue  = "fsck --repair has it verified once more"
	remedyLook   = "find out whose it is"
)

// remedy returns what to do about findings of a kind.
func (k Kind) remedy() string {
	switch k {
	case Missing:
		return "upload its bytes again, or put the object back from a backup"
	case Altered: // when bytes are uploaded again, the store is asked for sizes and MD5 digests alone
		return remedyBackup
	case Failed:
		return remedyAgain
	case Stuck:
		return "see that a worker runs; " + remedyQueue
	case NoDatabase:
		return "see that a worker runs, or fsck --repair"
	case Dangling:
		return "the trail tells what became of the file; upload its bytes again"
	case Orphan, Unfinished:
		return remedyRemove
	case Foreign, StrayObjects, StrayDatabase:
		return remedyLook
	case RowMissing, RowExtra, RowDiffers:
		return remedyReplay
	case Behind:
		return "see that a projector runs and what it logs; " + remedyReplay
	}
	return remedyLook
}
