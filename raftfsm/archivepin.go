package raftfsm

import (
	"time"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// archiveWait is how long after the last archive a member that doesn't archive by itself keeps the log for the next one: a
// day, for those who archive by a command, and an hour.
const archiveWait = task.Duration(25 * time.Hour / time.Microsecond)

// archivePin keeps the entries that wait to be archived, on every member, as any may lead next.
//
// Invariant: what it keeps is bounded in bytes, and by half of the disk's room. Beyond that nothing is kept: the archive
// has a gap then, whatever is kept.
type archivePin struct {
	replica *replica
	log     *raftLog
	room    *store.Room
	config  Config
}

// from is the lowest index to keep, where those from end on are kept in any case.
func (p *archivePin) from(end uint64) uint64 {
	var archived task.Archived
	var now task.Time
	p.replica.read(func(m *task.Machine) { archived, now = m.Archived(), m.Now() })
	next := archived.Index + 1
	if archived.Index == 0 || next >= end || p.config.Archive == nil && now-archived.At > archiveWait {
		return end
	}
	if first, err := p.log.FirstIndex(); err != nil || first > next {
		return end // there is a gap already
	}
	bytes := p.log.Bytes()
	most := p.config.Raft.ArchiveBytes
	if free, ok := p.room.Free(); ok {
		most = min(most, (bytes+free)/2)
	}
	if bytes > most {
		return end
	}
	return next - min(next, minTrailing)
}
