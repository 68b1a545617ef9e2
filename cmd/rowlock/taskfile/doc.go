// Package taskfile reads files of tasks to enqueue: one JSON object a line, with the names of the flags of
// 'rowlock enqueue'.
//
//	{"queue":"mail","kind":"welcome","payload":{"to":"ada@example.com"},"delay_seconds":60}
//
// A payload is any JSON value and reaches the worker as it stands in the line; payload_base64 carries other bytes. What
// 'rowlock task get -o json' prints under these names can be enqueued again.
package taskfile
