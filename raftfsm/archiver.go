package raftfsm

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/rowlock/rowlock/store/archive"
	"github.com/rowlock/rowlock/store/logarchive"
	"github.com/rowlock/rowlock/task"
)

const (
	// archivePoll is how often the archiver looks whether there is enough to archive.
	archivePoll = 100 * time.Millisecond
	// batchBytes is about how much plain log goes into one archive.
	batchBytes = 16 << 20
	// smallBytes and smallSpan bound the archives that are written again together with what follows: so that there are few
	// objects where little happens.
	smallBytes = 1 << 20
	smallSpan  = time.Hour
	// noteBytes of log are archived before the members are told early, so that they needn't keep it.
	noteBytes = 64 << 20
	// minBackoff and maxBackoff bound the wait after a failure, which doubles.
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// archiver ships what has been executed to the bucket while this member leads.
//
// Invariants:
//   - Entries are shipped only once they have been executed, from the log of a member that has them: two members that both
//     believe to lead ship the same.
//   - An archive is removed only after one that has all of its entries has been written.
//   - Nothing waits for the destination but the archiver itself.
type archiver struct {
	config    *ArchiveConfig
	cluster   string
	nodeID    string
	log       *appliedLog
	read      func(fn func(m *task.Machine))
	submit    func(cs []task.Command, urgent bool, done func([]task.Result, error))
	clock     *clock
	full      func(ctx context.Context) (archive.Manifest, error)
	logger    *slog.Logger
	metrics   *archiveMetrics
	out       *outcall
	condition archiveCondition
	hurry     chan chan struct{} // asks for all that there is to be archived now; closed when that was tried

	// run's own:
	timeline string
	end      *logarchive.Link // of the chain; nil: it has to be found first
	tail     archive.Manifest // the archive that ends there, if this leader wrote it
	began    time.Time        // when its first entries were archived
	shipped  time.Time        // when all that there was had been shipped
	noted    time.Time
	located  time.Time // when the chain was last found at the destination

	gapBehind uint64 // the end of the chain behind which the last gap was found

	backoff time.Duration
}

// run archives until ctx is done. What it has begun at the destination then may still end there, and does no harm.
func (a *archiver) run(ctx context.Context) {
	a.end, a.tail, a.shipped, a.noted, a.backoff = nil, archive.Manifest{}, time.Time{}, time.Time{}, 0
	a.condition.begin()
	defer a.condition.stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var tried chan struct{}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case tried = <-a.hurry:
			a.shipped = time.Time{}
		}
		timer.Reset(a.attempt(ctx))
		if tried != nil {
			close(tried)
		}
	}
}

// attempt takes a step, and returns when to take the next one.
func (a *archiver) attempt(ctx context.Context) (wait time.Duration) {
	err := a.step(ctx)
	if err == nil || ctx.Err() != nil {
		a.backoff = 0
		return min(archivePoll, a.config.Every)
	}
	a.backoff = min(max(2*a.backoff, minBackoff), maxBackoff)
	a.condition.fail(err)
	a.metrics.failures.Inc()
	a.logger.Error("the log can't be archived now: it is kept meanwhile, within its bound", "to", a.config.Bucket.String(), "error", err, "again_in", a.backoff)
	return a.backoff
}

// settlePatience is how long a restore waits for what it is about to replace to be archived.
const settlePatience = 10 * time.Second

// settle has all that has been executed archived now, before the state is replaced, so that a restore that was a mistake can be
// undone. It doesn't wait for a destination that fails.
func (a *archiver) settle(ctx context.Context) {
	if a == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	tried := make(chan struct{})
	select {
	case a.hurry <- tried:
	case <-ctx.Done():
		return
	}
	select {
	case <-tried:
	case <-ctx.Done():
	}
}

// step does what is due. A suspended cluster's log isn't archived: whoever restored it looks first whether it is the right
// state.
func (a *archiver) step(ctx context.Context) error {
	if a.suspended() {
		a.condition.wait()
		return nil
	}
	if now := a.timelineNow(); now != a.timeline || a.end == nil {
		a.timeline, a.end, a.tail = now, nil, archive.Manifest{}
		if err := a.locate(ctx); err != nil {
			return err
		}
	}
	if err := a.recheck(ctx); err != nil {
		return err
	}
	if !a.due() {
		return nil
	}
	for {
		more, err := a.ship(ctx)
		if errors.Is(err, ErrLogGap) {
			return a.startOver(ctx, a.end.Index, err)
		}
		if err != nil {
			return err
		}
		a.condition.reach(*a.end)
		if !more {
			break
		}
		if err := a.note(ctx); err != nil {
			return err
		}
	}
	a.shipped = time.Now()
	a.condition.succeed()
	return a.note(ctx)
}

// due reports whether there is enough, or it is time.
func (a *archiver) due() bool {
	if time.Since(a.shipped) >= a.config.Every {
		return true
	}
	return a.log.log.BytesBehind(a.end.Index) >= a.config.Bytes
}

// note tells the members how far the archive is: now and then, as the log grows by it.
func (a *archiver) note(ctx context.Context) error {
	var known task.Archived
	var level uint32
	a.read(func(m *task.Machine) { known, level = m.Archived(), m.FeatureLevel() })
	switch {
	case level < task.LevelFeatures || known.Index > a.end.Index:
		return nil
	case time.Since(a.noted) >= a.config.NoteEvery:
	case a.log.log.BytesBehind(known.Index)-min(a.log.log.BytesBehind(known.Index), a.log.log.BytesBehind(a.end.Index)) >= noteBytes:
	default:
		return nil
	}
	return a.tell(ctx, a.end.Index)
}

// tell proposes that the members need not keep the log up to an entry.
func (a *archiver) tell(ctx context.Context, index uint64) error {
	done := make(chan error, 1)
	a.submit([]task.Command{&task.NoteArchived{Index: index}}, true, func(_ []task.Result, err error) { done <- err })
	select {
	case err := <-done:
		if err == nil {
			a.noted = time.Now()
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *archiver) suspended() (suspended bool) {
	a.read(func(m *task.Machine) { _, suspended = m.Suspended() })
	return suspended
}

// timelineNow is the state's timeline.
func (a *archiver) timelineNow() (name string) {
	a.read(func(m *task.Machine) { name = TimelineName(m) })
	return name
}

// newArchiver returns nil where the log isn't to be archived.
func (n *Node) newArchiver(clk *clock) *archiver {
	c, counters := n.config.Archive, n.metrics.archive()
	if c == nil {
		return nil
	}
	return &archiver{
		config: c, full: n.saveFull, cluster: n.identity.ClusterID, nodeID: n.identity.NodeID, log: n.executed, read: n.replica.read,
		submit: n.proposer.submit, clock: clk, logger: n.config.Logger, metrics: counters, out: newOutcall(), hurry: make(chan chan struct{}),
	}
}
