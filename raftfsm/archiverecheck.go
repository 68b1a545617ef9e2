package raftfsm

import (
	"context"
	"errors"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
)

// recheck looks now and then whether what was archived is still there: somebody, or a rule of the bucket's, may have removed the full
// backup that the logs begin with, without which they are of no use. Then the archive goes on from what is left, or begins anew.
func (a *archiver) recheck(ctx context.Context) error {
	if time.Since(a.located) < a.config.RecheckEvery {
		return nil
	}
	timeline := a.timeline
	f, err := call(ctx, a.out, a.config.Timeout, func(ctx context.Context) (found, error) { return a.look(ctx, timeline) })
	if err != nil {
		return err
	}
	a.located = time.Now()
	if f.gap == nil && f.end.Index >= a.end.Index {
		return nil
	}
	a.metrics.gaps.Inc()
	reach := uint64(0)
	if f.end != nil {
		reach = f.end.Index
	}
	a.logger.Error("archives have been removed from the destination: moments before now may not be restorable any more ('rowlock backup coverage')",
		"to", a.config.Bucket.String(), "archived_up_to", a.end.Index, "found_up_to", reach)
	if f.gap != nil {
		return a.startOver(ctx, 0, f.gap)
	}
	return a.goOn(ctx, f.end)
}

// goOn continues behind an end of the chain. Where the log doesn't reach back to it, a full backup begins a chain.
func (a *archiver) goOn(ctx context.Context, end *logarchive.Link) error {
	err := a.continues(*end)
	if errors.Is(err, ErrLogGap) {
		return a.startOver(ctx, end.Index, err)
	}
	if err != nil {
		return err
	}
	a.end, a.tail = end, archive.Manifest{}
	a.condition.reach(*a.end)
	a.logger.Info("archiving the log", "to", a.config.Bucket.String(), "timeline", a.timeline, "behind", a.end.Index)
	return nil
}
