package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/cartulary/cartulary/command"
)

// stores does the worker's part for a file, and returns its final key.
func (w *world) stores(tenant uuid.UUID, file string) string {
	w.t.Helper()
	id := uuid.MustParse(file)
	f, err := w.app.FileByID(w.t.Context(), tenant, id)
	w.must(err)
	final := command.StoredPath(tenant, id, f.Digest.MD5, f.BornAt, f.Born)
	w.must(w.store.Copy(w.t.Context(), f.S3Path, final))
	w.must(w.store.Delete(w.t.Context(), f.S3Path))
	_, err = w.app.StoreFile(w.t.Context(), command.Meta{ID: uuid.New()},
		command.StoreFile{TenantID: tenant, FileID: id, Staged: f.S3Path, S3Path: final})
	w.must(err)
	return final
}

// What the store has lost of a file that was verified is there again once somebody
// uploads the same bytes, whatever their way in; nothing else is left behind.
func TestBytesThatComeAgainMendAFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	small, large := "few bytes", strings.Repeat("many bytes ", 30<<10)
	keys := map[string]string{}
	for _, body := range []string{small, large} {
		file := ada.rawText(tenant, "filename=a.bin", body).want(http.StatusCreated).text("file_id")
		if keys[body] = ada.get(tenant + "/files/" + file).text("s3_path"); strings.HasPrefix(keys[body], command.StagingPrefix(id)) {
			keys[body] = w.stores(id, file)
		}
	}
	losses := map[string]func(key, body string){
		"gone": func(key, _ string) { w.must(w.store.Delete(t.Context(), key)) },
		"shorter": func(key, body string) {
			w.must(w.store.Replace(t.Context(), key, "text/plain", []byte(body[1:])))
		},
		"of the same length": func(key, body string) {
			w.must(w.store.Replace(t.Context(), key, "text/plain", []byte("!"+body[1:])))
		},
		"whole": func(string, string) {},
	}
	for way, upload := range map[string]func(body string) answer{
		"form": func(body string) answer { return ada.upload(tenant, []part{file("b.bin", body)}) },
		"body": func(body string) answer { return ada.rawText(tenant, "filename=b.bin", body) },
		"link": func(body string) answer {
			b := ada.announce(tenant, requestFor(body, nil))
			w.send(b.parts[0], []byte(body))
			return ada.post(b.path+"/complete", object{})
		},
		"tus": func(body string) answer {
			at := ada.beginTus(tenant, "b.bin", int64(len(body)))
			return ada.get(ada.patchTus(at, 0, strings.NewReader(body)).want(http.StatusNoContent).header.Get("Upload-Document"))
		},
	} {
		for how, lose := range losses {
			for _, body := range []string{small, large} {
				lose(keys[body], body)
				a := upload(body)
				if a.status >= 300 || a.text("status") != "ready" {
					t.Errorf("%s, %s: %d %s", way, how, a.status, a.raw)
				}
				w.holds(ada, tenant, a, body)
			}
		}
	}
	for _, area := range []string{command.StagingPrefix(id), command.DirectPrefix(id)} {
		if left := w.objects(area); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if files := w.objects(command.FilesPrefix(id)); len(files) != 2 {
		t.Errorf("stored: %v", files)
	}
	if log := w.log.String(); strings.Count(log, "has them again") != 4*3*2 {
		t.Errorf("mended %d times", strings.Count(log, "has them again"))
	}
}
