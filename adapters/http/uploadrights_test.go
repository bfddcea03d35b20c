package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	httpapi "github.com/cartulary/cartulary/adapters/http"
	"github.com/cartulary/cartulary/command"
	"github.com/cartulary/cartulary/events"
)

// late is a body of which the end comes when something has happened.
type late struct {
	first, last io.Reader
	meanwhile   func()
}

func (l *late) Read(p []byte) (int, error) {
	n, err := l.first.Read(p)
	if err == nil || l.meanwhile == nil {
		return n, err
	}
	l.meanwhile()
	l.first, l.meanwhile = l.last, nil
	return n, nil
}

// Who is removed, or may only look from now on, while an upload of his comes in makes no
// document of it, whatever its way in, and nothing of it is left.
func TestRightsAreLookedUpOnceAnUploadIsThere(t *testing.T) {
	t.Parallel()
	reasons := map[events.Refusal]int{}
	w, store := overUnsteady(t, func(c *httpapi.Config) {
		c.OnRefused = func(_ command.Meta, r command.RecordRefusal) { reasons[r.Reason]++ }
	})
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	later := func(change func(user *person), user *person) {
		change(user)                       // by another process: this one is not told
		time.Sleep(600 * time.Millisecond) // for longer than a membership is remembered
	}
	ways := map[string]func(user *person, body string, meanwhile func()) answer{
		"body": func(user *person, body string, meanwhile func()) answer {
			sent := &late{first: strings.NewReader(body[:1]), last: strings.NewReader(body[1:]), meanwhile: meanwhile}
			return user.uploadRaw(tenant, "filename=a.bin", sent, int64(len(body)))
		},
		"tus": func(user *person, body string, meanwhile func()) answer {
			upload := user.beginTus(tenant, "a.bin", int64(len(body)))
			user.patchTus(upload, 0, strings.NewReader(body[:1])).want(http.StatusNoContent)
			sent := &late{first: strings.NewReader(body[1:2]), last: strings.NewReader(body[2:]), meanwhile: meanwhile}
			return user.patchTus(upload, 1, sent)
		},
		"link": func(user *person, body string, meanwhile func()) answer {
			b := user.announce(tenant, requestFor(body, nil))
			w.send(b.parts[0], []byte(body))
			store.adopt = func(context.Context) error {
				meanwhile()
				return nil
			}
			return user.post(b.path+"/complete", object{})
		},
	}
	demote := func(user *person) {
		_, err := w.app.ChangeRole(t.Context(), command.Meta{ID: uuid.New(), Actor: ada.id}, command.ChangeRole{
			TenantID: id, UserID: user.id, Role: events.RoleViewer, Actor: ada.id,
		})
		w.must(err)
		w.follow(id)
	}
	for way, upload := range ways {
		for _, body := range []string{"few bytes", strings.Repeat("many bytes ", 30<<10)} {
			of := fmt.Sprint(way, len(body))
			removed, demoted := w.newPerson("removed"+of), w.newPerson("demoted"+of)
			w.join(ada, id, removed, events.RoleUser)
			w.join(ada, id, demoted, events.RoleUser)
			a := upload(removed, body, func() { later(func(p *person) { w.expel(ada, id, p) }, removed) })
			b := upload(demoted, body, func() { later(demote, demoted) })
			if a.status != http.StatusNotFound || b.status != http.StatusForbidden {
				t.Errorf("%s, %d bytes: %d and %d", way, len(body), a.status, b.status)
			}
		}
	}
	if reasons[events.RefusalStranger] != 6 || reasons[events.RefusalRole] != 6 || len(reasons) != 2 {
		t.Errorf("refused: %v", reasons)
	}
	if documents := ada.get(tenant + "/documents").items(); len(documents) != 0 {
		t.Errorf("documents: %v", documents)
	}
	for _, area := range []string{command.StagingPrefix(id), command.FilesPrefix(id)} {
		if left := w.objects(area); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}
