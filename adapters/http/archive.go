package httpapi

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/query"
)

// ArchiveDocuments streams several documents as one ZIP file. Once it has begun to
// answer, it can tell of an error only by breaking off. That each document was handed
// out is on record first. HEAD hands out none.
func (a *API) ArchiveDocuments(c *gin.Context, tenantID TenantID, params ArchiveDocumentsParams) {
	documents, err := a.archived(c, tenantID, params)
	looks := methodOf(c.Request) == http.MethodHead
	if err == nil && !looks {
		err = a.grantAll(c, tenantID, documents)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Content-Type", "application/zip")
	c.Writer.Header().Set("Content-Disposition", `attachment; filename="documents.zip"`)
	c.Writer.WriteHeader(http.StatusOK)
	if looks {
		return
	}
	archive := zip.NewWriter(&movingWriter{to: c.Writer, idle: a.cfg.UploadIdle, control: http.NewResponseController(c.Writer)})
	names := archiveNames(documents)
	for i, d := range documents {
		if err = a.addTo(c.Request.Context(), archive, names[i], d); err != nil {
			break
		}
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		callOf(c).failure = fmt.Errorf("archive documents: %w", err)
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
	}
}

// archived loads the documents that a request names, each once.
func (a *API) archived(c *gin.Context, tenant uuid.UUID, params ArchiveDocumentsParams) ([]query.Document, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	if err := a.catchUp(c, params.ConsistencyToken, tenant); err != nil {
		return nil, err
	}
	db, release, err := a.cfg.Databases.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	defer release()
	var documents []query.Document
	var missing []FieldError
	seen := map[uuid.UUID]bool{}
	for text := range strings.SplitSeq(params.Ids, ",") {
		id, err := uuid.Parse(text)
		if err != nil {
			return nil, invalidField("ids", "must be 1 to 100 ids separated by commas")
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		d, err := query.DocumentByID(ctx, db, id)
		switch {
		case errors.Is(err, query.ErrNotFound):
			missing = append(missing, FieldError{Field: "ids", Message: id.String() + " is no document here"})
		case err != nil:
			return nil, err
		case d.Status == query.StatusFailed:
			return nil, errFileFailed()
		}
		documents = append(documents, d)
	}
	if len(missing) > 0 {
		return nil, &problem{
			status: http.StatusNotFound, code: CodeNotFound, message: "Some of the documents do not exist.",
			details: ErrorDetails{Fields: &missing},
		}
	}
	return documents, nil
}

// grantAll records that documents are handed out.
func (a *API) grantAll(c *gin.Context, tenant uuid.UUID, documents []query.Document) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	for _, d := range documents {
		m, err := meta(c, tenant, nil)
		if err != nil {
			return err
		}
		granted, err := a.cfg.App.GrantDownload(ctx, m, command.GrantDownload{TenantID: tenant, DocumentID: d.ID})
		if err != nil {
			return err
		}
		c.Writer.Header().Set("Consistency-Token", position{granted.Ledger, granted.Seq}.String())
	}
	return nil
}

// addTo streams a document into an archive: as it is, since most are compressed.
func (a *API) addTo(ctx context.Context, archive *zip.Writer, name string, d query.Document) error {
	body, err := a.cfg.Objects.Open(ctx, d.S3Path)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	into, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: d.UpdatedAt.UTC()})
	if err != nil {
		return err
	}
	n, err := io.Copy(into, body)
	if err == nil && n != d.FileSize {
		err = fmt.Errorf("document %s: %w", d.ID, io.ErrUnexpectedEOF)
	}
	return err
}

// archiveNames returns a name for each document that no other has, on systems that do
// not tell cases apart either, and that no system takes for a path.
func archiveNames(documents []query.Document) []string {
	taken := make(map[string]bool, len(documents))
	names := make([]string, len(documents))
	for i, d := range documents {
		name := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\:*?"<>|`, r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				return '_'
			}
			return r
		}, d.Filename)
		extension := path.Ext(name)
		stem := strings.TrimSuffix(name, extension)
		for n := 2; taken[strings.ToLower(name)]; n++ {
			name = fmt.Sprintf("%s (%d)%s", stem, n, extension)
		}
		taken[strings.ToLower(name)] = true
		names[i] = name
	}
	return names
}

// movingWriter is an answer that may take long, but not stand still.
type movingWriter struct {
	to      io.Writer
	control *http.ResponseController
	idle    time.Duration
	moved   time.Time // when the deadline was last moved
}

// Write implements [io.Writer].
func (w *movingWriter) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(w.moved) > w.idle/32 {
		w.moved = now
		_ = w.control.SetWriteDeadline(now.Add(w.idle)) // where there is a connection
	}
	return w.to.Write(p)
}
