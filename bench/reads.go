package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"
)

const (
	readers       = 8 // connections
	readDocuments = 200
)

// readTrial is a running platform with documents to read, and a bare server with
// the same rows.
type readTrial struct {
	b        *bench
	platform *standalone
	account  *account
	bare     *bareServer
	paths    []string
}

// reads measures answers a second to GETs of what the account says, beside a bare
// server that runs the same statements and writes the same JSON, and checks nothing.
func reads(name string, pages bool) figure {
	return figure{name: name, unit: "1/s", aim: 0.8, prepare: func(ctx context.Context, b *bench) (_ contest, err error) {
		t := &readTrial{b: b}
		if t.platform, err = b.startStandalone(ctx); err != nil {
			return contest{}, err
		}
		if err := t.fill(ctx, min(b.documents, readDocuments), pages); err != nil {
			return contest{}, errors.Join(err, t.close())
		}
		reference := func(ctx context.Context) (float64, error) { return t.rate(ctx, t.bare.address) }
		product := func(ctx context.Context) (float64, error) { return t.rate(ctx, t.platform.address) }
		return contest{reference: reference, product: product, close: t.close}, nil
	}}
}

// fill uploads documents, and copies what the platform says of them to the bare
// server.
func (t *readTrial) fill(ctx context.Context, documents int, pages bool) (err error) {
	if t.account, err = openAccount(ctx, t.platform.address, documents); err != nil {
		return err
	}
	list := strings.TrimSuffix(t.account.path(""), "/")
	rows := make([]shownDocument, documents)
	for n, id := range t.account.documents {
		if err := t.account.call(ctx, http.MethodGet, t.account.path(id), "", http.NoBody, &rows[n]); err != nil {
			return err
		}
		if !pages {
			t.paths = append(t.paths, t.account.path(id))
		}
	}
	if pages {
		t.paths = []string{list + "?limit=50"}
	}
	if t.bare, err = t.b.startBare(ctx, rows); err != nil {
		return err
	}
	return t.same(ctx)
}

func (t *readTrial) close() error {
	var err error
	if t.bare != nil {
		err = t.bare.close()
	}
	return errors.Join(err, t.platform.stop())
}

// same fails unless both servers say the same.
func (t *readTrial) same(ctx context.Context) error {
	bare := *t.account
	bare.base = "http://" + t.bare.address
	var theirs, ours any
	if err := t.account.call(ctx, http.MethodGet, t.paths[0], "", http.NoBody, &theirs); err != nil {
		return err
	}
	if err := bare.call(ctx, http.MethodGet, t.paths[0], "", http.NoBody, &ours); err != nil {
		return err
	}
	if !reflect.DeepEqual(theirs, ours) {
		return fmt.Errorf("the yardstick says %v, the platform %v", ours, theirs)
	}
	return nil
}

// rate reads over connections that are kept alive.
func (t *readTrial) rate(ctx context.Context, address string) (_ float64, err error) {
	opened := make([]*reader, 0, readers)
	defer func() {
		for _, r := range opened {
			err = errors.Join(err, r.tcp.Close())
		}
	}()
	for n := range readers {
		r, err := t.dial(ctx, address, n)
		if err != nil {
			return 0, err
		}
		opened = append(opened, r)
	}
	return rate(ctx, readers, t.b.duration(), func(_ context.Context, n int) error { return opened[n].read() })
}

// reader sends GETs over one connection. It costs as little as can be, since it
// runs on the processors that the servers need.
type reader struct {
	tcp      net.Conn
	buffered *bufio.Reader
	requests [][]byte
	n        int
}

func (t *readTrial) dial(ctx context.Context, address string, n int) (*reader, error) {
	dialer := net.Dialer{Timeout: time.Minute}
	tcp, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	r := &reader{tcp: tcp, buffered: bufio.NewReader(tcp), n: n}
	for _, path := range t.paths {
		r.requests = append(r.requests, []byte("GET "+path+" HTTP/1.1\r\nHost: "+address+"\r\nAuthorization: Bearer "+t.account.token+"\r\n\r\n"))
	}
	return r, nil
}

func (r *reader) read() error {
	r.n++
	if _, err := r.tcp.Write(r.requests[r.n%len(r.requests)]); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	response, err := http.ReadResponse(r.buffered, nil)
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("read: %s", response.Status), response.Body.Close())
	}
	return response.Body.Close()
}
