package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cartulary/cartulary/adapters/s3"
	"github.com/cartulary/cartulary/command"
)

// Whatever stands around a form's file, the file is stored as it was sent; and with one
// request, which the entity tag shows, if it comes last.
func TestFormsAreStoredWhateverTheirShape(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	const delimiter, end = "--" + boundary + "\r\n", "\r\n--" + boundary + "--\r\n"
	const name = delimiter + "Content-Disposition: form-data; name=\"filename\"\r\n\r\n"
	const head = delimiter + "Content-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: application/pdf\r\n\r\n"
	for what, shape := range map[string]struct {
		before, after string
		once          bool
	}{
		"the file alone":         {head, end, true},
		"a field before":         {name + "b.bin\r\n" + head, end, true},
		"a preamble":             {"for humans\r\n" + head, end, true},
		"a field behind":         {head, "\r\n" + name + "b.bin" + end, false},
		"an epilogue":            {head, end + "for humans", false},
		"no line behind the end": {head, strings.TrimSuffix(end, "\r\n"), false},
		"an end with blanks":     {head, strings.TrimSuffix(end, "\r\n") + "    \r\n", false},
		"a boundary in a field":  {name + "b--" + boundary + ".bin\r\n" + head, end, false},
		"a file far behind":      {strings.Repeat("preamble\r\n", 3000) + head, end, false},
	} {
		for _, size := range []int{300 << 10, 9 << 20} {
			content := strings.Repeat(what+"!", size/len(what))
			made := ada.do(http.MethodPost, tenant+"/documents", strings.NewReader(shape.before+content+shape.after),
				header{"Content-Type", "multipart/form-data; boundary=" + boundary}).want(http.StatusCreated)
			w.holds(ada, tenant, made, content)
			if made.text("mime_type") != "application/pdf" {
				t.Errorf("%s: %s", what, made.raw)
			}
			found := 0
			w.must(w.store.List(t.Context(), command.StagingPrefix(id)+made.text("id"), func(o s3.Object) error {
				found++
				if shape.once && o.MD5 != made.text("md5_hash") {
					t.Errorf("%s, %d bytes: sent in parts", what, size)
				}
				return nil
			}))
			if found != 1 {
				t.Errorf("%s, %d bytes: %d objects", what, size, found)
			}
		}
	}
}

// A form that says that it is far longer than its file is refused: the store would be
// sent what nobody sent us.
func TestAFormWithTooMuchBehindItsFile(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada := w.newPerson("ada")
	tenant, id := ada.newTenant("Engines")
	body := "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nbytes\r\n--" + boundary + "--\r\n" +
		strings.Repeat("epilogue", 1<<18)
	ada.do(http.MethodPost, tenant+"/documents", strings.NewReader(body),
		header{"Content-Type", "multipart/form-data; boundary=" + boundary}).want(http.StatusBadRequest)
	if staged := w.objects(command.StagingPrefix(id)); len(staged) != 0 {
		t.Errorf("left behind: %v", staged)
	}
}
