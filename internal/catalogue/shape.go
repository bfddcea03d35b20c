package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// shape returns a schema without its descriptions, which are all that may change of
// it once it is published.
func shape(schema []byte) (any, error) {
	var v any
	if err := json.Unmarshal(schema, &v); err != nil {
		return nil, err
	}
	return undescribed(v), nil
}

func undescribed(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if _, text := member.(string); text && key == "description" {
				delete(v, key)
				continue
			}
			v[key] = undescribed(member)
		}
	case []any:
		for i := range v {
			v[i] = undescribed(v[i])
		}
	}
	return v
}

// digest returns what published.sum says of a file: the SHA-256 of its bytes, of a
// schema of its shape.
func digest(path string, content []byte) (string, error) {
	if strings.HasPrefix(path, schemaFolder+"/") {
		v, err := shape(content)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		if content, err = json.Marshal(v); err != nil { // members in alphabetical order
			return "", err
		}
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), nil
}

// differences says how a file changed, a line each.
func differences(path string, was, is []byte) []string {
	if !strings.HasPrefix(path, schemaFolder+"/") {
		if string(was) == string(is) {
			return nil
		}
		return []string{"was " + string(was), "is  " + string(is)}
	}
	before, err := shape(was)
	if err != nil {
		return []string{"was no JSON: " + err.Error()}
	}
	after, err := shape(is)
	if err != nil {
		return []string{"is no JSON: " + err.Error()}
	}
	return compare("", before, after)
}

// compare lists where two schemas differ.
func compare(at string, was, is any) []string {
	before, wasObject := was.(map[string]any)
	after, isObject := is.(map[string]any)
	if !wasObject || !isObject {
		if reflect.DeepEqual(was, is) {
			return nil
		}
		return []string{fmt.Sprintf("%s: was %s, is %s", strings.TrimPrefix(at, "."), printed(was), printed(is))}
	}
	both := maps.Clone(before)
	maps.Copy(both, after)
	var list []string
	for _, key := range slices.Sorted(maps.Keys(both)) {
		member := at + "." + key
		if key == "properties" {
			member = at
		}
		list = append(list, compare(member, before[key], after[key])...)
	}
	return list
}

func printed(v any) string {
	if v == nil {
		return "not there"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
