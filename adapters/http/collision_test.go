package httpapi_test

import (
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/cartulary/cartulary/internal/collision"
)

// ways are the ways in, each as a request for a document with a body.
func (p *person) ways() map[string]func(tenant, body string) answer {
	return map[string]func(tenant, body string) answer{
		"form": func(tenant, body string) answer { return p.upload(tenant, []part{file("a.bin", body)}) },
		"body": func(tenant, body string) answer { return p.rawText(tenant, "filename=a.bin", body) },
		"straight to the store": func(tenant, body string) answer {
			sum := md5.Sum([]byte(body))
			b := p.announce(tenant, requestFor(body, object{"md5": hex.EncodeToString(sum[:])}))
			if status, _ := p.w.send(b.parts[0], []byte(body)); status != http.StatusOK {
				p.w.t.Errorf("sent: %d", status)
			}
			return p.post(b.path+"/complete", object{})
		},
	}
}

// Two files that MD5 can't tell apart stay two: whatever the way in, each document
// keeps its own bytes, and only the same bytes are shared.
func TestBytesThatMD5ConfusesAreKeptApart(t *testing.T) {
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, _ := ada.newTenant("Engines")
	first, second := collision.Blocks(t)
	files := map[string]string{} // by SHA-256
	for way, upload := range ada.ways() {
		for _, block := range []string{string(first), string(second)} {
			made := upload(tenant, block).want(http.StatusCreated)
			if got := made.text("md5_hash"); got != collision.MD5 {
				t.Errorf("%s: MD5 %s", way, got)
			}
			_, body := w.fetch(ada.get(tenant + "/documents/" + made.text("id") + "/download").want(http.StatusFound).header.Get("Location"))
			if string(body) != block {
				t.Errorf("%s: %x came back", way, body)
			}
			sum, id := made.text("sha256_hash"), made.text("file_id")
			known, seen := files[sum]
			if seen && known != id || made.json.Data["deduplicated"] != seen {
				t.Errorf("%s: file %s, deduplicated %v; the same bytes are %q", way, id, made.json.Data["deduplicated"], known)
			}
			files[sum] = id
		}
		// Other bytes behind them, so that each way meets new files, too.
		for _, block := range []string{string(first) + way, string(second) + way} {
			made := upload(tenant, block).want(http.StatusCreated)
			_, body := w.fetch(ada.get(tenant + "/documents/" + made.text("id") + "/download").want(http.StatusFound).header.Get("Location"))
			if string(body) != block || made.json.Data["deduplicated"] != false {
				t.Errorf("%s: %x came back, deduplicated %v", way, body, made.json.Data["deduplicated"])
			}
			files[made.text("sha256_hash")] = made.text("file_id")
		}
	}
	if n := len(files); n != 2+2*len(ada.ways()) {
		t.Errorf("%d files", n)
	}
	list := ada.get(tenant + "/files?md5=" + collision.MD5).want(http.StatusOK).items()
	if len(list) != 2 || list[0]["id"] == list[1]["id"] || list[0]["sha256_hash"] == list[1]["sha256_hash"] {
		t.Errorf("files with the MD5: %v", list)
	}
}
