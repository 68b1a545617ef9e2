package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// agreeTime is how long the members may take to be at the same entry while little happens.
const agreeTime = 2 * time.Minute

// sameHashes: `check` finds nothing, and at the same entry all members have the same state.
func (r *run) sameHashes() error {
	var (
		problem error
		hash    string
	)
	err := until(r.ctx, agreeTime, func(ctx context.Context) bool {
		a, err := r.group.command(ctx, 0, "check", "-o", "json")
		if err != nil || a.code == unavailable {
			return false
		}
		var list []struct {
			Member, Hash string
			Index        uint64
		}
		if err := json.Unmarshal([]byte(a.stdout), &list); err != nil || a.code != 0 || len(list) != size {
			problem = fmt.Errorf("check: exit code %d: %s%s", a.code, a.stdout, a.stderr)
			return true
		}
		for _, m := range list[1:] {
			if m.Index != list[0].Index {
				return false // something has happened in between
			}
			if m.Hash != list[0].Hash {
				problem = fmt.Errorf("at entry %d the members' states differ: %s", m.Index, a.stdout)
			}
		}
		hash = list[0].Hash
		return true
	})
	if err != nil {
		return fmt.Errorf("the members don't come to the same entry: %w", err)
	}
	if problem == nil {
		r.say("check finds nothing; all states have the hash %s", hash)
	}
	return problem
}

// proven: the newest state is restored beside and is the members', and all of the archived log of each timeline can be replayed.
func (r *run) proven() error {
	var drill answer
	err := until(r.ctx, agreeTime, func(ctx context.Context) bool {
		a, err := r.group.command(ctx, 0, "backup", "drill")
		drill = a
		return err == nil && a.code != unavailable && a.code != refused // the leader may have just changed
	})
	if err != nil || drill.code != 0 {
		return fmt.Errorf("backup drill: exit code %d: %s%s", drill.code, drill.stdout, drill.stderr)
	}
	r.say("backup drill: %s", drill.short())
	if err := r.operateOr(nil, "backup", "verify", "latest", "--from", r.dest); err != nil {
		return err
	}
	a, err := r.group.command(r.ctx, 0, "backup", "coverage", "--from", r.dest, "-o", "json")
	if err != nil {
		return err
	}
	var spans []struct{ Timeline string }
	if err := json.Unmarshal([]byte(a.stdout), &spans); err != nil || a.code != 0 {
		return fmt.Errorf("backup coverage: exit code %d: %s%s", a.code, a.stdout, a.stderr)
	}
	var timelines []string
	for _, s := range spans {
		timelines = append(timelines, s.Timeline)
	}
	for _, timeline := range slices.Compact(timelines) {
		if err := r.operateOr(nil, "backup", "verify", "--log", "--from", r.dest, "--timeline", timeline, "--no-mark"); err != nil {
			return err
		}
	}
	return nil
}
