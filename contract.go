// Package cartulary holds what belongs to the platform as a whole: the contract
// of its HTTP interface.
package cartulary

import _ "embed"

//go:embed swagger.yaml
var contract string

// Contract returns the OpenAPI 3.0 description of the HTTP interface, as YAML.
// Types, routes and request validation derive from it.
func Contract() string { return contract }
