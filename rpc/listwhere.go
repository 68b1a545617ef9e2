package rpc

import (
	"context"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

// readWhere fills a page with the tasks that match a filter. Unlike the other pages it isn't of one moment: the filter is
// evaluated while the member goes on.
func (p *page) readWhere(ctx context.Context, n Node, stale bool) error {
	scan := raftfsm.Scan{
		Queue: p.queue, Kind: p.kind, States: p.states, Payload: !p.omit || p.filter.NeedsPayload(),
		At: task.OperationCursor{A: p.at.a, B: p.at.b},
	}
	if len(p.states) == 0 {
		scan.States = liveStates
	}
	s := &search{node: n, scan: scan, filter: p.filter, now: p.now, stale: stale}
	defer func() { p.from = s.from }()
	full := false
	for !full && !s.scan.End && s.visited < maxScan {
		err := s.chunk(ctx, func(t *task.Task) bool {
			if p.selects(t, s.now) {
				p.add(t)
			}
			full = p.full()
			return !full
		})
		if err != nil {
			return err
		}
	}
	if !s.scan.End {
		p.setNext(s.scan.At.A, s.scan.At.B)
	}
	return nil
}

// selects is about what a scan doesn't.
func (p *page) selects(t *task.Task, now task.Time) bool {
	if p.worker != "" && (t.Worker != p.worker || t.State != task.Running && !t.State.Finished()) {
		return false
	}
	if p.batch != 0 && t.Batch != p.batch {
		return false
	}
	return p.quiet == 0 || t.State == task.Running && max(t.StartedAt, t.Progress.At) < now-p.quiet
}
