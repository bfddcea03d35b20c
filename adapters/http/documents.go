package httpapi

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// linkLifetime is how long a download link is good.
const linkLifetime = 60 * time.Second

// ListDocuments answers a page of a tenant's documents.
func (a *API) ListDocuments(c *gin.Context, tenantID TenantID, params ListDocumentsParams) {
	filter := query.DocumentFilter{UserID: params.UserID, From: params.From, To: params.To}
	if params.Name != nil {
		filter.Name = *params.Name
	}
	if params.MimeType != nil {
		filter.MimeType = *params.MimeType
	}
	var sort query.DocumentSort
	if params.Sort != nil {
		sort = query.DocumentSort(*params.Sort)
	}
	if params.AsOf != nil {
		a.documentsAsOf(c, tenantID, params, filter, sort)
		return
	}
	page, err := inTenant(a, c, tenantID, params.ConsistencyToken, func(db query.DB) (query.Listed[query.Document], error) {
		return query.Documents(c.Request.Context(), db, filter, sort, pageOf(params.Limit, params.Cursor, params.Total))
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK,
		DocumentPage{Items: each(page.Items, documentRow), NextCursor: nextCursor(page.Next), Total: page.Total}, "Documents listed")
}

// document loads what a route names.
func (a *API) document(c *gin.Context, tenantID TenantID, documentID DocumentID, token *string) (query.Document, error) {
	return inTenant(a, c, tenantID, token, func(db query.DB) (query.Document, error) {
		return query.DocumentByID(c.Request.Context(), db, documentID)
	})
}

// GetDocument answers a document.
func (a *API) GetDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params GetDocumentParams) {
	if params.AsOf != nil {
		a.documentAsOf(c, tenantID, documentID, params)
		return
	}
	d, err := a.document(c, tenantID, documentID, params.ConsistencyToken)
	if err != nil {
		a.fail(c, err)
		return
	}
	answerTagged(a, c, http.StatusOK, documentTag(d.Version, d.Status, d.Failure), documentRow(d), "Document found")
}

// DownloadDocument answers a short-lived link to a document's bytes. That it was
// granted is on record first.
func (a *API) DownloadDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params DownloadDocumentParams) {
	d, err := a.document(c, tenantID, documentID, params.ConsistencyToken)
	if err == nil && d.Status == string(command.FileFailed) {
		err = errFileFailed()
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenantID, nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	granted, err := a.cfg.App.GrantDownload(c.Request.Context(), m, command.GrantDownload{TenantID: tenantID, DocumentID: documentID})
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Consistency-Token", position{granted.Ledger, granted.Seq}.String())
	link, err := a.downloadLink(c, d, params.Inline != nil)
	if err != nil {
		a.fail(c, err)
		return
	}
	c.Writer.Header().Set("Location", link)
	c.Writer.WriteHeader(http.StatusFound)
}

// downloadLink returns a link to a document's bytes for the request's method. Only what
// can do no harm in a browser is shown there.
func (a *API) downloadLink(c *gin.Context, d query.Document, inline bool) (string, error) {
	ctx := c.Request.Context()
	switch {
	case methodOf(c.Request) == http.MethodHead:
		return a.cfg.Objects.PresignHead(ctx, d.S3Path, linkLifetime)
	case inline && showable(d.MimeType):
		return a.cfg.Objects.PresignInline(ctx, d.S3Path, d.Filename, d.MimeType, linkLifetime)
	default:
		return a.cfg.Objects.PresignGet(ctx, d.S3Path, d.Filename, d.MimeType, linkLifetime)
	}
}

// showable reports whether browsers may show a media type: images but those of XML,
// which may hold scripts, PDF, plain text, sound and video.
func showable(mimeType string) bool {
	media, _, err := mime.ParseMediaType(mimeType)
	if err != nil || strings.HasSuffix(media, "xml") {
		return false
	}
	family, _, _ := strings.Cut(media, "/")
	return family == "image" || family == "audio" || family == "video" || media == "application/pdf" || media == "text/plain"
}

// UpdateDocument changes what is said of a document.
func (a *API) UpdateDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params UpdateDocumentParams) {
	request, err := decode[UpdateDocumentRequest](c)
	if err != nil {
		a.fail(c, err)
		return
	}
	m, err := meta(c, tenantID, params.IdempotencyKey, callOf(c).body)
	if err != nil {
		a.fail(c, err)
		return
	}
	result, err := a.cfg.App.ChangeDocument(c.Request.Context(), m, command.ChangeDocument{
		TenantID: tenantID, DocumentID: documentID, Filename: request.Filename, MimeType: request.MimeType, By: accessOf(c),
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, result.Receipt, events.DatabaseName(tenantID))
	file, err := a.cfg.App.FileByID(c.Request.Context(), tenantID, result.Value.FileID)
	if err != nil {
		a.fail(c, err)
		return
	}
	changed := result.Value.Over(file)
	answerTagged(a, c, settledAs(settled, http.StatusOK), documentTag(changed.Version, changed.Status, changed.Failure), documentOf(changed), "Document updated")
}

// DeleteDocument removes a document.
func (a *API) DeleteDocument(c *gin.Context, tenantID TenantID, documentID DocumentID, params DeleteDocumentParams) {
	m, err := meta(c, tenantID, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.App.DeleteDocument(c.Request.Context(), m, command.DeleteDocument{
		TenantID: tenantID, DocumentID: documentID, By: accessOf(c),
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	a.removed(c, params.Prefer, receipt, "Document deleted", events.DatabaseName(tenantID))
}

// accessOf returns who asks, with the role that guard found.
func accessOf(c *gin.Context) command.Access {
	call := callOf(c)
	return command.Access{UserID: call.claims.UserID, Role: events.Role(call.access.Role)}
}

func documentOf(d command.DocumentDetails) Document {
	made := Document{
		ID: d.ID, Filename: d.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, CreatedBy: d.CreatedBy, Version: d.Version,
		FileSize: &d.FileSize, Md5Hash: &d.MD5Hash, Sha256Hash: &d.SHA256,
	}
	// The file of a document that went meanwhile may be gone, too.
	if status := FileStatus(d.Status); status != FileStatus(command.FileDeleted) {
		made.Status, made.Failure = &status, d.Failure
	}
	return made
}

func documentRow(d query.Document) Document {
	status := FileStatus(d.Status)
	return Document{
		ID: d.ID, Filename: d.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, CreatedBy: d.CreatedBy, Version: d.Version,
		FileSize: &d.FileSize, Md5Hash: &d.MD5Hash, Sha256Hash: &d.SHA256Hash, Status: &status, Failure: d.Failure,
	}
}
