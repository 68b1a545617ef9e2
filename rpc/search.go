package rpc

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

const (
	// maxSearch is how long a call goes through tasks at most, and searchMargin what it leaves of its deadline for the answer.
	maxSearch    = 30 * time.Second
	searchMargin = 500 * time.Millisecond
)

// search goes through tasks and holds each against a filter, chunk by chunk: the member is held up only while a chunk is
// copied.
type search struct {
	node    Node
	scan    raftfsm.Scan
	filter  *filter.Filter
	now     task.Time // the wall clock: the state's time stands still while nothing happens
	visited uint64
	failed  uint64 // tasks for which the filter couldn't be evaluated
	began   bool
	from    uint64 // the log's index as of which the first chunk was read
	stale   bool
}

func newSearch(n Node, scan raftfsm.Scan, f *filter.Filter, now time.Time) *search {
	scan.Payload = scan.Payload || f.NeedsPayload()
	return &search{node: n, scan: scan, filter: f, now: now.UnixMicro()}
}

// chunk returns the next tasks that match, before those at which take says stop. The first chunk is as fresh as the call
// wants it, and the others are of the same member.
func (s *search) chunk(ctx context.Context, take func(t *task.Task) (more bool)) error {
	var tasks []task.Task
	at := s.scan.At
	err := s.node.Read(ctx, s.stale || s.began, func(v *raftfsm.View) (err error) {
		s.now = max(s.now, v.Now())
		if !s.began {
			s.from = v.Index()
		}
		tasks, err = s.scan.Next(v)
		return err
	})
	if err != nil {
		s.scan.At = at
		return err
	}
	s.began = true
	for i := range tasks {
		t := &tasks[i]
		s.visited++
		yes, err := s.filter.Match(t, s.now)
		switch {
		case err != nil || s.filter.NeedsPayload() && t.PayloadOnDisk:
			s.failed++
		case yes && !take(t):
			s.scan.At, s.scan.End = s.scan.After(t), false
			return nil
		}
	}
	return nil
}

// all goes through all tasks and reports whether there was time for it.
func (s *search) all(ctx context.Context, take func(t *task.Task)) (complete bool, err error) {
	until := time.Now().Add(maxSearch)
	if deadline, ok := ctx.Deadline(); ok && deadline.Add(-searchMargin).Before(until) {
		until = deadline.Add(-searchMargin)
	}
	for !s.scan.End {
		if s.began && time.Now().After(until) {
			return false, nil
		}
		err := s.chunk(ctx, func(t *task.Task) bool {
			take(t)
			return true
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
