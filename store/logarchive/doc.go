// Package logarchive keeps the group's log in archives, from which, behind a full backup, the state at any moment that they
// cover can be made again.
//
// A log archive is an archive of the kind "log". Its body is a sequence of records, one for each entry of the Raft log as it
// was executed, Raft's own among them, so that their indexes adjoin:
//
//	index 8 bytes · term 8 bytes · type 1 byte · length of the data 4 bytes · data · CRC-32C of all of that 4 bytes
//
// numbers big-endian. The body is a function of the entries alone: whoever archives the same entries writes the same.
//
// # The chain
//
// An archive's manifest names the entry before its first by index and term, and the archive that ended there by the SHA-256
// of its plain body. Two members may both have archived the same entries, when leadership moved while one was writing; and
// small archives are written again together with what follows, before they are removed. Archives may therefore overlap. What
// they have in common must be the same; where it isn't, or where entries are missing, a reader stops and says so.
package logarchive
