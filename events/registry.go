package events

import (
	"fmt"
	"maps"

	"github.com/go-json-experiment/json/jsontext"
)

// Registry is what a build of the platform knows of events: by their names, what
// their data are and how older versions of them are read.
type Registry map[Type]Definition

// Definition is what is known of one kind of event.
type Definition struct {
	kind      Kind
	zero      Event
	upcasters []Upcaster // the first makes version 2 of version 1, and so on
	decode    func(data []byte) (Event, error)
}

// Define returns the definition of an event of kind that is written as an E. The
// upcasters make E's data of every older version's: the first makes version 2 of
// version 1, and so on, so that there is one fewer of them than there are versions.
func Define[E Event](kind Kind, upcasters ...Upcaster) Definition {
	var zero E
	return Definition{kind: kind, zero: zero, upcasters: upcasters, decode: func(data []byte) (Event, error) {
		return decodeStrictly[E](data)
	}}
}

// SchemaVersion returns the schema version that is written today; older ones are
// still read.
func (d Definition) SchemaVersion() int { return len(d.upcasters) + 1 }

// Zero returns an event of the newest version that says nothing.
func (d Definition) Zero() Event { return d.zero }

// Kind returns the kind of stream that the event belongs to.
func (d Definition) Kind() Kind { return d.kind }

// registry lists every event once: a name used twice does not compile.
var registry = Registry{
	TypeUserRegistered:          Define[UserRegistered](KindUser),
	TypeUserProfileChanged:      Define[UserProfileChanged](KindUser),
	TypeUserLoggedIn:            Define[UserLoggedIn](KindUser),
	TypeUserLoggedOut:           Define[UserLoggedOut](KindUser),
	TypeUserErased:              Define[UserErased](KindUser),
	TypeEmailClaimed:            Define[EmailClaimed](KindEmail),
	TypeEmailReleased:           Define[EmailReleased](KindEmail),
	TypeTenantCreated:           Define[TenantCreated](KindTenant),
	TypeTenantProvisioned:       Define[TenantProvisioned](KindTenant),
	TypeTenantChanged:           Define[TenantChanged](KindTenant),
	TypeTenantDeleted:           Define[TenantDeleted](KindTenant),
	TypeTenantPurged:            Define[TenantPurged](KindTenant),
	TypeMemberAdded:             Define[MemberAdded](KindTenant),
	TypeMemberRoleChanged:       Define[MemberRoleChanged](KindTenant),
	TypeMemberRemoved:           Define[MemberRemoved](KindTenant),
	TypeDocumentUploaded:        Define[DocumentUploaded](KindDocument),
	TypeDocumentRenamed:         Define[DocumentRenamed](KindDocument),
	TypeDocumentDeleted:         Define[DocumentDeleted](KindDocument),
	TypeFileReceived:            Define[FileReceived](KindFile),
	TypeFileReferenced:          Define[FileReferenced](KindFile),
	TypeFileDereferenced:        Define[FileDereferenced](KindFile),
	TypeFileStored:              Define[FileStored](KindFile),
	TypeFileFailed:              Define[FileFailed](KindFile),
	TypeFileRetried:             Define[FileRetried](KindFile),
	TypeFileDeleted:             Define[FileDeleted](KindFile),
	TypeDocumentTypeChanged:     Define[DocumentTypeChanged](KindDocument),
	TypeAccessRefused:           Define[AccessRefused](KindAccess, Upcast(sameAccessRefused)),
	TypeDownloadGranted:         Define[DownloadGranted](KindAccess),
	TypeTrailExported:           Define[TrailExported](KindAccess),
	TypeDocumentHoldPlaced:      Define[DocumentHoldPlaced](KindHold),
	TypeDocumentHoldReleased:    Define[DocumentHoldReleased](KindHold),
	TypeTenantHoldPlaced:        Define[TenantHoldPlaced](KindHold),
	TypeTenantHoldReleased:      Define[TenantHoldReleased](KindHold),
	TypeOperationPerformed:      Define[OperationPerformed](KindOperation),
	TypeUserLoginFailed:         Define[UserLoginFailed](KindUser),
	TypeUserLoggedOutEverywhere: Define[UserLoggedOutEverywhere](KindUser),
	TypeUserPasswordChanged:     Define[UserPasswordChanged](KindUser),
	TypeUserTokenReused:         Define[UserTokenReused](KindUser),
	TypeEmailLoginFailed:        Define[EmailLoginFailed](KindEmail),
}

// Published returns the registry that [Decode] reads with. It is the caller's to change.
func Published() Registry { return maps.Clone(registry) }

// Types returns the names of all events, in no order.
func Types() []Type {
	types := make([]Type, 0, len(registry))
	for t := range registry {
		types = append(types, t)
	}
	return types
}

// SchemaVersion returns the schema version in which events of type t are
// written, or 0 if the type is unknown.
func SchemaVersion(t Type) int {
	if d, ok := registry[t]; ok {
		return d.SchemaVersion()
	}
	return 0
}

// KindOf returns the kind of stream that events of type t belong to.
func KindOf(t Type) Kind { return registry[t].kind }

// UnknownError says that an event's name or schema version is not one that this
// build of the platform knows: it was written by a newer one, or by none.
type UnknownError struct {
	Type          Type
	SchemaVersion int
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown event %q, schema version %d", e.Type, e.SchemaVersion)
}

func (r Registry) decodeData(t Type, version int, data jsontext.Value) (Event, error) {
	d, ok := r[t]
	if !ok || version < 1 || version > d.SchemaVersion() {
		return nil, &UnknownError{Type: t, SchemaVersion: version}
	}
	for i, upcast := range d.upcasters[version-1:] {
		var err error
		if data, err = upcast(data); err != nil {
			return nil, fmt.Errorf("%s, version %d to %d: %w", t, version+i, version+i+1, err)
		}
	}
	return d.decode(data)
}
