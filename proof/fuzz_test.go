package proof_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/cartulary/cartulary/proof"
)

// genuine is a small ledger with everything that is said of it.
type genuine struct {
	ledger, document uuid.UUID
	key              proof.Key
	keys             proof.Keys
	bodies           naive
	tiles            memory
	tree             tlog.Tree
	note             []byte
	sha              string
}

// What fuzzers begin with is small where they change all of it.
const (
	fewEvents  = 5
	manyEvents = 300 // more than a tile holds
)

// fixedKey returns a key that is the same in each process, so that what one fuzzer
// found is found again.
func fixedKey() (proof.Key, error) {
	seed := make([]byte, ed25519.SeedSize)
	public, ok := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if !ok {
		return proof.Key{}, errors.New("no Ed25519 key")
	}
	verifier, err := note.NewEd25519VerifierKey(proof.DefaultName, public)
	if err != nil {
		return proof.Key{}, err
	}
	hash := strings.Split(verifier, "+")[1]
	return proof.ParseKey("PRIVATE+KEY+" + proof.DefaultName + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
}

func newGenuine(t testing.TB, events int64) *genuine {
	t.Helper()
	g := &genuine{
		ledger:   uuid.MustParse("018f3c5e-7b1a-7c44-9d1e-2f6b8a0c4d11"),
		document: uuid.MustParse("018f3c5e-7b1a-7c44-9d1e-2f6b8a0c4d12"),
		sha:      strings.Repeat("ab", 32), tiles: memory{},
	}
	var err error
	if g.key, err = fixedKey(); err != nil {
		t.Fatal(err)
	}
	if g.keys, err = proof.ParseKeys(g.key.Public()); err != nil {
		t.Fatal(err)
	}
	file := uuid.MustParse("018f3c5e-7b1a-7c44-9d1e-2f6b8a0c4d13")
	for seq := int64(1); seq <= events; seq++ {
		switch seq {
		case 1:
			g.add(seq, "file.received", file, `{"sha256":"`+g.sha+`"}`)
		case 2:
			g.add(seq, "document.uploaded", g.document, `{"file_id":"`+file.String()+`"}`)
		default:
			g.add(seq, "document.renamed", g.document, fmt.Sprintf(`{"filename":"%d.txt"}`, seq))
		}
	}
	frontier := &proof.Frontier{}
	for _, body := range g.bodies {
		g.grow(frontier.Add(proof.LeafHash(body)))
	}
	g.grow(frontier.Rest())
	g.tree = tlog.Tree{N: events, Hash: g.bodies.root()}
	c := proof.Checkpoint{Origin: proof.Origin(g.key.Name(), g.ledger), Size: g.tree.N, Root: g.tree.Hash}
	if g.note, err = c.Sign(g.key); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *genuine) add(seq int64, kind string, stream uuid.UUID, data string) {
	g.bodies = append(g.bodies, fmt.Appendf(nil, `{"command_id":"%[1]s","data":%[2]s,"event_id":"%[1]s","event_type":"%[3]s",`+
		`"seq":%[4]d,"stream_id":"%[5]s","stream_version":%[4]d,"tenant_id":"%[6]s","timestamp":"2026-01-01T00:00:00.000000Z","traceparent":""}`,
		uuid.UUID{15: byte(seq)}, data, kind, seq, stream, g.ledger))
}

func (g *genuine) grow(pieces []proof.Piece) {
	for _, p := range pieces {
		g.tiles[p.TileID] = append(g.tiles[p.TileID], p.Hashes...)
	}
}

func (g *genuine) receipt(t testing.TB) []byte {
	t.Helper()
	proven := func(seq int64) proof.ProvenEvent {
		hashes, err := proof.Inclusion(t.Context(), g.tree, g.tiles, seq)
		if err != nil {
			t.Fatal(err)
		}
		return proof.Proven(seq, g.bodies[seq-1], hashes)
	}
	text, err := json.Marshal(proof.Receipt{
		Format: proof.ReceiptFormat, LedgerID: g.ledger, DocumentID: g.document, SHA256: g.sha,
		Checkpoint: string(g.note), Upload: proven(2), File: proven(1),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lines returns the ledger as a bundle before it is compressed.
func (g *genuine) lines(t testing.TB) []byte {
	t.Helper()
	b := &proof.Batch{First: 1, Checkpoints: []proof.Noted{{Note: g.note}}}
	for i, body := range g.bodies {
		b.Rows = append(b.Rows, proof.Row{Seq: int64(i + 1), Body: body})
		b.Hashes = append(b.Hashes, proof.LeafHash(body))
	}
	var out bytes.Buffer
	_, err := proof.WriteBundle(t.Context(), &out, g.ledger, func(_ context.Context, yield func(*proof.Batch) error) error { return yield(b) })
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	lines, err := d.DecodeAll(out.Bytes(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// A receipt that verifies says what the ledger does, whatever else it holds.
func FuzzReceipt(f *testing.F) {
	g := newGenuine(f, fewEvents)
	text := g.receipt(f)
	r, err := proof.ReadReceipt(text)
	if err != nil {
		f.Fatal(err)
	}
	if c, err := r.Check(g.keys); err != nil || c.Size != fewEvents {
		f.Fatalf("the genuine receipt: %+v, %v", c, err)
	}
	f.Add(text)
	f.Add(append(append([]byte(`{"data":`), text...), '}'))
	f.Add([]byte(`{"format":"cartulary-receipt/1","upload":{"seq":1,"proof":["AA=="]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = proof.ReadCheckpoint(text)
		r, err := proof.ReadReceipt(text)
		if err != nil {
			return
		}
		if _, err := r.Check(g.keys); err == nil && (r.LedgerID != g.ledger || r.DocumentID != g.document || r.SHA256 != g.sha) {
			t.Errorf("a forged receipt verifies: %+v", r)
		}
	})
}

// What is read of a checkpoint is what was signed, to the byte.
func FuzzCheckpoint(f *testing.F) {
	g := newGenuine(f, fewEvents)
	text, _, _ := strings.Cut(string(g.note), "\n\n")
	f.Add(text+"\n", string(g.note))
	f.Add("cartulary/"+g.ledger.String()+"\n01\nAAAA\n", "")
	f.Fuzz(func(t *testing.T, text, signed string) {
		c, err := proof.OpenCheckpoint([]byte(signed), g.keys)
		if err == nil && (c.Size != g.tree.N || c.Root != g.tree.Hash || c.Origin != proof.Origin(g.key.Name(), g.ledger)) {
			t.Errorf("a forged checkpoint opens: %+v", c)
		}
		good, err := note.Sign(&note.Note{Text: text}, g.key)
		if err != nil {
			return
		}
		if c, err = proof.OpenCheckpoint(good, g.keys); err != nil {
			return
		}
		again, err := c.Sign(g.key)
		if err != nil || !bytes.Equal(again, good) {
			t.Errorf("%q was read as %+v, which is %q, %v", good, c, again, err)
		}
		if _, err := c.Ledger(); err != nil {
			t.Errorf("%q speaks of no ledger: %v", good, err)
		}
	})
}

// A bundle whose events are all signed holds what the ledger does.
func FuzzBundle(f *testing.F) {
	g := newGenuine(f, fewEvents)
	lines := g.lines(f)
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = encoder.Close() })
	if report, err := g.audit(f.Context(), encoder.EncodeAll(lines, nil)); err != nil || report.Signed != fewEvents {
		f.Fatalf("the genuine bundle: %+v, %v", report, err)
	}
	head, _, _ := bytes.Cut(lines, []byte("\n"))
	f.Add(lines, true)
	f.Add(append(bytes.Clone(head), "\n{\"end\":1}\n"...), true)
	f.Add(append(bytes.Clone(head), "\n{\"first\":1,\"hashes\":\"AAAA\"}\n{\"end\":-1}\n"...), true)
	f.Add(encoder.EncodeAll(lines, nil), false)
	f.Fuzz(func(t *testing.T, data []byte, compress bool) {
		if compress {
			data = encoder.EncodeAll(data, nil)
		}
		report, err := g.audit(t.Context(), data)
		if err == nil && report.Ledger == g.ledger && report.Signed > 0 && report.Signed == report.Events &&
			(report.Events != fewEvents || report.Root != g.tree.Hash) {
			t.Errorf("a forged bundle verifies: %+v", report)
		}
	})
}

func (g *genuine) audit(ctx context.Context, data []byte) (proof.Report, error) {
	b, err := proof.OpenBundle(bytes.NewReader(data))
	if err != nil {
		return proof.Report{}, err
	}
	defer b.Close()
	a := proof.Audit{Ledger: b.Ledger, Keys: g.keys}
	return a.Run(ctx, b.Read)
}

// Whatever the stored tiles hold, what is proven with them is so, and frontiers that
// open can grow.
func FuzzTiles(f *testing.F) {
	g := newGenuine(f, manyEvents)
	first, second, upper := proof.TileID{}, proof.TileID{Index: 1}, proof.TileID{Level: 1}
	f.Add(g.tiles[first], g.tiles[second], g.tiles[upper], int64(0), int64(7))
	f.Add([]byte{1}, []byte(nil), g.tiles[first], int64(-1), int64(300))
	f.Add(g.tiles[first], g.tiles[second], []byte(nil), int64(1), int64(1))
	f.Fuzz(func(t *testing.T, a, b, up []byte, index, seq int64) {
		m := memory{first: a, second: b, upper: up}
		hashes, err := proof.Inclusion(t.Context(), g.tree, m, seq)
		if err == nil {
			err = proof.CheckInclusion(hashes, g.tree, seq, proof.LeafHash(g.bodies[seq-1]))
			if err != nil {
				t.Errorf("event %d: a proof was made that is none: %v", seq, err)
			}
		} else if !errors.Is(err, proof.ErrTiles) && !errors.Is(err, proof.ErrRange) {
			t.Errorf("event %d: %v", seq, err)
		}
		root, err := proof.RootAt(t.Context(), g.tree, m, seq)
		if err == nil && root != tlog.Hash(g.bodies[:seq].root()) {
			t.Errorf("root at %d: %v", seq, root)
		}
		if err == nil {
			_, err = proof.Consistency(t.Context(), g.tree, m, seq)
		}
		if err != nil && !errors.Is(err, proof.ErrTiles) && !errors.Is(err, proof.ErrRange) {
			t.Errorf("size %d: %v", seq, err)
		}
		frontier, err := proof.OpenFrontier(map[int]proof.Piece{
			0: {TileID: proof.TileID{Index: index}, Hashes: b}, 1: {TileID: proof.TileID{Level: 1}, Hashes: up},
		})
		if err != nil {
			if !errors.Is(err, proof.ErrTiles) {
				t.Errorf("frontier: %v", err)
			}
			return
		}
		size := frontier.Size()
		pieces := append(frontier.Add(tlog.Hash{1}), frontier.Rest()...)
		if frontier.Size() != size+1 || size < 0 || len(pieces) == 0 {
			t.Errorf("a frontier of %d grew to %d by %d pieces", size, frontier.Size(), len(pieces))
		}
		for _, p := range pieces {
			if len(p.Hashes) == 0 || len(p.Hashes)%tlog.HashSize != 0 || p.Index < 0 || p.From < 0 || p.From+len(p.Hashes)/tlog.HashSize > proof.TileWidth {
				t.Errorf("a piece that fits no tile: %+v", p)
			}
		}
	})
}
