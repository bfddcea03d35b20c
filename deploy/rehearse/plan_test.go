package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDockerfile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	images, buildRun, err := parseDockerfile(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"migrate", "api", "relay", "projector", "worker"} {
		got := images[role]
		want := image{Entrypoint: []string{"/cartulary"}, Command: []string{role}, User: "65532:65532"}
		if role == "api" {
			want.Environment = map[string]string{"HOST": "0.0.0.0", "PORT": "4999"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", role, diff)
		}
	}
	if last := buildRun[len(buildRun)-1]; !strings.HasPrefix(last, "CGO_ENABLED=0 go build ") {
		t.Errorf("the last line that builds is %q", last)
	}
	if _, _, err := parseDockerfile([]byte("FROM scratch\n")); err == nil {
		t.Error("a target without a name was accepted")
	}
}

func TestComposeOverridesTheImage(t *testing.T) {
	t.Parallel()
	made := service{Environment: map[string]string{"HOST": "::", "URL": "kafka:9092"}, Command: []string{"serve"}}
	made.Build = &struct {
		Target string `json:"target"`
	}{"api"}
	p := &plan{
		program:  "/tmp/cartulary",
		services: map[string]service{"api": made},
		images: map[string]image{"api": {
			Entrypoint: []string{"/cartulary"}, Command: []string{"api"}, Environment: map[string]string{"HOST": "0.0.0.0", "PORT": "1"},
		}},
	}
	command, err := p.command("api")
	if err != nil || !slices.Equal(command, []string{"/tmp/cartulary", "serve"}) {
		t.Errorf("command %v, %v", command, err)
	}
	got := p.environment("api", strings.NewReplacer("kafka:9092", "127.0.0.1:1"))
	slices.Sort(got)
	if want := []string{"HOST=::", "PORT=1", "URL=127.0.0.1:1"}; !slices.Equal(got, want) {
		t.Errorf("environment %v, want %v", got, want)
	}
}
