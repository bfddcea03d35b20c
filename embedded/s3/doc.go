// Package s3 runs an S3 server inside the process, for the standalone program
// and for tests. Objects are plain files in a directory; what was acknowledged
// survives the death of the process.
//
// Two properties of the server show outside: there can be one in a process at a
// time, and it changes the process's working directory to its own. So resolve
// relative paths before [Start].
package s3
