// Package writeback writes large files so that nobody else who uses the disk has to wait for long.
//
// A file that is only written and fsynced at its end lies in memory until then, and goes to the disk all at once: with hundreds of
// megabytes before it, the fsync of a member's log takes a second. A Writer has the kernel write little by little instead.
// It makes nothing durable: whoever needs that calls Sync at the end, which then has little left to do.
package writeback
