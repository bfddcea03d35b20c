package httpapi

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	tusd "github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"
)

const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,termination,checksum,expiration"

	mediaTus = "application/offset+octet-stream"
)

// DescribeResumableUploads answers what of tus is spoken.
func (a *API) DescribeResumableUploads(c *gin.Context, _ TenantID, _ DescribeResumableUploadsParams) {
	h := c.Writer.Header()
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", tusExtensions)
	h.Set("Tus-Max-Size", strconv.Itoa(maxUpload))
	h.Set("Tus-Checksum-Algorithm", tusChecksums)
	c.Writer.WriteHeader(http.StatusNoContent)
}

// CreateResumableUpload begins an upload. Its id is a ticket: nothing is kept of it
// until bytes arrive.
func (a *API) CreateResumableUpload(c *gin.Context, tenantID TenantID, params CreateResumableUploadParams) {
	u := &tusUpload{api: a, c: c}
	var err error
	if u.ticket, err = newTusTicket(accessOf(c), tenantID, params.UploadLength, params.UploadMetadata); err != nil {
		a.fail(c, err)
		return
	}
	if u.id, err = a.sealTus(u.ticket); err != nil {
		a.fail(c, err)
		return
	}
	u.serve((*tusd.UnroutedHandler).PostFile, params.UploadChecksum)
}

// ReadResumableUpload answers where an upload stands.
func (a *API) ReadResumableUpload(c *gin.Context, tenantID TenantID, uploadID UploadID, _ ReadResumableUploadParams) {
	a.resume(c, tenantID, uploadID, (*tusd.UnroutedHandler).HeadFile, nil)
}

// AppendToResumableUpload stores the body, and makes the document if it was the last.
func (a *API) AppendToResumableUpload(
	c *gin.Context, tenantID TenantID, uploadID UploadID, params AppendToResumableUploadParams,
) {
	a.resume(c, tenantID, uploadID, (*tusd.UnroutedHandler).PatchFile, params.UploadChecksum)
}

// TerminateResumableUpload gives an upload up.
func (a *API) TerminateResumableUpload(c *gin.Context, tenantID TenantID, uploadID UploadID, _ TerminateResumableUploadParams) {
	a.resume(c, tenantID, uploadID, (*tusd.UnroutedHandler).DelFile, nil)
}

// tusMethod is how tusd answers a method.
type tusMethod func(*tusd.UnroutedHandler, http.ResponseWriter, *http.Request)

func (a *API) resume(c *gin.Context, tenant uuid.UUID, id string, method tusMethod, checksum *string) {
	t, err := a.openTus(id, accessOf(c), tenant)
	if err != nil {
		a.fail(c, err)
		return
	}
	u := &tusUpload{api: a, c: c, id: id, ticket: t}
	u.serve(method, checksum)
}

// serve has tusd answer the request. It knows of this one upload alone, and of its
// answer what matters is told again, in the way of this interface.
func (u *tusUpload) serve(method tusMethod, checksum *string) {
	answered, err := u.ask(method, checksum)
	if err != nil {
		u.api.fail(u.c, err)
		return
	}
	u.reply(answered)
}

func (u *tusUpload) ask(method tusMethod, checksum *string) (*tusAnswer, error) {
	r := u.c.Request.Clone(u.c.Request.Context())
	r.URL = &url.URL{Path: "/" + u.id}
	r.Header.Del("X-Http-Method-Override")
	var err error
	if u.check, err = checkOf(r.Header, checksum, r.ContentLength); err != nil {
		return nil, err
	}
	if u.check != nil && r.ContentLength == 0 {
		if err := u.check(nil); err != nil {
			return nil, err
		}
	}
	if r.ContentLength != 0 {
		if u.body, err = newPacedBody(u.c.Writer, u.c.Request, u.api.cfg.UploadIdle); err != nil {
			return nil, fmt.Errorf("set an upload's deadline: %w", err)
		}
		r.Body = io.NopCloser(u.body)
	}
	handler, err := u.handler()
	if err != nil {
		return nil, fmt.Errorf("set up tus: %w", err)
	}
	answered := &tusAnswer{header: make(http.Header)}
	handler.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { method(handler, w, r) })).ServeHTTP(answered, r)
	u.hurry()
	return answered, nil
}

// hurry bounds what follows the body, which is as quick as any request.
func (u *tusUpload) hurry() {
	if u.body != nil {
		_ = u.body.control.SetWriteDeadline(time.Now().Add(u.api.cfg.RequestTimeout + writeSlack))
	}
}

// handler returns a handler of tusd's for the request.
func (u *tusUpload) handler() (*tusd.UnroutedHandler, error) {
	composer := tusd.NewStoreComposer()
	composer.UseCore(u)
	composer.UseTerminater(u)
	silent := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.Level(math.MaxInt)}))
	return tusd.NewUnroutedHandler(tusd.Config{
		StoreComposer: composer, MaxSize: maxUpload, BasePath: "/", Cors: &tusd.CorsConfig{Disable: true}, Logger: silent,
		DisableDownload: true, DisableConcatenation: true,
		GracefulRequestCompletionTimeout: time.Nanosecond, // who leaves is dealt with where bytes are stored
	})
}

// reply tells what tusd answered.
func (u *tusUpload) reply(answered *tusAnswer) {
	h := u.c.Writer.Header()
	if answered.status == http.StatusPreconditionFailed {
		h.Set("Tus-Version", tusVersion)
	}
	if answered.status >= http.StatusBadRequest {
		u.api.fail(u.c, u.problem(answered))
		return
	}
	for _, name := range []string{"Upload-Offset", "Upload-Length"} {
		if value := answered.header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
	data := ResumableUpload{Length: u.ticket.Size, ExpiresAt: time.Unix(u.ticket.Expires, 0).UTC()}
	data.Offset, _ = strconv.ParseInt(answered.header.Get("Upload-Offset"), 10, 64) // ours
	switch {
	case u.result != nil:
		made := u.result.Value.Document.ID
		data.DocumentID = &made
		h.Set("Upload-Document", documentPath(u.ticket.Tenant, made))
	case u.c.Request.Method != http.MethodDelete:
		h.Set("Upload-Expires", data.ExpiresAt.Format(http.TimeFormat))
	}
	switch u.c.Request.Method {
	case http.MethodPost:
		h.Set("Location", u.path())
		u.c.Writer.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		h.Set("Upload-Metadata", u.ticket.Metadata)
		answer(u.api, u.c, http.StatusOK, data, "Where the upload stands")
	default:
		u.c.Writer.WriteHeader(http.StatusNoContent)
	}
}

// path is where the upload is found.
func (u *tusUpload) path() string {
	return "/api/tenants/" + u.ticket.Tenant.String() + "/tus/" + u.id
}
