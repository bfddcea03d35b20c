package events

import "github.com/google/uuid"

// DocumentEvent is a fact about one document.
//
//sumtype:decl
type DocumentEvent interface {
	Event
	documentEvent()
}

// Names of document events.
const (
	TypeDocumentUploaded    Type = "document.uploaded"
	TypeDocumentRenamed     Type = "document.renamed"
	TypeDocumentTypeChanged Type = "document.type_changed"
	TypeDocumentDeleted     Type = "document.deleted"
)

// DocumentUploaded records a new document over a file of the same tenant.
type DocumentUploaded struct {
	FileID   uuid.UUID `json:"file_id"`
	Filename string    `json:"filename"`
	MimeType string    `json:"mime_type"`
}

// DocumentRenamed records a document's new file name.
type DocumentRenamed struct {
	Filename string `json:"filename"`
	Previous string `json:"previous"`
}

// DocumentTypeChanged records a document's new media type.
type DocumentTypeChanged struct {
	MimeType string `json:"mime_type"`
	Previous string `json:"previous"`
}

// DocumentDeleted records that a document is gone.
type DocumentDeleted struct {
	FileID   uuid.UUID `json:"file_id"`
	Filename string    `json:"filename"`
}

// EventType implements [Event].
func (DocumentUploaded) EventType() Type { return TypeDocumentUploaded }

// EventType implements [Event].
func (DocumentRenamed) EventType() Type { return TypeDocumentRenamed }

// EventType implements [Event].
func (DocumentTypeChanged) EventType() Type { return TypeDocumentTypeChanged }

// EventType implements [Event].
func (DocumentDeleted) EventType() Type { return TypeDocumentDeleted }

func (DocumentUploaded) documentEvent()    {}
func (DocumentRenamed) documentEvent()     {}
func (DocumentTypeChanged) documentEvent() {}
func (DocumentDeleted) documentEvent()     {}
