// Package filter selects tasks by expressions in CEL (the Common Expression Language, cel.dev), and tells errors of one
// kind from those of another by a fingerprint.
//
// It is for those who propose or read. The machine never evaluates a filter: what matches depends on this package's
// version and on the clock, and travels in commands as task IDs.
package filter
