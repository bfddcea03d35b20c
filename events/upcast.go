package events

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Upcaster makes of an event's data, as one schema version has them, what the next
// version would have said. It is pure: no clock, no look-up, nothing but the data.
// What is stored and hashed stays as it is; only what is decoded from it is newer.
type Upcaster func(data jsontext.Value) (jsontext.Value, error)

// Upcast returns the upcaster that step describes, between what the data of the two
// versions decode into. Data that are not quite of the older version are an error.
func Upcast[Old, New any](step func(Old) New) Upcaster {
	return func(data jsontext.Value) (jsontext.Value, error) {
		old, err := decodeStrictly[Old](data)
		if err != nil {
			return nil, err
		}
		return json.Marshal(step(old))
	}
}

// decodeStrictly refuses members that T does not have.
func decodeStrictly[T any](data []byte) (T, error) {
	var v T
	err := json.Unmarshal(data, &v, json.RejectUnknownMembers(true))
	return v, err
}
