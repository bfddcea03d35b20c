package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// settings are the secrets of one data directory, drawn when it is made.
type settings struct {
	JWTSecret   string `json:"jwt_secret"`
	S3AccessKey string `json:"s3_access_key"`
	S3SecretKey string `json:"s3_secret_key"`
}

// openSettings reads the settings of a data directory, or draws them.
func openSettings(dir string) (settings, error) {
	path := filepath.Join(dir, "settings.json")
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return drawSettings(path)
	}
	if err != nil {
		return settings{}, fmt.Errorf("read settings: %w", err)
	}
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil {
		return settings{}, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

func drawSettings(path string) (settings, error) {
	s := settings{JWTSecret: secret(48), S3AccessKey: secret(15), S3SecretKey: secret(30)}
	raw, err := json.Marshal(s, jsontext.Multiline(true))
	if err != nil {
		return settings{}, fmt.Errorf("write settings: %w", err)
	}
	// Renamed into place whole, so that a kill leaves none or all of it.
	draft := path + ".new"
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		return settings{}, fmt.Errorf("write settings: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		return settings{}, fmt.Errorf("write settings: %w", err)
	}
	return s, nil
}

// secret draws n random bytes, as text.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
