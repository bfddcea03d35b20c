package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/fsck"
)

// fsckReport tells how a check goes: progress to whoever watches, the rest, as it is
// found, to stdout. As JSON that is one object, which is whole once end was called.
type fsckReport struct {
	json           bool
	stdout, stderr io.Writer
	began          time.Time
	last           fsck.Progress

	told   int // of findings
	failed []fsckUnchecked
	err    error // that stdout failed with
}

// fsckUnchecked is something that could not be checked.
type fsckUnchecked struct {
	Tenant uuid.UUID `json:"tenant_id,omitzero"`
	Error  string    `json:"error"`
}

// fsckSummary ends a report.
type fsckSummary struct {
	fsck.Progress

	Seconds   float64         `json:"seconds"`
	Unchecked []fsckUnchecked `json:"unchecked"`
}

func newFsckReport(asJSON bool, stdout, stderr io.Writer) *fsckReport {
	r := &fsckReport{json: asJSON, stdout: stdout, stderr: stderr, began: time.Now(), failed: []fsckUnchecked{}}
	if asJSON {
		r.print(`{"findings":[`)
	}
	return r
}

func (r *fsckReport) print(format string, args ...any) {
	if _, err := fmt.Fprintf(r.stdout, format, args...); err != nil && r.err == nil {
		r.err = err
	}
}

// tell writes a line for whoever watches; that nobody can read it stops nothing.
func (r *fsckReport) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(r.stderr, format, args...)
}

func (r *fsckReport) progress(p fsck.Progress) {
	r.tell("fsck: %d tenants, %d files, %d documents, %d objects, %s read, %s/s; %d findings\n",
		p.Tenants, p.Files, p.Documents, p.Objects, size(p.Bytes), size(p.Bytes-r.last.Bytes), p.Findings)
	r.last = p
}

func (r *fsckReport) unchecked(tenant uuid.UUID, err error) {
	r.failed = append(r.failed, fsckUnchecked{tenant, err.Error()})
	if tenant == uuid.Nil {
		r.tell("fsck: %v\n", err)
	} else {
		r.tell("fsck: tenant %s: %v\n", tenant, err)
	}
}

func (r *fsckReport) found(f fsck.Finding) {
	r.told++
	if r.json {
		text, err := json.Marshal(f)
		if err != nil {
			r.err = err
			return
		}
		separator := ","
		if r.told == 1 {
			separator = ""
		}
		r.print("%s\n  %s", separator, text)
		return
	}
	r.print("%s\n", line(f))
}

// line returns a finding as one line of text.
func line(f fsck.Finding) string {
	var b strings.Builder
	b.WriteString(string(f.Kind))
	for _, of := range []struct {
		name string
		id   uuid.UUID
	}{{"tenant", f.Tenant}, {"file", f.File}, {"document", f.Document}} {
		if of.id != uuid.Nil {
			fmt.Fprintf(&b, " %s %s", of.name, of.id)
		}
	}
	if f.Key != "" {
		fmt.Fprintf(&b, " %s", f.Key)
	}
	fmt.Fprintf(&b, ": %s; ", f.Detail)
	switch {
	case f.Repaired != "":
		b.WriteString("repaired: " + f.Repaired)
	case f.Refused != "":
		b.WriteString("not repaired: " + f.Refused)
	default:
		b.WriteString(f.Remedy)
	}
	return b.String()
}

// end prints the summary and returns what the program ends with.
func (r *fsckReport) end(seen fsck.Progress) error {
	seconds := time.Since(r.began).Seconds()
	if r.json {
		text, err := json.Marshal(fsckSummary{seen, seconds, r.failed})
		if err != nil {
			return err
		}
		r.print("],\n\"summary\":%s}\n", text)
	} else {
		r.print("fsck: %d tenants, %d files, %d documents, %d objects in %.1f s, %s read (%s/s); %d findings, %d repaired; %d objects too young to tell; %d not checked\n",
			seen.Tenants, seen.Files, seen.Documents, seen.Objects, seconds, size(seen.Bytes), size(int64(float64(seen.Bytes)/seconds)),
			seen.Findings, seen.Repaired, seen.Young, len(r.failed))
	}
	if r.err != nil {
		return fmt.Errorf("fsck: %w", r.err)
	}
	return verdict(seen, len(r.failed))
}

// size returns a number of bytes for people.
func size(n int64) string {
	const unit = 1 << 10
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/unit, "KMGTPE"
	for value >= unit {
		value, units = value/unit, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, units[0])
}
