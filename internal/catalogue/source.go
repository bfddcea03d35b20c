package catalogue

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// source is what the code of package events says beside its types.
type source struct {
	comments map[string]string     // by "Type" and "Type.Field", as one line
	values   map[string][]constant // of string types, by the type's name, in the order of the code
}

type constant struct{ value, comment string }

// readSource reads the Go files of a folder, without tests.
func readSource(folder string) (*source, error) {
	s := &source{comments: make(map[string]string), values: make(map[string][]constant)}
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("read %s: %w", folder, fs.ErrNotExist)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, declaration := range file.Decls {
			if d, ok := declaration.(*ast.GenDecl); ok {
				s.declaration(d)
			}
		}
	}
	return s, nil
}

func (s *source) declaration(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil {
				doc = d.Doc
			}
			s.comments[spec.Name.Name] = oneLine(doc)
			if t, ok := spec.Type.(*ast.StructType); ok {
				s.fields(spec.Name.Name, t)
			}
		case *ast.ValueSpec:
			s.value(spec)
		}
	}
}

func (s *source) fields(name string, t *ast.StructType) {
	for _, field := range t.Fields.List {
		doc := field.Doc
		if doc == nil {
			doc = field.Comment
		}
		for _, n := range field.Names {
			s.comments[name+"."+n.Name] = oneLine(doc)
		}
	}
}

func (s *source) value(spec *ast.ValueSpec) {
	t, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, v := range spec.Values {
		if literal, ok := v.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				s.values[t.Name] = append(s.values[t.Name], constant{text, oneLine(spec.Comment)})
			}
		}
	}
}

var links = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

// oneLine returns a comment's text without line breaks and links.
func oneLine(c *ast.CommentGroup) string {
	return links.ReplaceAllString(strings.Join(strings.Fields(c.Text()), " "), "$1")
}
