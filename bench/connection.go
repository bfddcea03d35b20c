package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
)

// connection sends renames over one connection that is kept alive. It costs as
// little as can be, since it runs on the processors that the platform needs.
type connection struct {
	tcp    net.Conn
	reader *bufio.Reader
	head   string // what all requests have in common
	buffer []byte
	path   func(document string) string

	series    string   // what names begin with, unlike those of any other connection
	documents []string // renamed in turn; nobody else renames them
	n         int      // renames made
	last      string   // the newest name of the document renamed last
}

// dial opens a connection that renames the given documents.
func (a *account) dial(ctx context.Context, address string, documents []string) (*connection, error) {
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{
		tcp: tcp, reader: bufio.NewReader(tcp), path: a.path, documents: documents,
		series: "Minutes of " + tcp.LocalAddr().String() + ", draft ",
		head: " HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Bearer " + a.token +
			"\r\nContent-Type: application/json\r\nContent-Length: ",
	}, nil
}

func (c *connection) close() error { return c.tcp.Close() }

// document returns the document that was renamed last.
func (c *connection) document() string { return c.documents[(c.n-1)%len(c.documents)] }

// rename gives the next document another name and returns when the platform says
// that its read models hold it.
func (c *connection) rename() error {
	document := c.documents[c.n%len(c.documents)]
	c.n++
	c.last = c.series + strconv.Itoa(c.n) + ".pdf"
	body := len(`{"filename":""}`) + len(c.last)
	b := append(c.buffer[:0], "PUT "...)
	b = append(b, c.path(document)...)
	b = append(b, c.head...)
	b = strconv.AppendInt(b, int64(body), 10)
	b = append(b, "\r\n\r\n"+`{"filename":"`...)
	b = append(b, c.last...)
	b = append(b, `"}`...)
	c.buffer = b
	if _, err := c.tcp.Write(b); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		said, err := io.ReadAll(response.Body)
		return errors.Join(fmt.Errorf("rename: %s: %.300s", response.Status, said), err, response.Body.Close())
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return response.Body.Close()
}
