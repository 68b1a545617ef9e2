package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

const logFile = "raft.db"

// log checks the log of a stopped member: its pages, each entry, and that it goes on where the state file ends.
func (c *check) log(path string) error {
	c.Progress("log")
	l := &LogStore{dir: Dir(""), conf: map[string]struct{}{}}
	walk := &logWalk{sizes: &l.sizes, keys: l.conf}
	err := checkPages(path, walk)
	if errors.Is(err, fs.ErrNotExist) {
		c.add(Finding{File: logFile, Part: "structure", Grave: true, Text: "there is no log: right for a directory that was restored " +
			"and has never been served from since, which needs no mending; of any other, votes and entries are lost"})
		return nil
	}
	if err != nil {
		return c.structural(logFile, err)
	}
	if !walk.logs || !walk.conf {
		c.add(Finding{File: logFile, Part: "structure", Text: "it isn't a raft log: a bucket is missing", Grave: true})
		return nil
	}
	err = guard(func() (err error) {
		options := boltOptions(0)
		options.ReadOnly = true
		l.bolt, err = raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: options})
		return err
	})
	if err != nil {
		return c.structural(logFile, openError(path, err))
	}
	defer func() { _ = l.bolt.Close() }() // nothing was written
	first, last := l.sizes.first, l.sizes.last()
	if last == 0 {
		return nil
	}
	c.LogEntries = last - first + 1
	if at := c.Position.Index; c.Loaded && first > at+1 {
		c.add(Finding{File: logFile, Part: "entries", Grave: true, Text: fmt.Sprintf(
			"they begin at %d, and the state file ends at %d: those between are missing", first, at)})
	}
	term := uint64(0)
	for i := first; i <= last; i++ {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		var entry raft.Log
		if err := l.getLog(i, &entry); err != nil {
			c.add(Finding{File: logFile, Part: "entries", Text: fmt.Sprintf("entry %d: %s", i, err), Grave: i > c.Position.Index})
			continue
		}
		if entry.Term < term {
			c.add(Finding{File: logFile, Part: "entries", Text: fmt.Sprintf("entry %d is of term %d, the one before it of %d", i, entry.Term, term), Grave: true})
		}
		term = entry.Term
	}
	return nil
}
