package fsck

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// area is where in a tenant's keys an object lies.
type area int

const (
	foreign  area = iota // named as the platform names none
	stored               // under a file's final key
	staged               // on its way in; of a document
	directly             // sent by a member to the store, to be taken over
	chunk                // of an upload that can be resumed
)

// place is what an object's key says.
type place struct {
	area area
	of   uuid.UUID // the file, or the document
	born int64     // version of the file at which the bytes under its final key were received
}

// placeOf reads a key of a tenant.
func placeOf(tenant uuid.UUID, key string) place {
	if rest, ok := strings.CutPrefix(key, command.FilesPrefix(tenant)); ok {
		if parts := strings.Split(rest, "/"); len(parts) == 3 { // year, month, file
			name, hash, _ := strings.Cut(parts[2], "_")
			if id, err := uuid.Parse(name); err == nil {
				return place{stored, id, bornIn(hash)}
			}
		}
		return place{}
	}
	if rest, ok := strings.CutPrefix(key, command.StagingPrefix(tenant)); ok {
		if id, err := uuid.Parse(rest); err == nil {
			return place{area: staged, of: id}
		}
		return place{}
	}
	if strings.HasPrefix(key, command.DirectPrefix(tenant)) {
		return place{area: directly}
	}
	if strings.HasPrefix(key, command.ResumablePrefix(tenant)) {
		return place{area: chunk}
	}
	return place{}
}

// bornIn returns the version that ends a final key; see [command.StoredPath].
func bornIn(name string) int64 {
	_, version, _ := strings.Cut(name, ".")
	born, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 1
	}
	return born
}

// objects looks at everything in the store that bears the tenant's name.
func (t *tenant) objects(ctx context.Context) error {
	prefix := command.TenantPrefix(t.id)
	batch := make([]Object, 0, page)
	err := t.cfg.Objects.List(ctx, prefix, func(o Object) error {
		t.count.objects.Add(1)
		if batch = append(batch, o); len(batch) < page {
			return nil
		}
		defer func() { batch = batch[:0] }()
		return t.batch(ctx, batch)
	})
	if err == nil {
		err = t.batch(ctx, batch)
	}
	if err != nil {
		return err
	}
	return t.cfg.Objects.Unfinished(ctx, prefix, func(u Upload) error {
		if !u.Begun.Before(t.before) {
			t.count.young.Add(1)
			return nil
		}
		t.found(ctx, Finding{Kind: Unfinished, Key: u.Key, Detail: "an upload in parts was begun at " + stamp(u.Begun) + " and did not end"}, t.abort(u))
		return nil
	})
}

// batch looks at objects and, where one seems to be of no use, again.
func (t *tenant) batch(ctx context.Context, batch []Object) error {
	uses, err := t.uses(ctx, batch)
	if err != nil {
		return err
	}
	for i, o := range batch {
		if uses[i].needed {
			continue
		}
		if !uses[i].foreign && !uses[i].since.Before(t.before) {
			t.count.young.Add(1)
			continue
		}
		if err := t.useless(ctx, o.Key); err != nil {
			return err
		}
	}
	return nil
}

// useless looks again at an object that seems to be of no use.
func (t *tenant) useless(ctx context.Context, key string) error {
	o, err := t.cfg.Objects.Head(ctx, key)
	if errors.Is(err, t.cfg.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	again, err := t.uses(ctx, []Object{o})
	if err != nil {
		return err
	}
	u := again[0]
	switch {
	case u.needed, t.sweeping && (u.foreign || u.unknown):
	case u.foreign:
		t.found(ctx, Finding{Kind: Foreign, Key: key, Detail: "the platform does not name objects so"}, nil)
	case u.since.Before(t.before):
		t.found(ctx, Finding{Kind: Orphan, Key: key, File: u.file, Document: u.document, Detail: u.why + ", since " + stamp(u.since)}, t.remove(key))
	default:
		t.count.young.Add(1)
	}
	return nil
}

// use is what an object is good for.
type use struct {
	needed  bool // a living file stands on it, or may come to
	foreign bool
	unknown bool      // the ledger has not come as far as the object; was it set back?
	since   time.Time // it is of no use, nor was handed out as if it were
	why     string

	file, document uuid.UUID
}

// uses finds out what objects are good for.
func (t *tenant) uses(ctx context.Context, objects []Object) ([]use, error) {
	places := make([]place, len(objects))
	files, documents := make([]uuid.UUID, len(objects)), make([]uuid.UUID, len(objects))
	for i, o := range objects {
		switch places[i] = placeOf(t.id, o.Key); places[i].area {
		case stored:
			files[i] = places[i].of
		case staged:
			documents[i] = places[i].of
		case foreign, directly, chunk:
		}
	}
	onLedger, err := t.cfg.App.Documents(ctx, t.id, documents)
	if err != nil {
		return nil, err
	}
	for i, d := range onLedger {
		if places[i].area == staged {
			files[i] = d.FileID
		}
	}
	states, err := t.cfg.App.Files(ctx, t.id, files)
	if err != nil {
		return nil, err
	}
	list := make([]use, len(objects))
	for i, o := range objects {
		if t.state.Purged {
			list[i] = use{since: o.Modified, why: "the tenant was purged"}
			continue
		}
		list[i] = useOf(o, places[i], states[i])
		list[i].file, list[i].document = files[i], documents[i]
	}
	return list, nil
}

// useOf tells what an object is good for whose key names a file, or a document that
// stands on it.
func useOf(o Object, p place, f command.File) use {
	u := use{since: o.Modified, needed: f.S3Path == o.Key}
	switch {
	case u.needed:
	case p.area == foreign:
		u.foreign = true
	case p.area == directly:
		u.why = "sent to the store and never taken over"
	case p.area == chunk: // of an upload that was begun before it came
		u.since, u.why = o.Modified.Add(command.ResumableLifetime), "of an upload that can't be resumed any more"
	case p.area == stored && f.Version < p.born:
		u.unknown, u.why = true, "the ledger knows of no such file"
	case f.Status == "":
		u.why = "received, but not recorded"
	case p.area == stored && (f.Status == command.FileProcessing || f.Status == command.FileFailed):
		u.needed = true // a worker that finishes the file copies it here
	default:
		u.why = "the file lies elsewhere"
		if f.Status == command.FileDeleted {
			u.why = "the file was deleted"
		}
		if f.UpdatedAt.After(u.since) { // until then it may have been of use
			u.since = f.UpdatedAt
		}
	}
	return u
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
