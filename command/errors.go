package command

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that commands end with.
var (
	ErrNotFound   = errors.New("not found")
	ErrForbidden  = errors.New("not allowed")
	ErrEmailTaken = errors.New("the e-mail address belongs to another account")
	ErrLastAdmin  = errors.New("a tenant needs at least one admin")
	// ErrPrecondition says that a thing is not at a version that Meta.IfMatch names.
	ErrPrecondition = errors.New("not at a version that the command matches")
	ErrMember       = errors.New("the user is a member already")
	ErrFileBusy     = errors.New("the file's bytes are on their way to their place")
	ErrNotFailed    = errors.New("the file has not failed")
	ErrNoUser       = errors.New("there is no such user")
)

// ReferencedError says that documents stand on a file.
type ReferencedError struct {
	Documents int
}

func (e *ReferencedError) Error() string {
	return fmt.Sprintf("%d documents stand on the file", e.Documents)
}

// Is makes errors.Is find a [*ReferencedError] of as many documents.
func (e *ReferencedError) Is(target error) bool {
	other, ok := target.(*ReferencedError)
	return ok && *other == *e
}

// FieldError says what is wrong with one field of a command and how to mend it.
type FieldError struct {
	Field   string `json:"field"`   // the field's JSON name
	Message string `json:"message"` // "must …"
}

// InvalidError lists every field that a command can't be accepted with.
type InvalidError struct {
	Fields []FieldError
}

func (e *InvalidError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Message
	}
	return "invalid command: " + strings.Join(parts, "; ")
}

// Is makes errors.Is find any [*InvalidError].
func (e *InvalidError) Is(target error) bool {
	_, ok := target.(*InvalidError)
	return ok
}

// validation collects what is wrong with a command's fields.
type validation []FieldError

func (v *validation) check(ok bool, field, format string, args ...any) {
	if !ok {
		*v = append(*v, FieldError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
}

// err returns an [*InvalidError], or nil if every check passed.
func (v *validation) err() error {
	if len(*v) == 0 {
		return nil
	}
	return &InvalidError{Fields: *v}
}
