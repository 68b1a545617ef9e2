package raftfsm

import (
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/bucket"
)

// ArchiveConfig says where and how often the log is archived while this member leads. All members should have the same.
// Zero fields take the defaults of their comments.
type ArchiveConfig struct {
	// Bucket is where the archives go. Required.
	Bucket bucket.Bucket
	// Options says how they are encrypted and signed. Where they are signed, those that are there already must be signed by the
	// same key.
	Options archive.Options
	// Every is how often what is new is archived: about as much is lost when all members are. Default 5 s, at least 100 ms.
	Every time.Duration
	// Bytes of new entries are archived early. Default 4 MiB.
	Bytes uint64
	// NoteEvery is how often the members are told how far the archive is, and how often its time moves on while nothing
	// happens. Default 1 min.
	NoteEvery time.Duration
	// RecheckEvery is how often it is made sure that what was archived is still at the destination. Default 1 h.
	RecheckEvery time.Duration
	// Timeout is how long the destination may take for one object. Default 1 min.
	Timeout time.Duration
	// FullTimeout is how long a full backup may take, which is made where there is none to begin with, and where entries are
	// missing behind the last one. Default 6 h.
	FullTimeout time.Duration
	// Version is the program's, for the manifests.
	Version string
}

// withDefaults returns a copy with the zero fields filled, checked.
func (c *ArchiveConfig) withDefaults() (*ArchiveConfig, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // without a config nothing is archived
	}
	d := *c
	set(&d.Every, 5*time.Second)
	set(&d.Bytes, 4<<20)
	set(&d.NoteEvery, time.Minute)
	set(&d.RecheckEvery, time.Hour)
	set(&d.Timeout, time.Minute)
	set(&d.FullTimeout, 6*time.Hour)
	switch {
	case d.Bucket == nil:
		return nil, errors.New("raft: no bucket given to archive to")
	case d.Every < 100*time.Millisecond:
		return nil, fmt.Errorf("raft: archiving every %s is more often than every 100ms", d.Every)
	case d.NoteEvery < 0 || d.RecheckEvery < 0 || d.Timeout < 0 || d.FullTimeout < 0:
		return nil, errors.New("raft: the archive's times must not be negative")
	}
	return &d, nil
}
