package httpapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
)

// isUUID reports whether s is an id as ids are spelled; other spellings that a
// parser might take are refused, so that an id has one.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if c|0x20 < 'a' || c|0x20 > 'f' { // no letter of either case
				if c < '0' || c > '9' {
					return false
				}
			}
		}
	}
	return true
}

// maxFieldErrors bounds how many fields an answer complains of.
const maxFieldErrors = 100

// schema is a part of the contract, ready to check values.
type schema struct {
	*openapi3.Schema

	options []openapi3.SchemaValidationOption
}

// onlyUUID reports whether all that is asked of a value is that it is an id.
func (s *schema) onlyUUID() bool {
	return s.Type.Is(openapi3.TypeString) && s.Format == "uuid" &&
		s.Pattern == "" && len(s.Enum) == 0 && s.MinLength == 0 && s.MaxLength == nil &&
		len(s.AllOf) == 0 && len(s.AnyOf) == 0 && len(s.OneOf) == 0 && s.Not == nil
}

// schemaOptions are those of every check against the contract.
func schemaOptions() []openapi3.SchemaValidationOption {
	return []openapi3.SchemaValidationOption{
		openapi3.MultiErrors(), openapi3.VisitAsRequest(), openapi3.DisableSchemaErrorDetails(),
		openapi3.WithStringFormatValidator("uuid", openapi3.NewCallbackValidator(func(s string) error {
			if !isUUID(s) {
				return errors.New("not a UUID")
			}
			return nil
		})),
	}
}

// checkParameters checks the request's parameters against the contract.
func (r *route) checkParameters(c *gin.Context) (fields []FieldError) {
	for _, p := range r.parameters {
		value, given := p.value(c)
		switch {
		case !given && p.required:
			fields = append(fields, FieldError{Field: p.name, Message: "is required"})
		case given:
			fields = append(fields, p.check(value)...)
		}
	}
	return fields
}

func (p parameter) value(c *gin.Context) (string, bool) {
	switch p.in {
	case openapi3.ParameterInPath:
		return c.Params.Get(p.name)
	case openapi3.ParameterInQuery:
		return c.GetQuery(p.name)
	default:
		values := c.Request.Header.Values(p.name)
		return strings.Join(values, ","), len(values) > 0
	}
}

func (p parameter) check(text string) []FieldError {
	if p.id && isUUID(text) {
		return nil
	}
	var value any = text
	if p.schema.Type.Is(openapi3.TypeInteger) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return []FieldError{{Field: p.name, Message: "must be a whole number"}}
		}
		value = float64(n)
	}
	if p.schema.Type.Is(openapi3.TypeBoolean) {
		truth, ok := map[string]bool{"true": true, "false": false}[text]
		if !ok {
			return []FieldError{{Field: p.name, Message: "must be true or false"}}
		}
		value = truth
	}
	return p.schema.fields(value, p.name)
}

// fields checks a value and says what is wrong with which of its fields, in the
// order of their names. The value itself is called whole.
func (s *schema) fields(value any, whole string) []FieldError {
	err := s.VisitJSON(value, s.options...)
	if err == nil {
		return nil
	}
	var fields []FieldError
	collect(err, whole, &fields)
	slices.SortFunc(fields, func(a, b FieldError) int {
		return strings.Compare(a.Field+"\x00"+a.Message, b.Field+"\x00"+b.Message)
	})
	return slices.Compact(fields)
}

func collect(err error, whole string, fields *[]FieldError) {
	if len(*fields) >= maxFieldErrors {
		return
	}
	if several, ok := errors.AsType[openapi3.MultiError](err); ok {
		for _, e := range several {
			collect(e, whole, fields)
		}
		return
	}
	problem, ok := errors.AsType[*openapi3.SchemaError](err)
	if !ok {
		*fields = append(*fields, FieldError{Field: whole, Message: "is not valid"})
		return
	}
	path := problem.JSONPointer()
	if problem.SchemaField == "properties" {
		path = append(path, unknownField(problem.Reason))
	}
	name := strings.Join(path, ".")
	if name == "" {
		name = whole
	}
	*fields = append(*fields, FieldError{Field: name, Message: explain(problem)})
}

// unknownField returns the name that the reason for refusing a field quotes.
func unknownField(reason string) string {
	_, rest, _ := strings.Cut(reason, `"`)
	quoted, err := strconv.QuotedPrefix(`"` + rest)
	if err != nil {
		return ""
	}
	name, _ := strconv.Unquote(quoted) // QuotedPrefix has checked it
	return name
}

// explain says what a value must be. It never repeats the value.
func explain(e *openapi3.SchemaError) string {
	s := e.Schema
	switch e.SchemaField {
	case "required":
		return "is required"
	case "properties":
		return "is not a field of this request"
	case "type":
		return "must be of type " + strings.Join(s.Type.Slice(), " or ")
	case "nullable":
		return "must not be null"
	case "minLength":
		if s.MinLength == 1 {
			return "must not be empty"
		}
		return fmt.Sprintf("must have at least %d characters", s.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *s.MaxLength)
	case "minimum":
		return fmt.Sprintf("must be at least %v", *s.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %v", *s.Max)
	case "pattern":
		if means, ok := s.Extensions["x-pattern-means"].(string); ok {
			return "must be " + means
		}
	case "format":
		switch s.Format {
		case "uuid":
			return "must be a UUID"
		case "date-time":
			return "must be a time of RFC 3339 such as 2026-01-31T12:00:00Z"
		}
	case "minProperties":
		return "must have at least one field"
	}
	return "is not valid"
}
