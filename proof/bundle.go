package proof

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"
)

// BundleFormat names the format of bundles: lines of JSON, compressed with Zstandard.
//
//	{"format":"cartulary-bundle/1","ledger_id":"…"}   the first line
//	{"first":1,"hashes":"…"}       hashes of the events from first on, base64, end to end
//	{"checkpoint":"…"}             a signed note, before the event that it ends with
//	{"command_id":…}               an event: its canonical bytes, as they were hashed
//	{"end":1234}                   the last line: how many events there are
//
// Events stand in order, from 1.
const BundleFormat = "cartulary-bundle/1"

const (
	maxLine     = 16 << 20 // bytes
	batchEvents = 4096
	batchBytes  = 8 << 20
)

// bundleLine is any line but an event.
type bundleLine struct {
	Format     string    `json:"format,omitempty"`
	LedgerID   uuid.UUID `json:"ledger_id,omitzero"`
	First      int64     `json:"first,omitzero"`
	Hashes     []byte    `json:"hashes,omitempty"` // base64
	Checkpoint string    `json:"checkpoint,omitempty"`
	End        int64     `json:"end,omitzero"`
}

// eventPrefix begins the canonical bytes of every event.
var eventPrefix = []byte(`{"command_id":`)

// WriteBundle writes what source hands out as a bundle, and returns how many events
// that were.
func WriteBundle(ctx context.Context, w io.Writer, ledger uuid.UUID, source Source) (int64, error) {
	compressed, err := zstd.NewWriter(w)
	if err != nil {
		return 0, fmt.Errorf("write bundle: %w", err)
	}
	out := bufio.NewWriterSize(compressed, 1<<20)
	total := int64(0)
	err = writeLine(out, bundleLine{Format: BundleFormat, LedgerID: ledger})
	if err == nil {
		err = source(ctx, func(b *Batch) error {
			total += int64(len(b.Rows))
			return writeBatch(out, b)
		})
	}
	if err == nil {
		err = writeLine(out, bundleLine{End: total})
	}
	if err := errors.Join(err, out.Flush(), compressed.Close()); err != nil {
		return 0, fmt.Errorf("write bundle: %w", err)
	}
	return total, nil
}

func writeBatch(out *bufio.Writer, b *Batch) error {
	if len(b.Hashes) > 0 {
		line := bundleLine{First: b.First, Hashes: make([]byte, 0, len(b.Hashes)*tlog.HashSize)}
		for _, h := range b.Hashes {
			line.Hashes = append(line.Hashes, h[:]...)
		}
		if err := writeLine(out, line); err != nil {
			return err
		}
	}
	for _, c := range b.Checkpoints {
		if err := writeLine(out, bundleLine{Checkpoint: string(c.Note)}); err != nil {
			return err
		}
	}
	for _, row := range b.Rows {
		if bytes.IndexByte(row.Body, '\n') >= 0 || !bytes.HasPrefix(row.Body, eventPrefix) {
			return fmt.Errorf("event %d is not in canonical form; see what cartulary audit verify --ledger says", row.Seq)
		}
		_, _ = out.Write(row.Body)
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

func writeLine(out *bufio.Writer, line bundleLine) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, _ = out.Write(text)
	return out.WriteByte('\n')
}

// Bundle is a bundle that is being read.
type Bundle struct {
	Ledger uuid.UUID

	zstd *zstd.Decoder
	in   *bufio.Reader
	long []byte // a line that is longer than the buffer
}

// OpenBundle reads the head of a bundle; [Bundle.Close] must follow.
func OpenBundle(r io.Reader) (*Bundle, error) {
	const window = 64 << 20
	decoder, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(window), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b := &Bundle{zstd: decoder, in: bufio.NewReaderSize(decoder, 1<<20)}
	line, err := b.line()
	var head bundleLine
	if err == nil {
		err = json.Unmarshal(line, &head, json.RejectUnknownMembers(true))
	}
	if err == nil && (head.Format != BundleFormat || head.LedgerID == uuid.Nil) {
		err = fmt.Errorf("the first line must name the format %s and a ledger", BundleFormat)
	}
	if err != nil {
		decoder.Close()
		return nil, fmt.Errorf("open bundle: %w", err)
	}
	b.Ledger = head.LedgerID
	return b, nil
}

// Close gives up what is held.
func (b *Bundle) Close() { b.zstd.Close() }

// line returns the next line without its end, good until the next call.
func (b *Bundle) line() ([]byte, error) {
	line, err := b.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		b.long = b.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(b.long) <= maxLine {
			b.long = append(b.long, line...)
			line, err = b.in.ReadSlice('\n')
		}
		line = append(b.long, line...) //nolint:gocritic // the same buffer
	}
	switch {
	case len(line) > maxLine:
		return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it was cut off: the last line is missing")
	case err != nil:
		return nil, err
	}
	return line[:len(line)-1], nil
}

// Read is the bundle's [Source]. It can be used once.
func (b *Bundle) Read(_ context.Context, yield func(*Batch) error) error {
	r := bundleReader{batch: &Batch{First: 1}, next: 1, yield: yield}
	for {
		line, err := b.line()
		if err != nil {
			return fmt.Errorf("read bundle: %w", err)
		}
		if bytes.HasPrefix(line, eventPrefix) {
			if err := r.event(line); err != nil {
				return err
			}
			continue
		}
		end, err := r.other(line)
		if err != nil {
			return fmt.Errorf("read bundle: before event %d: %w", r.next, err)
		}
		if end {
			break
		}
	}
	if _, err := b.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("read bundle: something follows the last line (%w)", errors.Join(errTrailing, err))
	}
	return r.flush()
}

var errTrailing = errors.New("trailing bytes")

// bundleReader collects batches.
type bundleReader struct {
	batch *Batch
	next  int64 // event
	bytes []byte
	size  int
	yield func(*Batch) error
}

func (r *bundleReader) event(line []byte) error {
	if len(line) > cap(r.bytes)-len(r.bytes) {
		r.bytes = make([]byte, 0, max(len(line), 256<<10))
	}
	from := len(r.bytes)
	r.bytes = append(r.bytes, line...)
	r.batch.Rows = append(r.batch.Rows, Row{Seq: r.next, Body: r.bytes[from:len(r.bytes):len(r.bytes)]})
	r.next++
	r.size += len(line)
	if len(r.batch.Rows) == batchEvents || r.size > batchBytes {
		// Recorded hashes that are left over belong to the next batch.
		left := r.batch.Hashes[min(len(r.batch.Hashes), int(r.next-r.batch.First)):]
		if err := r.flush(); err != nil {
			return err
		}
		r.batch.Hashes = left
	}
	return nil
}

// other reads a line that is no event; end says that it was the last.
func (r *bundleReader) other(text []byte) (end bool, err error) {
	var line bundleLine
	if err := json.Unmarshal(text, &line, json.RejectUnknownMembers(true)); err != nil {
		return false, err
	}
	switch {
	case line.Checkpoint != "":
		r.batch.Checkpoints = append(r.batch.Checkpoints, Noted{Note: []byte(line.Checkpoint)})
		if len(r.batch.Checkpoints) >= batchEvents {
			return false, r.flush()
		}
		return false, nil
	case line.First != 0:
		if len(r.batch.Rows) > 0 || len(r.batch.Checkpoints) > 0 {
			if err := r.flush(); err != nil {
				return false, err
			}
		}
		if line.First != r.next || len(line.Hashes)%tlog.HashSize != 0 {
			return false, fmt.Errorf("hashes of the events from %d stand here", line.First)
		}
		r.batch.Hashes = make([]tlog.Hash, len(line.Hashes)/tlog.HashSize)
		for i := range r.batch.Hashes {
			copy(r.batch.Hashes[i][:], line.Hashes[i*tlog.HashSize:])
		}
		return false, nil
	case line.End == r.next-1 && line.End > 0:
		return true, nil
	default:
		return false, fmt.Errorf("it says that it ends with event %d", line.End)
	}
}

func (r *bundleReader) flush() error {
	b := r.batch
	r.batch, r.bytes, r.size = &Batch{First: r.next}, nil, 0
	return r.yield(b)
}
