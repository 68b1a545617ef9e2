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
// into a fresh checksum. Opening a file walks all its pages (checkPages), which are refused unless they are packed
// exactly as bbolt packs them: a damaged header, key, size or pointer is found there. What remains is returned as
// ErrCorrupt at the read that meets it; panics and faults inside of bbolt are turned into ErrCorrupt too.
//
// # What a failure means
//
// ErrNoSpace from Commit or the log changed nothing: free some space and repeat. Any other error of a write is fatal: the
// state of the disk is unknown after a failed fsync, so the process must exit and start again from what the disk holds.
package store
