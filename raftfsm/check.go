package raftfsm

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/store"
	"github.com/rowlock/rowlock/task"
)

// Finding is the store's.
type Finding = store.Finding

// CheckResult is what a check of a member at work found.
type CheckResult struct {
	store.CheckReport

	NodeID string
	// Hashes are the last ones that were taken of the state: at the same index all members must have the same.
	Hashes []Checksum
}

// Check copies the state file and verifies all of the copy, in its own time and memory: every page, checksum, index and invariant.
// It holds the state that the copy loads to against the hash of the one in memory, and reads each entry of the log. The member
// goes on working meanwhile.
//
// ErrNoSpace: there is no room for the copy. A finding isn't an error.
func (n *Node) Check(ctx context.Context, progress func(phase string)) (*CheckResult, error) {
	progress("copy")
	path, hash, err := n.copyState(ctx)
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	defer os.Remove(path)
	report, err := store.CheckImage(ctx, path, store.CheckOptions{SupportedLevel: n.config.SupportedLevel, Progress: progress})
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	r := &CheckResult{CheckReport: *report, NodeID: n.identity.NodeID, Hashes: n.Checksums()}
	if r.Loaded && r.Hash != hash {
		r.add(Finding{File: "memory", Part: "state", Grave: true, Text: fmt.Sprintf(
			"after entry %d the state in memory has the hash %016x, and the state file loads to %016x", r.Position.Index, hash, r.Hash)})
	}
	progress("log")
	return r, n.checkLog(ctx, r)
}

func (r *CheckResult) add(f Finding) {
	r.Total++
	r.Findings = append(r.Findings, f)
}

// copyState makes a copy of the state file as of now, with the hash that the state in memory had at the copy's position.
func (n *Node) copyState(ctx context.Context) (path string, hash uint64, err error) {
	view, hash, err := n.checkpoints.exact()
	if err != nil {
		return "", 0, err
	}
	defer view.Close()
	if !roomFor(n.config.DataDir, view.Size()/4) {
		return "", 0, fmt.Errorf("%w: a copy of the state of %d MiB must fit besides", ErrNoSpace, view.Size()>>20)
	}
	path, err = n.store.ImageFile(ctx, view, n.pace)
	return path, hash, err
}

// exact takes a checkpoint, and returns a view of it with the hash of the state in memory at its position.
func (c *checkpointer) exact() (view *store.View, hash uint64, err error) {
	note := func(m *task.Machine, _ store.Position) { hash = m.Hash() }
	err = c.at(note, func() (err error) {
		view, err = c.store.View()
		return err
	})
	return view, hash, err
}

// checkLog reads every entry of the log. Those that are deleted or written meanwhile don't matter.
func (n *Node) checkLog(ctx context.Context, r *CheckResult) error {
	first, err := n.log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := n.log.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	for i := first; i <= last; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		var entry raft.Log
		err := n.log.LogStore.GetLog(i, &entry)
		switch {
		case err == nil:
			r.LogEntries++
		case errors.Is(err, store.ErrCorrupt):
			r.add(Finding{File: "raft.db", Part: "entries", Text: err.Error(), Grave: true})
		case !errors.Is(err, raft.ErrLogNotFound):
			return err
		}
	}
	return nil
}
