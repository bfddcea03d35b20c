package config_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cartulary/cartulary/config"
)

// onlyForCompose are the variables of .env.example that no role reads.
var onlyForCompose = []string{"DATABASE_OWNER_PASSWORD", "DATABASE_PASSWORD", "POSTGRES_PASSWORD"}

func TestExampleNamesEveryVariable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	example := map[string]string{}
	for _, line := range regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]*)=(.*)$`).FindAllSubmatch(text, -1) {
		example[string(line[1])] = string(line[2])
	}
	if example["JWT_SECRET_KEY"] != "" {
		t.Error("the example must not bring a signing key")
	}
	example["JWT_SECRET_KEY"] = complete()["JWT_SECRET_KEY"]
	read := map[string]bool{}
	_, err = config.Load(func(name string) string {
		read[name] = true
		return example[name]
	}, all)
	if err != nil {
		t.Errorf("the example can't be loaded: %v", err)
	}
	for _, name := range onlyForCompose {
		delete(example, name)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(example))); diff != "" {
		t.Errorf("variables (-read +example):\n%s", diff)
	}
}
