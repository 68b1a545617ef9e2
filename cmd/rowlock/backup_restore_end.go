package main

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/store/bucket"
	"github.com/rowlock/rowlock/store/logarchive"
)

// noteEnd finds out whether a time is behind the last entry of its timeline, while a later timeline is there: the cluster was
// suspended then, with a restored state that isn't archived before it is resumed.
func (s *stagedState) noteEnd(ctx context.Context, b bucket.Bucket, plan logarchive.Plan, made raftfsm.Replayed) error {
	if plan.Target.Time.IsZero() || !made.StateTime.Before(plan.Target.Time) || made.Position.Index < plan.Covers.To.Index {
		return nil
	}
	lines, err := logarchive.Request{ClusterID: plan.Full.ClusterID}.Lines(ctx, b)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l.Timeline > plan.Full.Timeline { // both are 16 hexadecimal digits
			s.endOf = plan.Full.Timeline
		}
	}
	return nil
}

// end says what a time within a suspension brings back.
func (r *restored) end() string {
	return fmt.Sprintf("the end of timeline %s: a restore came behind it, and the suspended cluster's state isn't archived before it is resumed", r.EndOf)
}
