// Package s3 keeps documents' bytes in an S3-compatible object store.
//
// Uploads stream: an upload of any length holds at most two parts in memory
// while MD5 and SHA-256 run beside it. An upload that fails, for whatever reason
// this process lives to see, leaves neither an object nor parts behind; parts
// that a killed process left are removed by [Store.AbortStale].
package s3
