package raftfsm

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

const (
	// askTimeout is how long a voter may take to report its hashes.
	askTimeout = 2 * time.Second
	// settlePart of the interval, but at most maxSettle, is what voters get to execute the entry after which the hashes
	// are compared.
	settlePart = 4
	maxSettle  = time.Second
)

// judge compares the voters' states while this member leads. At each interval it has all members take the hash of their
// state after the same entry, a moment later asks the voters for theirs, and passes the verdict in the next entry.
//
// Invariants:
//   - What a strict majority of all voters has is right. Members that have something else end, this one before it passes
//     a verdict.
//   - Without such a majority nobody ends: it is logged and counted.
type judge struct {
	level    func() uint32 // the group's feature level
	interval time.Duration
	ask      func(ctx context.Context, address string) ([]Checksum, error)
	self     raft.ServerID
	servers  func() []raft.Server
	position func() uint64 // index of the last entry that was executed here
	submit   func(cs []task.Command, urgent bool, done func([]task.Result, error))
	own      *checksums
	fatal    *fatal
	logger   *slog.Logger
	metrics  *metrics
	asked    chan struct{} // one place: somebody waits for a verdict
}

// hurry asks for a verdict on the state as it is now. What is asked while one is being found is answered by another.
func (j *judge) hurry() {
	select {
	case j.asked <- struct{}{}:
	default:
	}
}

// run judges until ctx is done. A group that does nothing is left alone once it knows the last verdict.
func (j *judge) run(ctx context.Context) {
	tick := time.NewTicker(j.interval)
	defer tick.Stop()
	var verdict task.Checksum
	untold := false // something that the members haven't been told of has been compared
	for {
		hurried := false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-j.asked:
			hurried = true
		}
		changed := hurried || j.position() > j.own.last()
		if !changed && !untold || !hurried && len(j.voters()) < 2 || j.level() < task.LevelChecksum {
			continue
		}
		if !j.propose(ctx, verdict) {
			continue
		}
		untold = changed
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(j.interval/settlePart, maxSettle)):
		}
		if verdict = j.compare(ctx); j.fatal.get() != nil {
			return
		}
		if hurried && verdict.Agreed != 0 && j.propose(ctx, verdict) {
			untold = false
		}
	}
}

// propose has the members take their hashes, and tells them the last verdict; false: this member doesn't lead any more,
// or too much is waiting.
func (j *judge) propose(ctx context.Context, verdict task.Checksum) bool {
	done := make(chan error, 1)
	j.submit([]task.Command{&verdict}, true, func(_ []task.Result, err error) { done <- err })
	select {
	case <-ctx.Done():
		return false
	case err := <-done:
		return err == nil
	}
}

// compare asks the voters and returns the verdict; zero: there is none, or this member isn't one to pass it.
func (j *judge) compare(ctx context.Context) (verdict task.Checksum) {
	voters := j.voters()
	reports := j.collect(ctx, voters)
	r := rule(reports)
	if r.index == 0 {
		return verdict
	}
	if !r.agreed {
		j.metrics.mismatches.Inc()
		j.logger.Error("the members' states differ, and no majority has the same: all go on", "index", r.index, "states", r.states)
		return verdict
	}
	if err := j.own.check(Checksum{Index: r.index, Hash: r.hash}); err != nil {
		j.fatal.fail("compare the members' states", err)
		return verdict
	}
	if r.states > 1 {
		j.metrics.mismatches.Inc()
		for i, report := range reports {
			if hash, ok := hashAt(report, r.index); ok && hash != r.hash {
				j.logger.Error("a member's state differs from the majority's: it is going to end", "member", voters[i].ID, "index", r.index)
			}
		}
	}
	return task.Checksum{Agreed: r.index, Hash: r.hash}
}

func (j *judge) voters() []raft.Server { return votersOf(j.servers()) }

// collect asks all voters at once. The report of one that doesn't answer is empty.
func (j *judge) collect(ctx context.Context, voters []raft.Server) [][]Checksum {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	reports := make([][]Checksum, len(voters))
	var wg sync.WaitGroup
	for i, v := range voters {
		if v.ID == j.self {
			reports[i] = j.own.list()
			continue
		}
		wg.Go(func() {
			report, err := j.ask(ctx, string(v.Address))
			if err != nil {
				j.logger.Debug("a voter doesn't report its hashes", "member", v.ID, "error", err)
				return
			}
			reports[i] = report
		})
	}
	wg.Wait()
	return reports
}
