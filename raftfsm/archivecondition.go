package raftfsm

import (
	"sync"
	"time"

	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

// archiveCondition is how the archive does, for status and metrics.
type archiveCondition struct {
	mu      sync.Mutex // guards the rest
	active  bool       // this member archives
	since   time.Time  // when it began to
	end     logarchive.Link
	success time.Time // when all that there was had been archived
	problem string    // of the last try; empty: it went well
}

func (c *archiveCondition) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active, c.since, c.end, c.problem = true, time.Now(), logarchive.Link{}, ""
}

func (c *archiveCondition) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = false
}

func (c *archiveCondition) reach(end logarchive.Link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = end
}

func (c *archiveCondition) succeed() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.success, c.problem = time.Now(), ""
}

// wait says that there is nothing to be done yet.
func (c *archiveCondition) wait() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since, c.end, c.problem = time.Now(), logarchive.Link{}, ""
}

func (c *archiveCondition) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = err.Error()
}

// ArchiveStatus is how the archive of the log does, as a member knows.
type ArchiveStatus struct {
	// To is the destination that this member is configured with.
	To string
	// Active says that this member archives: it leads. The others know Index and At only, as they were last told, and while a
	// full backup begins the archive anew, what that will have.
	Active bool
	// Index is the last entry that is known to be archived, and At the state's time there; 0: none is.
	Index uint64
	At    task.Time
	// Lag is for how long what has been executed has been waiting to be archived, at most: what would be lost with all members.
	Lag time.Duration
	// Success is when all that there was had been archived last, by this member.
	Success time.Time
	// Problem is why the last try failed; empty: it didn't.
	Problem string
}

// Archive tells how the archive of the log does; false: this member isn't configured to keep one, and knows at most how far
// others have archived it.
func (n *Node) Archive() (ArchiveStatus, bool) {
	var s ArchiveStatus
	n.replica.read(func(m *task.Machine) { s.Index, s.At = m.Archived().Index, m.Archived().At })
	a := n.leadership.archiver
	if a == nil {
		return s, false
	}
	s.To = a.config.Bucket.String()
	c := &a.condition
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Active, s.Success, s.Problem = c.active, c.success, c.problem
	if !c.active {
		return s, true
	}
	// What the members were told may be what a full backup has that isn't made yet.
	s.Index, s.At = c.end.Index, c.end.StateTime
	switch {
	case c.end.Index != 0 && c.end.Index >= n.Applied():
	case s.At != 0:
		s.Lag = max(time.Duration(a.clock.now()-s.At)*time.Microsecond, 0)
	default:
		s.Lag = time.Since(c.since)
	}
	return s, true
}
