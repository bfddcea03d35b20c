// Package journal is the client's own record of a chaos run: before it asks for
// something it writes what it is about to ask, and after the answer that it got
// one. Each line is on disk before the client goes on, so that the journal can be
// held against what the platform says afterwards.
package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Kind is what a client asks for.
type Kind string

// The kinds of operations.
const (
	Upload Kind = "upload"
	Rename Kind = "rename"
)

// Intent is what a client is about to ask for.
type Intent struct {
	Op       int       `json:"op"` // unique in the journal
	Kind     Kind      `json:"kind"`
	Tenant   uuid.UUID `json:"tenant"`
	User     uuid.UUID `json:"user"`
	Key      string    `json:"key"` // the Idempotency-Key of all attempts
	Filename string    `json:"filename"`
	Document uuid.UUID `json:"document"` // of a rename
	MD5      string    `json:"md5"`      // of an upload, lower-case hex
	SHA256   string    `json:"sha256"`   // of an upload, lower-case hex
	Size     int64     `json:"size"`     // of an upload, in bytes
}

// Ack is the answer that ended an operation.
type Ack struct {
	Op       int       `json:"op"`
	Document uuid.UUID `json:"document"`
	Status   int       `json:"status"`   // of HTTP
	Attempts int       `json:"attempts"` // requests sent, the answered one included
	At       time.Time `json:"at"`
}

// Operation is an intent and, unless it was never answered, its answer.
type Operation struct {
	Intent
	Ack *Ack
}

type line struct {
	Intent *Intent `json:"intent,omitempty"`
	Ack    *Ack    `json:"ack,omitempty"`
}

// Writer appends to a journal. Its methods may be called concurrently.
type Writer struct {
	mu   sync.Mutex
	file *os.File
}

// Create makes a journal, which must not exist.
func Create(path string) (*Writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	return &Writer{file: file}, nil
}

// Intend records what is about to be asked. It returns when that is on disk.
func (w *Writer) Intend(i Intent) error { return w.append(line{Intent: &i}) }

// Acknowledge records an answer. It returns when that is on disk.
func (w *Writer) Acknowledge(a Ack) error { return w.append(line{Ack: &a}) }

func (w *Writer) append(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Close closes the journal.
func (w *Writer) Close() error { return w.file.Close() }

// Read returns a journal's operations in the order of their intents.
func Read(path string) ([]Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer func() { _ = file.Close() }()
	return parse(file)
}

func parse(r io.Reader) ([]Operation, error) {
	var operations []Operation
	index := map[int]int{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("read journal: %w", err)
		}
		switch {
		case l.Intent != nil:
			if _, ok := index[l.Intent.Op]; ok {
				return nil, fmt.Errorf("read journal: operation %d is intended twice", l.Intent.Op)
			}
			index[l.Intent.Op] = len(operations)
			operations = append(operations, Operation{Intent: *l.Intent})
		case l.Ack != nil:
			i, ok := index[l.Ack.Op]
			if !ok || operations[i].Ack != nil {
				return nil, fmt.Errorf("read journal: operation %d is answered without an intent, or twice", l.Ack.Op)
			}
			operations[i].Ack = l.Ack
		default:
			return nil, errors.New("read journal: a line is neither intent nor answer")
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	return operations, nil
}
