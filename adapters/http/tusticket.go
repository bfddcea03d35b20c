package httpapi

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// tusTicket is what is known of an upload that can be resumed, but for its bytes. Its
// sealed form is the upload's id: nothing else keeps it.
type tusTicket struct {
	Upload   uuid.UUID `json:"i"`
	Tenant   uuid.UUID `json:"t"`
	User     uuid.UUID `json:"u"`
	Size     int64     `json:"s"`
	Metadata string    `json:"m"` // as the client gave it
	Expires  int64     `json:"x"` // Unix time
}

// tusSeal sets these tickets apart from those of uploads to the store.
const tusSeal = "tus"

// newTusTicket begins an upload.
func newTusTicket(by command.Access, tenant uuid.UUID, size int64, metadata string) (tusTicket, error) {
	if size > maxUpload {
		return tusTicket{}, errTooLarge(maxUpload)
	}
	said, err := parseTusMetadata(metadata)
	if err != nil {
		return tusTicket{}, err
	}
	if err := said.validate(); err != nil {
		return tusTicket{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return tusTicket{}, fmt.Errorf("draw an upload's id: %w", err)
	}
	return tusTicket{
		Upload: id, Tenant: tenant, User: by.UserID, Size: size, Metadata: metadata,
		Expires: time.Now().Add(command.ResumableLifetime).Unix(),
	}, nil
}

// prefix is what the keys of the upload's chunks begin with.
func (t tusTicket) prefix() string {
	return command.ResumablePrefix(t.Tenant) + t.Upload.String() + "/"
}

func (a *API) sealTus(t tusTicket) (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encode a ticket: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(a.tickets.Seal(nil, nil, text, []byte(tusSeal))), nil
}

// openTus returns the ticket of an upload's id, unless that was not made here, or for
// somebody else. One that has expired is gone.
func (a *API) openTus(id string, by command.Access, tenant uuid.UUID) (tusTicket, error) {
	var t tusTicket
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil {
		return t, errNoRoute()
	}
	text, err := a.tickets.Open(nil, nil, sealed, []byte(tusSeal))
	if err != nil {
		return t, errNoRoute()
	}
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("decode a ticket: %w", err)
	}
	if t.Tenant != tenant || t.User != by.UserID {
		return t, errNoRoute()
	}
	if time.Now().Unix() >= t.Expires {
		return t, errGone("has expired")
	}
	return t, nil
}

// tusMetadata is what a client says of its file.
type tusMetadata struct {
	filename string
	mimeType string // "": what bytes and name suggest
	sha256   string // in hexadecimal; "" if it does not say
}

// parseTusMetadata reads an Upload-Metadata header (tus 1.0.0, creation). The names
// beside filename and mime_type are those that tus's own clients use.
func parseTusMetadata(header string) (tusMetadata, error) {
	values := make(map[string]string)
	for pair := range strings.SplitSeq(header, ",") {
		key, encoded, _ := strings.Cut(strings.TrimSpace(pair), " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		if _, twice := values[key]; key == "" || twice || err != nil {
			return tusMetadata{}, invalidField("Upload-Metadata",
				"must be keys, each once, with a space and a value in base64, separated by commas")
		}
		values[key] = string(value)
	}
	first := func(names ...string) string {
		for _, name := range names {
			if values[name] != "" {
				return values[name]
			}
		}
		return ""
	}
	return tusMetadata{
		filename: first("filename", "name"), mimeType: first("mime_type", "filetype", "type"), sha256: strings.ToLower(values["sha256"]),
	}, nil
}

func (m tusMetadata) validate() error {
	if sum, err := hex.DecodeString(m.sha256); err != nil || m.sha256 != "" && len(sum) != 32 {
		return invalidField("sha256", "must be 32 bytes in hexadecimal")
	}
	named := command.UploadDocument{Filename: m.filename, MimeType: m.mimeType}
	if named.MimeType == "" {
		named.MimeType = "application/octet-stream"
	}
	return named.Validate()
}
