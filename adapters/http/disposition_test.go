package httpapi

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const awkward = `Été – رسالة "final".pdf`

func TestFilenamesOfParts(t *testing.T) {
	for name, test := range map[string]struct{ header, want string }{
		"plain":                       {`form-data; name="file"; filename="a.pdf"`, "a.pdf"},
		"order":                       {`form-data; filename="a.pdf"; name="file"`, "a.pdf"},
		"token":                       {`form-data; name=file; filename=a.pdf`, "a.pdf"},
		"upper case":                  {`FORM-DATA; NAME="file"; FILENAME="a.pdf"`, "a.pdf"},
		"no blanks":                   {`form-data;name="file";filename="a.pdf"`, "a.pdf"},
		"trailing semicolon":          {`form-data; name="file"; filename="a.pdf";`, "a.pdf"},
		"browsers and curl 7.81 on":   {`form-data; name="file"; filename="Été – رسالة %22final%22.pdf"`, awkward},
		"curl before, --form-escape":  {`form-data; name="file"; filename="Été – رسالة \"final\".pdf"`, awkward},
		"RFC 5987":                    {`form-data; name="file"; filename*=UTF-8''%C3%89t%C3%A9%20%E2%80%93%20%D8%B1%D8%B3%D8%A7%D9%84%D8%A9%20%22final%22.pdf`, awkward},
		"both; the extended one wins": {`form-data; name="file"; filename="Ete.pdf"; filename*=UTF-8''%C3%89t%C3%A9.pdf`, "Été.pdf"},
		"RFC 2231, in parts":          {`form-data; name="file"; filename*0*=UTF-8''%C3%89t; filename*1="%C3%A9"; filename*2=".pdf"`, "Ét%C3%A9.pdf"},
		"quotes around all":           {`form-data; name="file"; filename="\"a\""`, `"a"`},
		"one quote":                   {`form-data; name="file"; filename="\".pdf"`, `".pdf`},
		"semicolon inside":            {`form-data; name="file"; filename="a;b=c.pdf"`, "a;b=c.pdf"},
		"semicolon after a quote":     {`form-data; name="file"; filename="a\";b.pdf"`, `a";b.pdf`},
		"percent kept":                {`form-data; name="file"; filename="100%.pdf"`, "100%.pdf"},
		"other escapes kept":          {`form-data; name="file"; filename="a%20b%41.pdf"`, "a%20b%41.pdf"},
		"path of Windows":             {`form-data; name="file"; filename="C:\dir\a.pdf"`, "a.pdf"},
		"path of Windows, escaped":    {`form-data; name="file"; filename="C:\\dir\\a.pdf"`, "a.pdf"},
		"path of Unix":                {`form-data; name="file"; filename="../../etc/passwd"`, "passwd"},
		"directory":                   {`form-data; name="file"; filename="C:\dir\"`, ""},
		"directory, name after":       {`form-data; filename="C:\dir\"; name="file"`, ""},
		"line break":                  {`form-data; name="file"; filename="a%0D%0Ab.pdf"`, "a\r\nb.pdf"},
		"empty":                       {`form-data; name="file"; filename=""`, ""},
		"absent":                      {`form-data; name="file"`, ""},
		"emoji":                       {`form-data; name="file"; filename="📄.pdf"`, "📄.pdf"},
		"right to left mark":          {"form-data; name=\"file\"; filename=\"\u202efdp.exe\"", "\u202efdp.exe"},
		"decomposed stays decomposed": {"form-data; name=\"file\"; filename=\"e\u0301.pdf\"", "e\u0301.pdf"},
		"blanks kept":                 {`form-data; name="file"; filename=" a  b .pdf "`, " a  b .pdf "},
	} {
		t.Run(name, func(t *testing.T) {
			field, filename, err := parseDisposition(test.header)
			if err != nil || field != "file" {
				t.Fatalf("field %q, %v", field, err)
			}
			if got := lastComponent(filename); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestMalformedDispositions(t *testing.T) {
	for name, header := range map[string]string{
		"empty":          ``,
		"attachment":     `attachment; name="file"`,
		"no name":        `form-data; filename="a.pdf"`,
		"no value":       `form-data; name`,
		"no key":         `form-data; ="file"`,
		"unterminated":   `form-data; name="file`,
		"name twice":     `form-data; name="file"; name="other"`,
		"filename twice": `form-data; name="file"; filename="a"; filename="b"`,
		"bad extended":   `form-data; name="file"; filename*=UTF-8''%ZZ`,
		"odd charset":    `form-data; name="file"; filename*=EBCDIC''a`,
	} {
		t.Run(name, func(t *testing.T) {
			if field, filename, err := parseDisposition(header); err == nil {
				t.Errorf("got %q, %q", field, filename)
			}
		})
	}
}

func FuzzParseDisposition(f *testing.F) {
	f.Add(`form-data; name="file"; filename="a\"b.pdf"`)
	f.Add(`form-data; name="file"; filename*=UTF-8''%C3%89.pdf`)
	f.Fuzz(func(t *testing.T, header string) {
		_, filename, err := parseDisposition(header)
		if err != nil {
			return
		}
		if strings.ContainsAny(lastComponent(filename), `/\`) {
			t.Errorf("%q leaves a path in %q", header, filename)
		}
		if utf8.ValidString(header) && !strings.Contains(header, "*") && !utf8.ValidString(filename) {
			t.Errorf("%q makes invalid UTF-8 of valid: %q", header, filename)
		}
	})
}
