package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	const dockerfile = "FROM scratch AS api\n"
	tests := map[string]struct {
		compose string
		args    []string
		want    string // in the output
		err     string // in the error
	}{
		"a good project": {
			compose: "services: {api: {build: {context: ., target: api}, image: i, command: [serve], restart: always}}",
			want:    "api          i                            [serve]",
		},
		"an unknown field": {
			compose: "services: {api: {image: i, restart: always, helthcheck: {}}}",
			err:     "helthcheck",
		},
		"a variable that is missing": {
			compose: "services: {api: {image: '${IMAGE:?set it}', restart: always}}",
			err:     "IMAGE",
		},
		"a variable that is set": {
			compose: "services: {api: {image: '${IMAGE:?set it}', restart: always}}",
			args:    []string{"-set", "IMAGE=j"},
			want:    "j",
		},
		"a target that the Dockerfile lacks": {
			compose: "services: {api: {build: {context: ., target: worker}, restart: always}}",
			err:     `no target "worker"`,
		},
		"health that nobody checks": {
			compose: "services: {api: {image: i, restart: always, depends_on: {db: {condition: service_healthy}}}, db: {image: i, restart: always}}",
			err:     "no health check",
		},
		"a service that stays down": {
			compose: "services: {api: {image: i}}",
			err:     "does not come back",
		},
		"a mount of nothing": {
			compose: "services: {api: {image: i, restart: always, volumes: ['./nothing:/x']}}",
			err:     "nothing",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "Dockerfile"), dockerfile)
			file := filepath.Join(dir, "docker-compose.yml")
			write(t, file, "name: x\n"+tt.compose+"\n")
			var out strings.Builder
			err := run(t.Context(), append(tt.args, file), &out)
			switch {
			case tt.err == "" && err != nil:
				t.Fatal(err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
				t.Fatalf("error %v, want one with %q", err, tt.err)
			case !strings.Contains(out.String(), tt.want):
				t.Errorf("output lacks %q:\n%s", tt.want, out.String())
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
