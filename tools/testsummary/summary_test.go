package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const passing = `{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
	tests := map[string]struct {
		in   string
		ok   bool
		want []string
	}{
		"all pass":      {passing, true, []string{"ok    p ", "1 tests passed, 0 failed, 0 skipped"}},
		"no test files": {`{"Action":"skip","Package":"q"}` + "\n" + passing, true, []string{"0 skipped"}},
		"a skipped test": {
			`{"Action":"output","Package":"p","Test":"TestB","Output":"no server\n"}` + "\n" +
				`{"Action":"skip","Package":"p","Test":"TestB"}` + "\n" + passing,
			false,
			[]string{"skipped: p.TestB", "no server", "1 skipped"},
		},
		"a failed test": {
			`{"Action":"output","Package":"p","Test":"TestB","Output":"got 1\n"}` + "\n" +
				`{"Action":"fail","Package":"p","Test":"TestB"}` + "\n" + `{"Action":"fail","Package":"p"}`,
			false,
			[]string{"got 1", "FAIL  p", "failed: p.TestB"},
		},
		"a build that fails": {
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:1: no\n"}` + "\n" +
				`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			false,
			[]string{"p.go:1: no", "FAIL  p"},
		},
		"a test that never ends": {`{"Action":"output","Package":"p","Test":"TestB","Output":"x\n"}`, false, []string{"never ended: p.TestB"}},
		"other lines":            {"go: downloading x\n" + passing, true, []string{"go: downloading x"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ok, err := run(strings.NewReader(tt.in), &out)
			if err != nil {
				t.Fatal(err)
			}
			if ok != tt.ok {
				t.Errorf("ok = %v, want %v", ok, tt.ok)
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("output lacks %q:\n%s", want, out.String())
				}
			}
		})
	}
}
