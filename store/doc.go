// Package store is the disk of a member: the state file, the Raft log, the identity and the guard of free space, all in
// one data directory (Dir) that one process at a time holds.
//
// # The state file
//
// state.db is a bbolt file that holds the state as it was at one entry of the log (Position). The log is the write-ahead
// log; Store.Commit brings the file from one checkpoint to the next in one fsynced transaction, so that a crash leaves
// either the old or the new one. Buckets and their keys, all integers big endian:
//
//	meta             format, position
//	record_N         the records of task.Kind N, by the machine's key
//	task             ID: header, record, payload of up to 4 KiB
//	payload          ID: larger payloads; a change of the task doesn't rewrite them
//	history          queue(4) first sequence(8): a chunk of adjoining finished tasks
//	history_id       ID>>10(8) queue(4) first sequence of the run(8): where these IDs are in the history
//	history_mark     queue(4): the watermark, below which nothing is served
//	history_deleted  queue(4) sequence(8): a deleted task of the history
//
// # What is detected
//
// bbolt has no checksums on its data pages. Every value therefore carries a CRC-32C over its key and itself, a payload
// one of its own that travels with it unverified from the live task to the history, so that damage is never laundered
// into a fresh checksum. The bucket meta also keeps a digest of each other bucket: the number of its records and the
// sum of their hashes.
//
// Opening a file walks all its pages (checkPages), which are refused unless they are packed exactly as bbolt packs them,
// and compares the digests. So a damaged header, key, size or pointer is found there, and so is a record that is missing
// or stale. The text of a record or payload is verified when it is read. Damage is ErrCorrupt; panics and faults inside
// of bbolt become ErrCorrupt too. A damaged meta page, which a torn write can cause as well, leads to the commit before
// the last: it is whole, and says its position.
//
// # The log
//
// raft.db is raft-boltdb's. LogStore cuts entries into pieces (logpieces.go), seals each entry with a checksum
// (logentry.go), refuses a file that lacks a bucket, an entry or a vote (logwalk.go), and keeps account of the bytes.
//
// # What a failure means
//
// ErrNoSpace from Commit or the log changed nothing: free some space and repeat. Any other error of a write is fatal: the
// state of the disk is unknown after a failed fsync, so the process must exit and start again from what the disk holds.
package store
