package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// attemptTimeout bounds one request.
const attemptTimeout = 20 * time.Second

// Answer is one answer to a command.
type Answer struct {
	Asked  time.Time // when the request was sent
	Status int
}

// account is a user with a tenant and a session.
type account struct {
	client   *client
	email    string
	password string
	user     uuid.UUID
	tenant   uuid.UUID
	session  session
}

// client talks to the API.
type client struct {
	base     string
	http     *http.Client
	answered func(Answer)
	retries  func()
}

// request is what is sent, possibly more than once.
type request struct {
	method, path, contentType, key string
	body                           []byte
	patient                        bool // 401 may only mean that read models do not follow yet
}

// reply is the last answer to a request.
type reply struct {
	status   int
	attempts int
	data     struct {
		ID          uuid.UUID `json:"id"`
		AccessToken string    `json:"access_token"`
	}
}

// RefusedError is an answer that should not have come.
type RefusedError struct {
	Method, Path string
	Status       int
	Body         string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s was answered %d: %s", e.Method, e.Path, e.Status, e.Body)
}

// insist sends a request until it is acknowledged or ctx ends.
func (c *client) insist(ctx context.Context, r request, token func() string, renew func(context.Context) error) (reply, error) {
	var failure error
	for attempt := 1; ; attempt++ {
		answer, body, err := c.send(ctx, r, token())
		switch {
		case err == nil && answer.Status < 300:
			got := reply{status: answer.Status, attempts: attempt}
			if err := json.Unmarshal(body, &struct{ Data any }{&got.data}); err != nil {
				return reply{}, fmt.Errorf("%s %s: answer: %w", r.method, r.path, err)
			}
			c.answered(answer)
			return got, nil
		case err == nil && answer.Status == http.StatusUnauthorized && renew != nil:
			failure = renew(ctx)
		case err == nil && !later(answer.Status) && (!r.patient || answer.Status != http.StatusUnauthorized):
			return reply{}, &RefusedError{r.method, r.path, answer.Status, string(body)}
		case err == nil:
			failure = &RefusedError{r.method, r.path, answer.Status, string(body)}
		default:
			failure = err
		}
		c.retries()
		if err := pause(ctx, attempt); err != nil {
			return reply{}, fmt.Errorf("gave up after %d attempts: %w", attempt, errors.Join(err, failure))
		}
	}
}

// later reports whether a refusal may be otherwise next time.
func later(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	default:
		return status >= 500
	}
}

// pause waits longer after each attempt, at most half a second.
func pause(ctx context.Context, attempt int) error {
	longest := min(20*time.Millisecond<<min(attempt, 5), 500*time.Millisecond)
	timer := time.NewTimer(longest/2 + rand.N(longest/2)) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *client) send(ctx context.Context, r request, token string) (Answer, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return Answer{}, nil, err
	}
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	if r.key != "" {
		request.Header.Set("Idempotency-Key", r.key)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer := Answer{Asked: time.Now()}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer.Status = response.StatusCode
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return answer, body, err
}

// asJSON returns a request with a JSON body.
func asJSON(method, path, key string, fields map[string]string) (request, error) {
	body, err := json.Marshal(fields)
	if err != nil {
		return request{}, err
	}
	return request{method: method, path: path, contentType: "application/json", key: key, body: body}, nil
}

// asUpload returns an upload of bytes under a name.
func asUpload(path, key, filename string, content []byte) (request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := errors.Join(form.WriteField("filename", filename), form.WriteField("mime_type", "application/octet-stream"))
	if err != nil {
		return request{}, err
	}
	part, err := form.CreateFormFile("file", filename)
	if err != nil {
		return request{}, err
	}
	if _, err := part.Write(content); err != nil {
		return request{}, err
	}
	if err := form.Close(); err != nil {
		return request{}, err
	}
	return request{method: http.MethodPost, path: path, contentType: form.FormDataContentType(), key: key, body: body.Bytes()}, nil
}
