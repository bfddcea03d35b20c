// Package catalogue writes down what the platform publishes, from the code that
// publishes it: a JSON Schema of every event, an AsyncAPI document of the topics and
// the tables of docs/events.md. And it holds the code to what was published before.
//
// Invariants, which [Catalogue.Check] checks:
//
//   - Every version of every event has a golden file, as it was first written, and a
//     schema. Neither changes once it is committed, but for a schema's descriptions.
//   - Every golden file is read by today's code, and is what today's code writes if
//     its version is still written.
//   - The generated files are what the code generates.
//
// What was committed is told by git's history, and where there is none (a shallow
// clone, an archive) by the digests in events/published.sum.
package catalogue

//go:generate go run ./run generate
