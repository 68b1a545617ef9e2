// Package raftfsm is agreement: a member of the Raft group. It carries commands into the replicated log (group commit),
// applies the log to the machine, keeps the state file close behind, and runs what only a leader may do: the clock, the
// timers and the worker sessions.
//
// # A command's way
//
// Submit encodes on the caller's goroutine and queues. One goroutine (the flusher) seals what is queued into an entry as
// soon as a place in flight is free, so that a lone command never waits and a crowd shares entries; the dispatcher may
// add commands that answer those of the entry (Companions). The entry travels through raft; the goroutine of raft's that
// applies it executes it under the lock, and if the entry is ours gives each caller its results.
//
//	callers -> proposer (queue) -> flusher (seal) -> raft -> fsm (apply) -> deliverer (results, effects) -> callers
//
// # The state file
//
// The log is the write-ahead log. The checkpointer freezes the machine about once a second, captures what changed while
// entries go on being applied, and writes it in one transaction together with the entry's index, term and membership.
// The state file is its own Raft snapshot: what raft's snapshot store lists is what the state file's position says, and
// the two can't disagree. Entries at or below the position are never applied again.
//
// # What can be relied upon
//
//   - Results are delivered after the entry was committed by a majority and applied here. ErrUnknownOutcome says that an
//     entry may or may not come to be; every other error of Propose says that it never will.
//   - Only a member that leads, has applied everything before its term (a barrier), and has rebuilt what only leaders
//     have, takes commands, answers linearizable reads and calls the dispatcher.
//   - Members whose state differs from the one that a majority of the voters has, at the same entry, end and are not opened
//     again; the members' hashes are compared all the time (checksum.go, judge.go).
//   - A failure after which the disk or the machine isn't known to be right ends Run with an error, and with it the
//     process: it starts again from what is durable.
package raftfsm
