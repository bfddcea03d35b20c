package command

import (
	"crypto/md5" //nolint:gosec // as below
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/events"
)

// Digest identifies bytes by their size and two hashes.
type Digest struct {
	MD5    string // lower-case hex
	SHA256 string // lower-case hex
	Size   int64  // bytes
}

// DigestOf returns the digest of data.
func DigestOf(data []byte) Digest {
	md5sum, sha := md5.Sum(data), sha256.Sum256(data) //nolint:gosec // the requirements' dedup key; SHA-256 stands beside it
	return Digest{MD5: hex.EncodeToString(md5sum[:]), SHA256: hex.EncodeToString(sha[:]), Size: int64(len(data))}
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
	Staged  string // where they were last received
	Failure string // why it failed; "" unless it did
	Version int64

	References int // documents that stand on it

	CreatedAt time.Time // when its bytes were received, in this life of it
	CreatedBy uuid.UUID
	UpdatedAt time.Time // of its last change of state

	Born     int64     // version at which the bytes that lie under S3Path were received
	BornAt   time.Time // when that was
	Queued   int64     // version at which they were last given to be verified
	QueuedAt time.Time // when that was
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
		if !f.exists() {
			f.CreatedAt, f.CreatedBy = r.At, r.Actor
		}
		f.Staged = e.S3Path
		f.Digest = Digest{MD5: e.MD5, SHA256: e.SHA256, Size: e.Size}
		f.Born, f.BornAt = r.StreamVersion, r.At
		f = f.queued(r, e.S3Path)
	case events.FileRetried:
		f = f.queued(r, e.S3Path)
	case events.FileStored:
		f.Status, f.S3Path, f.UpdatedAt = FileReady, e.S3Path, r.At
	case events.FileFailed:
		f.Status, f.Failure, f.UpdatedAt = FileFailed, e.Reason, r.At
	case events.FileDeleted:
		f.Status, f.S3Path, f.Failure, f.UpdatedAt = FileDeleted, "", "", r.At
	case events.FileReferenced:
		f.References++
	case events.FileDereferenced:
		f.References--
	}
	return f
}

// exists reports whether there is such a file.
func (f File) exists() bool { return f.Status != "" && f.Status != FileDeleted }

// queued is f once an event gave its bytes to be verified.
func (f File) queued(r events.Recorded, s3Path string) File {
	f.Status, f.S3Path, f.Failure, f.UpdatedAt = FileProcessing, s3Path, "", r.At
	f.Queued, f.QueuedAt = r.StreamVersion, r.At
	return f
}

// FileDetails describes a file to the members of its tenant.
type FileDetails struct {
	ID         uuid.UUID `json:"id"`
	MD5Hash    string    `json:"md5_hash"`
	SHA256     string    `json:"sha256_hash"`
	S3Path     string    `json:"s3_path"`
	FileSize   int64     `json:"file_size"` // bytes
	Status     string    `json:"status"`
	References int       `json:"references"` // documents that stand on it
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	CreatedBy  uuid.UUID `json:"created_by"`
	Version    int64     `json:"version"`
}

// details describes f, which has not failed.
func (f File) details(id uuid.UUID) FileDetails {
	return FileDetails{
		ID: id, MD5Hash: f.Digest.MD5, SHA256: f.Digest.SHA256, S3Path: f.S3Path, FileSize: f.Digest.Size,
		Status: string(f.Status), References: f.References,
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, CreatedBy: f.CreatedBy, Version: f.Version,
	}
}
