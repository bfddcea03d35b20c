package events

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// definition is what the platform knows of one kind of event.
type definition struct {
	version int // the schema version that is written today
	kind    Kind
	decode  func(data []byte) (Event, error)
}

// registry lists every event once: a name used twice does not compile.
var registry = map[Type]definition{
	TypeUserRegistered:          define[UserRegistered](KindUser, 1),
	TypeUserProfileChanged:      define[UserProfileChanged](KindUser, 1),
	TypeUserLoggedIn:            define[UserLoggedIn](KindUser, 1),
	TypeUserLoggedOut:           define[UserLoggedOut](KindUser, 1),
	TypeUserErased:              define[UserErased](KindUser, 1),
	TypeEmailClaimed:            define[EmailClaimed](KindEmail, 1),
	TypeEmailReleased:           define[EmailReleased](KindEmail, 1),
	TypeTenantCreated:           define[TenantCreated](KindTenant, 1),
	TypeTenantProvisioned:       define[TenantProvisioned](KindTenant, 1),
	TypeTenantChanged:           define[TenantChanged](KindTenant, 1),
	TypeTenantDeleted:           define[TenantDeleted](KindTenant, 1),
	TypeTenantPurged:            define[TenantPurged](KindTenant, 1),
	TypeMemberAdded:             define[MemberAdded](KindTenant, 1),
	TypeMemberRoleChanged:       define[MemberRoleChanged](KindTenant, 1),
	TypeMemberRemoved:           define[MemberRemoved](KindTenant, 1),
	TypeDocumentUploaded:        define[DocumentUploaded](KindDocument, 1),
	TypeDocumentRenamed:         define[DocumentRenamed](KindDocument, 1),
	TypeDocumentDeleted:         define[DocumentDeleted](KindDocument, 1),
	TypeFileReceived:            define[FileReceived](KindFile, 1),
	TypeFileReferenced:          define[FileReferenced](KindFile, 1),
	TypeFileDereferenced:        define[FileDereferenced](KindFile, 1),
	TypeFileStored:              define[FileStored](KindFile, 1),
	TypeFileFailed:              define[FileFailed](KindFile, 1),
	TypeFileDeleted:             define[FileDeleted](KindFile, 1),
	TypeDocumentTypeChanged:     define[DocumentTypeChanged](KindDocument, 1),
	TypeAccessRefused:           define[AccessRefused](KindAccess, 1),
	TypeDownloadGranted:         define[DownloadGranted](KindAccess, 1),
	TypeDocumentHoldPlaced:      define[DocumentHoldPlaced](KindHold, 1),
	TypeDocumentHoldReleased:    define[DocumentHoldReleased](KindHold, 1),
	TypeTenantHoldPlaced:        define[TenantHoldPlaced](KindHold, 1),
	TypeTenantHoldReleased:      define[TenantHoldReleased](KindHold, 1),
	TypeOperationPerformed:      define[OperationPerformed](KindOperation, 1),
	TypeUserLoginFailed:         define[UserLoginFailed](KindUser, 1),
	TypeUserLoggedOutEverywhere: define[UserLoggedOutEverywhere](KindUser, 1),
	TypeUserPasswordChanged:     define[UserPasswordChanged](KindUser, 1),
	TypeEmailLoginFailed:        define[EmailLoginFailed](KindEmail, 1),
}

func define[E Event](kind Kind, version int) definition {
	return definition{version: version, kind: kind, decode: func(data []byte) (Event, error) {
		var e E
		if err := json.Unmarshal(data, &e, json.RejectUnknownMembers(true)); err != nil {
			return nil, err
		}
		return e, nil
	}}
}

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
func SchemaVersion(t Type) int { return registry[t].version }

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

func decodeData(t Type, version int, data []byte) (Event, error) {
	def, ok := registry[t]
	if !ok || version < 1 || version > def.version {
		return nil, &UnknownError{Type: t, SchemaVersion: version}
	}
	return def.decode(data)
}
