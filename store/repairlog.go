package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// log makes a log of what can be read of the damaged one behind the state file, up to the first entry that can't. It returns the
// path; empty: the log is sound and stays.
func (r *repair) log() (string, error) {
	c := newCheck(r.ctx, CheckOptions{})
	c.Position, c.Loaded = r.position, true
	if err := c.log(r.dir.Log()); err != nil {
		return "", err
	}
	if c.Sound() {
		return "", nil
	}
	r.report.LogLost = true
	r.note("the log is damaged (%s): what it has behind the damage is lost", c.Findings[0].Text)
	path := filepath.Join(r.dir.Incoming(), "repaired-log.db")
	b, err := raftboltdb.New(raftboltdb.Options{Path: path, BoltOptions: boltOptions(0)})
	if err != nil {
		return "", noSpace(err)
	}
	last, err := r.copyLog(b)
	if err == nil {
		// A term of before must not come again: votes given in it are lost.
		fresh := &LogStore{options: r.options, bolt: b, conf: map[string]struct{}{}}
		err = fresh.setTerm(last)
	}
	if err = errors.Join(err, b.Close()); err != nil {
		return "", noSpace(err)
	}
	return path, nil
}

// setTerm writes the current term as raft keeps it.
func (l *LogStore) setTerm(term uint64) error {
	framed := make([]byte, crcSize, crcSize+8)
	framed = binary.BigEndian.AppendUint64(framed, term)
	seal(keyTerm, framed)
	return l.bolt.Set(keyTerm, framed)
}

// keyTerm is raft's key of the current term.
var keyTerm = []byte("CurrentTerm")

// copyLog copies the entries behind the state file, as far as they can be read. It returns the largest term that it saw.
func (r *repair) copyLog(to *raftboltdb.BoltStore) (term uint64, err error) {
	term = r.position.Term
	l := &LogStore{conf: map[string]struct{}{}}
	walk := &logWalk{sizes: &l.sizes, keys: l.conf}
	if err := checkPages(r.dir.Log(), walk); err != nil || !walk.logs || !walk.conf {
		return term, nil // nothing of it can be trusted
	}
	options := boltOptions(0)
	options.ReadOnly = true
	if l.bolt, err = raftboltdb.New(raftboltdb.Options{Path: r.dir.Log(), BoltOptions: options}); err != nil {
		return term, fmt.Errorf("read the log: %w", err)
	}
	defer func() { _ = l.bolt.Close() }() // nothing was written
	for i := r.position.Index + 1; ; i++ {
		var entry raft.Log
		if err := l.getLog(i, &entry); err != nil { // the end, or the damage
			return term, nil
		}
		var pieces []*raft.Log
		for _, p := range appendPieces(nil, sealLog(&entry)) {
			pieces = append(pieces, &p)
		}
		if err := to.StoreLogs(pieces); err != nil {
			return term, noSpace(err)
		}
		term = max(term, entry.Term)
	}
}
