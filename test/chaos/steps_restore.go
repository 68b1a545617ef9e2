package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// coverTime is how long the archive may take to reach a moment that a restore goes to, where members have just died.
const coverTime = 20 * time.Second

// covered chooses a moment of this timeline and waits until the archive covers it; false: it doesn't come to that.
func (r *run) covered(random *rand.Rand) (time.Time, bool) {
	ago := upTo(random, 6*time.Second)
	if random.IntN(4) == 0 {
		ago += 15 * time.Second
	}
	at := time.Now().Add(-ago)
	if earliest := r.resumed.Add(2 * slack); at.Before(earliest) {
		at = earliest // what is before is in another timeline
	}
	err := until(r.ctx, coverTime, func(ctx context.Context) bool {
		from, to, err := r.coverage(ctx)
		if err != nil {
			return false
		}
		if from.After(r.resumed) && at.Before(from.Add(slack)) {
			at = from.Add(slack) // what is before the timeline's first full backup, or behind a gap, can't be restored
		}
		return to.After(at) && !from.After(at)
	})
	if err != nil {
		r.say("%s isn't covered: nothing is restored", at.Format(clock))
		r.tally.add("moments that weren't covered in time")
	}
	return at, err == nil
}

// coverage is the newest stretch of time that the archive covers.
func (r *run) coverage(ctx context.Context) (from, to time.Time, err error) {
	a, err := r.group.command(ctx, 0, "backup", "coverage", "--from", r.dest, "-o", "json")
	if err != nil {
		return from, to, err
	}
	var spans []struct {
		From, To struct{ Time time.Time }
	}
	if err := json.Unmarshal([]byte(a.stdout), &spans); err != nil || len(spans) == 0 {
		return from, to, errors.Join(err, fmt.Errorf("coverage: exit code %d: %s", a.code, a.short()))
	}
	last := spans[len(spans)-1]
	return last.From.Time, last.To.Time, nil
}

// restoreBeside restores a moment into new data directories, starts a group of them, and compares it with what had been acknowledged.
func (r *run) restoreBeside(random *rand.Rand) error {
	at, ok := r.covered(random)
	if !ok {
		return nil
	}
	r.beside++
	dir := filepath.Join(r.dir, fmt.Sprintf("beside-%d", r.beside))
	g, err := newGroup(r.binary, dir, r.group.logs)
	if err != nil {
		return err
	}
	args := []string{"backup", "restore", "--from", r.dest, "--to-time", at.UTC().Format(time.RFC3339Nano), "--yes"}
	for i := range size {
		args = append(args, "--member", fmt.Sprintf("%s=%s=%s", name(i), g.addrs[i].Raft, g.data(i)))
	}
	if err := r.operateOr(nil, args...); err != nil {
		return err
	}
	if err := errors.Join(r.lookBeside(g, at), g.end()); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func (r *run) lookBeside(g *group, at time.Time) error {
	if err := g.start(r.ctx, 0, 1, 2); err != nil {
		return err
	}
	if err := g.whole(r.ctx); err != nil {
		return err
	}
	c, err := client.New(client.Config{Addrs: g.api(0)})
	if err != nil {
		return err
	}
	defer c.Close()
	r.tally.add("groups restored beside")
	return r.auditAt(r.ctx, c, at)
}

// restoreGroup brings a moment back in the running group, with trouble meanwhile, and resumes it.
func (r *run) restoreGroup(random *rand.Rand) error {
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	at, ok := r.covered(random)
	if !ok {
		return nil
	}
	t := newTrouble(random)
	killAgain, victim, gap := random.IntN(2) == 0, random.IntN(size), upTo(random, 1500*time.Millisecond)
	began := time.Now()
	var a answer
	r.say("restore to %s %s", at.Format(clock), t)
	err := r.during(t, func() (err error) {
		a, err = r.group.command(r.ctx, 0, "backup", "restore", "--from", r.dest, "--to-time", at.UTC().Format(time.RFC3339Nano), "--yes", "-o", "json")
		return err
	})
	if err != nil {
		return err
	}
	r.say("restore: %d %s", a.code, strings.TrimSpace(a.stderr))
	if err := r.leftBehind(t); err != nil {
		return err
	}
	s, came, err := r.outcome(a)
	if err != nil || !came {
		return err
	}
	r.tally.add("restores that came to be")
	r.ledger.restore(at, s.SuspendedSince)
	if err := r.auditRestore(r.ctx); err != nil {
		return err
	}
	api := rowlockv1.NewWorkerServiceClient(r.client.Conn())
	for _, kept := range r.ledger.takeHeld(began) {
		r.refused(r.ctx, api, kept)
	}
	if killAgain {
		pause(r.ctx, gap)
		r.say("kill -9 %s while the group is suspended", name(victim))
		if err := r.group.kill(victim); err != nil {
			return err
		}
		if err := r.group.start(r.ctx, victim); err != nil {
			return err
		}
	}
	return r.resume()
}

// behindTime is how long a member whose disk was wiped during a restore may take to come back, or to meet the restore.
const behindTime = 20 * time.Second

// leftBehind does what docs/runbook/restore.md says of a member that has lost the file of the restore with its disk, and so can't follow:
// it is rebuilt from the others.
func (r *run) leftBehind(t trouble) error {
	if t.kind != wiped {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, behindTime)
	defer cancel()
	if r.group.whole(ctx) == nil {
		return nil
	}
	n := r.group.node(t.member)
	if end := ended(n); end == nil || !strings.Contains(end.Error(), raftfsm.ErrNoImage.Error()) {
		return nil // whatever is wrong, it isn't that
	}
	r.tally.add("members that had lost the file of a restore")
	r.group.excuse(t.member)
	return r.rebuildNow(t.member)
}

// outcome says whether a restore came to be: if the command says so, and where it can't tell, by the timeline. All members must agree.
func (r *run) outcome(a answer) (s status, came bool, err error) {
	if a.code == failed {
		return s, false, fmt.Errorf("restore: exit code %d: %s", a.code, a.stderr)
	}
	if err := r.group.whole(r.ctx); err != nil {
		return s, false, err
	}
	err = until(r.ctx, startTime, func(ctx context.Context) bool {
		for i := range size {
			of, err := r.group.status(ctx, i)
			if err != nil || i > 0 && (of.Timeline != s.Timeline || of.SuspendedSince != s.SuspendedSince) {
				return false
			}
			s = of
		}
		return true
	})
	if err != nil {
		return s, false, fmt.Errorf("the members don't come to one timeline: %w; the last one's is %+v", err, s)
	}
	came = !r.timelines[s.Timeline.ID] && !s.SuspendedSince.IsZero()
	if a.code == 0 && !came {
		return s, false, fmt.Errorf("the restore has succeeded, and the group is not suspended in a new timeline: %+v", s)
	}
	r.timelines[s.Timeline.ID] = true
	return s, came, nil
}

// resume lets the restored group go on.
func (r *run) resume() error {
	err := until(r.ctx, startTime, func(ctx context.Context) bool {
		a, err := r.group.command(ctx, 0, "cluster", "resume", "--yes")
		return err == nil && a.code == 0
	})
	if err != nil {
		return fmt.Errorf("the group can't be resumed: %w", err)
	}
	r.resumed = time.Now()
	r.say("resumed")
	return nil
}
