package catalogue

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Validator holds messages against the schemas of a folder. It is not safe for
// concurrent use.
type Validator struct {
	folder   string
	compiler *jsonschema.Compiler
}

// NewValidator returns a validator of the schemas in folder.
func NewValidator(folder string) *Validator {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiler.AssertContent()
	return &Validator{folder: folder, compiler: compiler}
}

// Validate returns how a message is not what the schema of its event says.
func (v *Validator) Validate(body []byte) error {
	var name struct {
		EventType     string `json:"event_type"`
		SchemaVersion int    `json:"schema_version"`
	}
	if err := json.Unmarshal(body, &name); err != nil {
		return err
	}
	message, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	schema, err := v.compiler.Compile(filepath.Join(v.folder, fileName(name.EventType, name.SchemaVersion)))
	if err != nil {
		return fmt.Errorf("schema of %s, version %d: %w", name.EventType, name.SchemaVersion, err)
	}
	return schema.Validate(message)
}
