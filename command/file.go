package command

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Digest identifies bytes by their size and two hashes.
type Digest struct {
	MD5    string // lower-case hex
	SHA256 string // lower-case hex
	Size   int64  // bytes
}

// FileStatus says how far a file is on its way.
type FileStatus string

// The states of a file.
const (
	FileProcessing FileStatus = "processing" // received, not yet verified
	FileReady      FileStatus = "ready"      // verified, under its final key
	FileFailed     FileStatus = "failed"     // the stored bytes are not the received ones
	FileDeleted    FileStatus = "deleted"    // its bytes are gone, or will be soon
)

// File is a tenant's file, as far as commands decide on it.
type File struct {
	Status  FileStatus // "" if there is none
	Digest  Digest
	S3Path  string // where the bytes lie now; "" once deleted
	Version int64

	References int // documents that stand on it
}

// FileID returns the id of the file with these bytes in a tenant. Equal bytes
// have one file, so that uploads and deletes of them meet on one stream. When they
// are received again after a deletion, it is the same file, at another key.
func FileID(tenant uuid.UUID, d Digest) uuid.UUID {
	return uuid.NewSHA1(tenant, fmt.Appendf(nil, "file:%s:%s:%d", d.MD5, d.SHA256, d.Size))
}

func fileStream(id uuid.UUID) events.Stream {
	return events.Stream{Kind: events.KindFile, ID: id}
}

// evolveFile applies one event of a file's stream.
func evolveFile(f File, r events.Recorded) File {
	f.Version = r.StreamVersion
	event, _ := r.Event.(events.FileEvent)
	switch e := event.(type) {
	case events.FileReceived:
		f.Status, f.S3Path = FileProcessing, e.S3Path
		f.Digest = Digest{MD5: e.MD5, SHA256: e.SHA256, Size: e.Size}
	case events.FileStored:
		f.Status, f.S3Path = FileReady, e.S3Path
	case events.FileFailed:
		f.Status = FileFailed
	case events.FileDeleted:
		f.Status, f.S3Path = FileDeleted, ""
	case events.FileReferenced:
		f.References++
	case events.FileDereferenced:
		f.References--
	}
	return f
}
