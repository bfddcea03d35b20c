package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// wireTimeout bounds one request with its answer.
const wireTimeout = 2 * time.Minute

// wire sends requests over one connection that is kept alive. It costs as little as can
// be, since it runs on the processors that servers need: bodies go out as they lie in
// memory.
type wire struct {
	tcp    net.Conn
	reader *bufio.Reader
	host   string
}

func dialWire(ctx context.Context, address string) (*wire, error) {
	var dialer net.Dialer
	tcp, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{tcp: tcp, reader: bufio.NewReader(tcp), host: address}, nil
}

func (w *wire) close() error { return w.tcp.Close() }

// wireAnswer is an answer, read to its end.
type wireAnswer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and returns the answer to it, if it has the status wanted.
// Headers are lines, each with its end.
func (w *wire) do(method, target, headers string, want int, body ...[]byte) (wireAnswer, error) {
	var r wireAnswer
	response, err := w.send(method, target, headers, body...)
	if err != nil {
		return r, err
	}
	r.status, r.header = response.StatusCode, response.Header
	if r.body, err = io.ReadAll(response.Body); err != nil {
		return r, fmt.Errorf("%s %.80s: %w", method, target, err)
	}
	if err := response.Body.Close(); err != nil {
		return r, err
	}
	if r.status != want {
		return r, fmt.Errorf("%s %.80s: %s: %.300s", method, target, response.Status, r.body)
	}
	return r, nil
}

// send sends a request and returns its answer, to be read to its end.
func (w *wire) send(method, target, headers string, body ...[]byte) (*http.Response, error) {
	if err := w.tcp.SetDeadline(time.Now().Add(wireTimeout)); err != nil {
		return nil, err
	}
	length := 0
	for _, b := range body {
		length += len(b)
	}
	head := method + " " + target + " HTTP/1.1\r\nHost: " + w.host + "\r\n" + headers +
		"Content-Length: " + strconv.Itoa(length) + "\r\n\r\n"
	pieces := append(net.Buffers{[]byte(head)}, body...)
	if _, err := pieces.WriteTo(w.tcp); err != nil {
		return nil, fmt.Errorf("%s %.80s: %w", method, target, err)
	}
	response, err := http.ReadResponse(w.reader, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("%s %.80s: %w", method, target, err)
	}
	return response, nil
}

// link is a URL, as a wire needs it.
type link struct{ address, target string }

func parseLink(text string) (link, error) {
	u, err := url.Parse(text)
	if err != nil {
		return link{}, err
	}
	return link{u.Host, u.RequestURI()}, nil
}

// lines writes headers one a line.
func lines(headers map[string]string) string {
	var all strings.Builder
	for name, value := range headers {
		all.WriteString(name + ": " + value + "\r\n")
	}
	return all.String()
}
