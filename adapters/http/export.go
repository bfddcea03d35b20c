package httpapi

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/query"
)

// exportPage is how many events are read at once, and held in memory.
const exportPage = 500

const (
	mediaNDJSON = "application/x-ndjson"
	mediaCSV    = "text/csv"
)

// trailFormat picks how the trail is to be written: as asked for, or else by the
// first media type of Accept that is known here.
func trailFormat(c *gin.Context, asked *TrailFormat) TrailFormat {
	if asked != nil {
		return *asked
	}
	for wanted := range strings.SplitSeq(c.GetHeader("Accept"), ",") {
		media, _, err := mime.ParseMediaType(strings.TrimSpace(wanted))
		switch {
		case err != nil:
		case media == mediaNDJSON:
			return FormatNDJSON
		case media == mediaCSV:
			return FormatCSV
		case media == mediaJSON, media == "*/*":
			return FormatJSON
		}
	}
	return FormatJSON
}

// entryWriter writes events of an export.
type entryWriter interface {
	begin() error
	write(e *TrailEntry) error
	flush() error
}

// exportTrail streams all events that fit a filter, page by page. Once it has begun
// to answer, it can tell of an error only by breaking off. That the trail was handed
// out is on record first.
func (a *API) exportTrail(c *gin.Context, tenant TenantID, params ListTrailParams, filter query.TrailFilter, format TrailFormat) {
	err := a.catchUp(c, params.ConsistencyToken, tenant)
	if params.Cursor != nil || params.Limit != nil {
		err = invalidField("format", "must be json where limit or cursor is given")
	}
	list := trailList{origins: true, read: func(ctx context.Context, db query.DB, p query.TrailPage) ([]query.Entry, error) {
		return query.Trail(ctx, db, filter, p)
	}}
	page := query.TrailPage{Limit: exportPage}
	var entries []TrailEntry
	if err == nil {
		entries, err = a.exported(c, tenant, page, list)
	}
	if err == nil {
		err = a.recordExport(c, tenant, params, format)
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	out := bufio.NewWriterSize(c.Writer, 64<<10)
	var w entryWriter = ndjsonWriter{out}
	media, extension := mediaNDJSON, "ndjson"
	if format == FormatCSV {
		w, media, extension = csvWriter{csv.NewWriter(out)}, mediaCSV+"; charset=utf-8; header=present", "csv"
	}
	c.Writer.Header().Set("Content-Type", media)
	c.Writer.Header().Set("Content-Disposition", `attachment; filename="trail-`+tenant.String()+"."+extension+`"`)
	c.Writer.WriteHeader(http.StatusOK)
	err = w.begin()
	for err == nil && len(entries) > 0 {
		if err = writeEntries(w, entries); err != nil || len(entries) < exportPage {
			break
		}
		page.After = entries[len(entries)-1].Seq
		entries, err = a.exported(c, tenant, page, list)
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		callOf(c).failure = fmt.Errorf("export the trail: %w", err)
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to cut a connection
	}
}

// recordExport records that the trail is handed out.
func (a *API) recordExport(c *gin.Context, tenant TenantID, params ListTrailParams, format TrailFormat) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	m, err := meta(c, tenant, nil)
	if err != nil {
		return err
	}
	recorded, err := a.cfg.App.RecordExport(ctx, m, command.RecordExport{
		TenantID: tenant, Filter: exportFilter(params), Format: string(format),
	})
	if err == nil {
		c.Writer.Header().Set("Consistency-Token", position{recorded.Ledger, recorded.Seq}.String())
	}
	return err
}

// exportFilter returns the parameters that choose events, as in a URL.
func exportFilter(p ListTrailParams) string {
	chosen := url.Values{}
	if p.Actor != nil {
		chosen.Set("actor", p.Actor.String())
	}
	if p.Document != nil {
		chosen.Set("document", p.Document.String())
	}
	if p.Type != nil {
		chosen.Set("type", *p.Type)
	}
	if p.From != nil {
		chosen.Set("from", p.From.UTC().Format(time.RFC3339Nano))
	}
	if p.To != nil {
		chosen.Set("to", p.To.UTC().Format(time.RFC3339Nano))
	}
	return chosen.Encode()
}

// exported reads a page of an export. Each page has the time of a request: an
// export may take long, but not stand still.
func (a *API) exported(c *gin.Context, tenant TenantID, p query.TrailPage, l trailList) ([]TrailEntry, error) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), a.cfg.RequestTimeout)
	defer cancel()
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(2 * a.cfg.RequestTimeout)) // where there is a connection
	return a.readTrail(ctx, tenant, p, l)
}

func writeEntries(w entryWriter, entries []TrailEntry) error {
	for i := range entries {
		if err := w.write(&entries[i]); err != nil {
			return err
		}
	}
	return w.flush()
}

// ndjsonWriter writes an event a line.
type ndjsonWriter struct{ out *bufio.Writer }

func (ndjsonWriter) begin() error { return nil }

func (w ndjsonWriter) write(e *TrailEntry) error {
	if err := json.MarshalWrite(w.out, e); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

func (ndjsonWriter) flush() error { return nil }

// csvWriter writes RFC 4180 with a header line.
type csvWriter struct{ out *csv.Writer }

func (w csvWriter) begin() error {
	return w.out.Write([]string{
		"seq", "event_id", "type", "at", "actor_id", "actor_name", "stream_kind", "stream_id", "stream_version",
		"request_id", "command_id", "traceparent", "origin_address", "origin_user_agent", "data",
	})
}

func (w csvWriter) write(e *TrailEntry) error {
	var actorID, actorName, address, agent string
	if e.Actor != nil {
		actorID = e.Actor.ID.String()
		if e.Actor.Name != nil {
			actorName = *e.Actor.Name
		}
	}
	if e.Origin != nil {
		address, agent = e.Origin.Address, e.Origin.UserAgent
	}
	return w.out.Write([]string{
		strconv.FormatInt(e.Seq, 10), e.EventID.String(), e.Type, e.At.Format(time.RFC3339Nano), actorID, harmless(actorName),
		e.Stream.Kind, e.Stream.ID.String(), strconv.FormatInt(e.Stream.Version, 10),
		harmless(e.RequestID), e.CommandID.String(), e.Traceparent, harmless(address), harmless(agent), harmless(string(e.Data)),
	})
}

func (w csvWriter) flush() error {
	w.out.Flush()
	return w.out.Error()
}

// harmless returns a cell that no spreadsheet takes for a formula (OWASP, "CSV
// Injection").
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
