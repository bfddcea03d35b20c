package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cartulary/cartulary/adapters/tenantdb"
	"github.com/cartulary/cartulary/events"
	"github.com/cartulary/cartulary/internal/namekey"
	"github.com/cartulary/cartulary/query"
)

// bareServer is the plainest server that answers documents: Gin and pgx, no checks.
type bareServer struct {
	address string
	main    *pgxpool.Pool
	tenant  *pgxpool.Pool
	http    *http.Server
	ended   chan error
}

// shownDocument is a document as answers show it.
type shownDocument struct {
	ID         uuid.UUID `json:"id"`
	Filename   string    `json:"filename"`
	MimeType   string    `json:"mime_type"`
	FileID     uuid.UUID `json:"file_id"`
	UserID     uuid.UUID `json:"user_id"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
	CreatedBy  uuid.UUID `json:"created_by"`
	FileSize   int64     `json:"file_size"`
	MD5Hash    string    `json:"md5_hash"`
	SHA256Hash string    `json:"sha256_hash"`
	Status     string    `json:"status"`
	Version    int64     `json:"version"`
}

type shownPage struct {
	Items      []shownDocument `json:"items"`
	NextCursor *string         `json:"next_cursor"`
}

// startBare serves rows from a tenant's database on the run's own cluster.
func (b *bench) startBare(ctx context.Context, rows []shownDocument) (_ *bareServer, err error) {
	name, err := b.cluster.create(ctx, platform)
	if err != nil {
		return nil, err
	}
	s := &bareServer{ended: make(chan error, 1)}
	if s.main, err = b.cluster.pool(ctx, name); err != nil {
		return nil, err
	}
	tenant := uuid.New()
	if err := tenantdb.NewProvisioner(s.main).Provision(ctx, tenant); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if s.tenant, err = b.cluster.pool(ctx, events.DatabaseName(tenant)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	if err := s.fill(ctx, rows); err != nil {
		return nil, errors.Join(err, s.close())
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute} //nolint:contextcheck // requests bring their own
	go func() { s.ended <- s.http.Serve(listener) }()
	return s, nil
}

func (s *bareServer) close() error {
	var err error
	if s.http != nil {
		err = s.http.Close()
		if served := <-s.ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
	}
	if s.tenant != nil {
		s.tenant.Close()
	}
	s.main.Close()
	return err
}

// fill writes the rows that answers are made of.
func (s *bareServer) fill(ctx context.Context, rows []shownDocument) error {
	var batch pgx.Batch
	for _, d := range rows {
		batch.Queue(`insert into files (id, md5_hash, sha256_hash, s3_path, file_size, status, created_at, updated_at, created_by, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) on conflict do nothing`,
			d.FileID, d.MD5Hash, d.SHA256Hash, "tenants/"+d.UserID.String()+"/documents/"+d.FileID.String(), d.FileSize, d.Status, d.CreatedAt, d.UpdatedAt, d.CreatedBy)
		batch.Queue(`insert into documents (id, filename, filename_key, mime_type, file_id, user_id, created_at, updated_at, created_by, version)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			d.ID, d.Filename, namekey.Of(d.Filename), d.MimeType, d.FileID, d.UserID, d.CreatedAt, d.UpdatedAt, d.CreatedBy, d.Version)
	}
	return s.tenant.SendBatch(ctx, &batch).Close()
}

func (s *bareServer) handler() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/api/tenants/:tenant_id/documents/:document_id", func(c *gin.Context) {
		id, err := uuid.Parse(c.Param("document_id"))
		if err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		d, err := query.DocumentByID(c.Request.Context(), s.tenant, id)
		reply(c, shown(d), "Document found", err)
	})
	engine.GET("/api/tenants/:tenant_id/documents", func(c *gin.Context) {
		list, err := query.Documents(c.Request.Context(), s.tenant, query.DocumentFilter{}, "", query.Page{Limit: 50})
		page := shownPage{Items: make([]shownDocument, len(list.Items))}
		for i, d := range list.Items {
			page.Items[i] = shown(d)
		}
		if list.Next != "" {
			page.NextCursor = &list.Next
		}
		reply(c, page, "Documents listed", err)
	})
	return engine
}

func shown(d query.Document) shownDocument {
	return shownDocument{
		ID: d.ID, Version: d.Version, Filename: d.Filename, MimeType: d.MimeType, FileID: d.FileID, UserID: d.UserID, CreatedAt: d.CreatedAt,
		UpdatedAt: d.UpdatedAt, CreatedBy: d.CreatedBy, FileSize: d.FileSize, MD5Hash: d.MD5Hash, SHA256Hash: d.SHA256Hash, Status: d.Status,
	}
}

func reply(c *gin.Context, data any, message string, err error) {
	text, failed := json.Marshal(struct {
		Success bool   `json:"success"`
		Data    any    `json:"data"`
		Message string `json:"message"`
	}{true, data, message})
	if err = errors.Join(err, failed); err != nil {
		c.String(http.StatusInternalServerError, err.Error())
		return
	}
	c.Data(http.StatusOK, "application/json; charset=utf-8", text)
}
