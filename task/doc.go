// Package task is the truth: tasks, queues, leases and sessions, and the one table of transitions between their
// states. It is pure: no clock, I/O, randomness, goroutine or lock, and no result that depends on a map's order. The
// same commands give the same state and the same results on every member.
//
// Commands come in entries (AppendHeader, AppendCommand), one entry for each entry of the replicated log. Apply
// executes an entry and returns its results and effects as values. Time, seeds for jitter and whatever else is impure
// travel in the entry.
//
// Persistence is somebody else's: Freeze, Capture and Committed hand out what changed as a Checkpoint, and a Loader
// builds a machine from what was written.
package task
