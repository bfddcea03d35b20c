package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
)

// docsPage is the page that shows the contract, and the script that starts it.
//
//go:embed docs/index.html docs/start.js
var docsPage embed.FS

// docsPolicy is the Content-Security-Policy of the page: everything comes from this
// server, but for small images that Swagger UI's style sheet brings along.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// docsFile is a file that the page is made of.
type docsFile struct {
	mediaType string
	zipped    bool
	content   []byte
	etag      string
}

// loadDocs returns what the page is made of, by name; the page itself is "".
// Swagger UI comes zipped with its module (Apache License 2.0).
func loadDocs() (map[string]docsFile, error) {
	files := make(map[string]docsFile)
	for _, f := range []struct {
		name      string
		from      fs.FS
		path      string
		mediaType string
		zipped    bool
	}{
		{"", docsPage, "docs/index.html", "text/html; charset=utf-8", false},
		{"start.js", docsPage, "docs/start.js", "text/javascript; charset=utf-8", false},
		{"swagger-ui-bundle.js", static.FS, "swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8", true},
		{"swagger-ui.css", static.FS, "swagger-ui.css.gz", "text/css; charset=utf-8", true},
		{"favicon-32x32.png", static.FS, "favicon-32x32.png", "image/png", false},
	} {
		content, err := fs.ReadFile(f.from, f.path)
		if err != nil {
			return nil, fmt.Errorf("load the documentation: %w", err)
		}
		sum := sha256.Sum256(content)
		files[f.name] = docsFile{f.mediaType, f.zipped, content, hex.EncodeToString(sum[:8])}
	}
	return files, nil
}

// Docs answers the page that shows the contract.
func (a *API) Docs(c *gin.Context) { a.docsFile(c, "") }

// DocsFile answers a file of that page.
func (a *API) DocsFile(c *gin.Context, name string) { a.docsFile(c, name) }

func (a *API) docsFile(c *gin.Context, name string) {
	file, ok := a.docs[name]
	if !ok {
		a.fail(c, errNoRoute())
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Type", file.mediaType)
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Cache-Control", "no-cache") // kept, and asked for again
	content, tag := file.content, file.etag
	if file.zipped {
		h.Set("Vary", "Accept-Encoding")
		if accepts(c.GetHeader("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			tag += "-gzip"
		} else {
			plain, err := unzip(content)
			if err != nil {
				a.fail(c, err)
				return
			}
			content = plain
		}
	}
	h.Set("Etag", `"`+tag+`"`)
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(content))
}

func unzip(zipped []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, fmt.Errorf("unzip a file of the documentation: %w", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unzip a file of the documentation: %w", err)
	}
	return plain, nil
}
