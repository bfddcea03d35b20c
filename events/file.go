package events

import "github.com/google/uuid"

// FileEvent is a fact about one file: bytes that documents of a tenant refer to.
//
//sumtype:decl
type FileEvent interface {
	Event
	fileEvent()
}

// Names of file events.
const (
	TypeFileReceived     Type = "file.received"
	TypeFileReferenced   Type = "file.referenced"
	TypeFileDereferenced Type = "file.dereferenced"
	TypeFileStored       Type = "file.stored"
	TypeFileFailed       Type = "file.failed"
	TypeFileRetried      Type = "file.retried"
	TypeFileDeleted      Type = "file.deleted"
)

// FileReceived records bytes that arrived: in the staging area, or, when they are stored
// at once, under their final key.
type FileReceived struct {
	MD5    string `json:"md5" jsonschema:"pattern=^[0-9a-f]{32}$"`    // lower-case hex
	S3Path string `json:"s3_path"`                                    // where they lie
	SHA256 string `json:"sha256" jsonschema:"pattern=^[0-9a-f]{64}$"` // lower-case hex
	Size   int64  `json:"size" jsonschema:"minimum=0"`                // bytes
}

// FileReferenced records that a document stands on the file.
type FileReferenced struct {
	DocumentID uuid.UUID `json:"document_id"`
}

// FileDereferenced records that a document no longer stands on the file.
type FileDereferenced struct {
	DocumentID uuid.UUID `json:"document_id"`
}

// FileStored records that the bytes were verified and lie under their final key.
type FileStored struct {
	Previous string `json:"previous"` // where they were received
	S3Path   string `json:"s3_path"`  // tenants/{tenant}/files/{year}/{month}/{file_id}_{md5}
}

// FileFailed records that the staged bytes are not those that were received.
type FileFailed struct {
	Reason string `json:"reason"`
}

// FileRetried records that somebody asked for a file that failed, or that was on its
// way for too long, to be verified once more. Its bytes are those that were received.
type FileRetried struct {
	S3Path string `json:"s3_path"` // key of the staging object
}

// FileDeleted records that a file on which no document stood is gone. Its bytes are
// removed later. The same bytes may be received again.
type FileDeleted struct {
	S3Path string `json:"s3_path"` // key of the bytes to be removed
}

// EventType implements [Event].
func (FileReceived) EventType() Type { return TypeFileReceived }

// EventType implements [Event].
func (FileReferenced) EventType() Type { return TypeFileReferenced }

// EventType implements [Event].
func (FileDereferenced) EventType() Type { return TypeFileDereferenced }

// EventType implements [Event].
func (FileStored) EventType() Type { return TypeFileStored }

// EventType implements [Event].
func (FileFailed) EventType() Type { return TypeFileFailed }

// EventType implements [Event].
func (FileRetried) EventType() Type { return TypeFileRetried }

// EventType implements [Event].
func (FileDeleted) EventType() Type { return TypeFileDeleted }

func (FileReceived) fileEvent()     {}
func (FileReferenced) fileEvent()   {}
func (FileDereferenced) fileEvent() {}
func (FileStored) fileEvent()       {}
func (FileFailed) fileEvent()       {}
func (FileRetried) fileEvent()      {}
func (FileDeleted) fileEvent()      {}
