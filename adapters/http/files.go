package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/query"
)

// ListFiles answers a page of a tenant's files.
func (a *API) ListFiles(c *gin.Context, tenantID TenantID, params ListFilesParams) {
	var filter query.FileFilter
	if params.Status != nil {
		filter.Status = string(*params.Status)
	}
	if params.Md5 != nil {
		filter.MD5 = *params.Md5
	}
	page, err := inTenant(a, c, tenantID, params.ConsistencyToken, func(db query.DB) (query.Listed[query.File], error) {
		return query.Files(c.Request.Context(), db, filter, pageOf(params.Limit, params.Cursor, params.Total))
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	answer(a, c, http.StatusOK,
		FilePage{Items: each(page.Items, fileRow), NextCursor: nextCursor(page.Next), Total: page.Total}, "Files listed")
}

// GetFile answers a file.
func (a *API) GetFile(c *gin.Context, tenantID TenantID, fileID FileID, params GetFileParams) {
	f, err := inTenant(a, c, tenantID, params.ConsistencyToken, func(db query.DB) (query.File, error) {
		return query.FileByID(c.Request.Context(), db, fileID)
	})
	if err != nil {
		a.fail(c, err)
		return
	}
	answerTagged(a, c, http.StatusOK, versionTag(f.Version), fileRow(f), "File found")
}

// DeleteFile removes a file on which no document stands.
func (a *API) DeleteFile(c *gin.Context, tenantID TenantID, fileID FileID, params DeleteFileParams) {
	m, err := meta(c, tenantID, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	receipt, err := a.cfg.App.DeleteFile(c.Request.Context(), m, command.DeleteFile{TenantID: tenantID, FileID: fileID})
	if err != nil {
		a.fail(c, err)
		return
	}
	if !a.settle(c, params.Prefer, receipt, events.DatabaseName(tenantID)) {
		answer(a, c, http.StatusAccepted, empty{}, "File deleted")
		return
	}
	c.Writer.WriteHeader(http.StatusNoContent)
}

// RetryFile has a file that failed verified once more.
func (a *API) RetryFile(c *gin.Context, tenantID TenantID, fileID FileID, params RetryFileParams) {
	m, err := meta(c, tenantID, params.IdempotencyKey)
	if err != nil {
		a.fail(c, err)
		return
	}
	retried, err := a.cfg.App.RetryFile(c.Request.Context(), m, command.RetryFile{TenantID: tenantID, FileID: fileID})
	if err != nil {
		a.fail(c, err)
		return
	}
	settled := a.settle(c, params.Prefer, retried.Receipt, events.DatabaseName(tenantID))
	file := retried.Value
	answerTagged(a, c, settledAs(settled, http.StatusOK), versionTag(file.Version), fileOf(file), "File given to be verified once more")
}

// inTenant asks a tenant's own database, once it holds what the caller knows of.
func inTenant[T any](a *API, c *gin.Context, tenantID TenantID, token *string, ask func(query.DB) (T, error)) (T, error) {
	var none T
	if err := a.catchUp(c, token, tenantID); err != nil {
		return none, err
	}
	db, release, err := a.cfg.Databases.Tenant(c.Request.Context(), tenantID)
	if err != nil {
		return none, err
	}
	defer release()
	return ask(db)
}

func fileRow(f query.File) File {
	return File{
		ID: f.ID, Md5Hash: f.MD5Hash, Sha256Hash: f.SHA256Hash, S3Path: f.S3Path, FileSize: f.FileSize,
		Status: FileStatus(f.Status), Failure: f.Failure, References: f.References,
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, CreatedBy: f.CreatedBy, Version: f.Version,
	}
}

func fileOf(f command.FileDetails) File {
	return File{
		ID: f.ID, Md5Hash: f.MD5Hash, Sha256Hash: f.SHA256, S3Path: f.S3Path, FileSize: f.FileSize,
		Status: FileStatus(f.Status), References: int64(f.References),
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, CreatedBy: f.CreatedBy, Version: f.Version,
	}
}
