package raftfsm

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// levelEvery is how often the leader looks whether the feature level can rise.
const levelEvery = 500 * time.Millisecond

// leveler raises the group's feature level while this member leads: to the highest that all members support, standbys too,
// once all have said so lately. A member that is down might come back as what it was, so nothing rises without it.
//
// Invariant: no member is in the group, or is taken in, that doesn't support the group's level.
type leveler struct {
	self      raft.ServerID
	supported uint32 // by this member
	level     func() uint32
	servers   func() []raft.Server
	lookout   *lookout
	submit    func(cs []task.Command, urgent bool, done func([]task.Result, error))
	logger    *slog.Logger

	// deciding is held while a level is proposed, and while a member is taken in: neither sees half of the other.
	deciding sync.Mutex
	proposed atomic.Uint32 // what is on its way through the log; 0: nothing
}

// run looks until ctx is done, or the level is the highest that this version knows.
func (l *leveler) run(ctx context.Context) {
	tick := time.NewTicker(levelEvery)
	defer tick.Stop()
	for l.level() < l.supported {
		if l.common() > l.highest() {
			l.lookout.now(ctx, l.servers()) // what decides shouldn't be seconds old
			l.raise()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// raise proposes the level that all members support, if it is higher than the group's.
func (l *leveler) raise() {
	if !l.deciding.TryLock() { // a member is being taken in, and will be asked
		return
	}
	defer l.deciding.Unlock()
	to := l.common()
	if to <= l.highest() {
		return
	}
	l.proposed.Store(to)
	l.submit([]task.Command{&task.RaiseFeatureLevel{Level: to}}, true, func(rs []task.Result, err error) {
		l.proposed.Store(0)
		if err == nil && rs[0].Code == task.OK {
			l.logger.Info("the feature level has risen: versions that don't support it can't be members any more", "level", to)
		}
	})
}

// common is the highest level that all members support; 0: not all have answered lately.
func (l *leveler) common() uint32 {
	level := l.supported
	for _, s := range l.servers() {
		if s.ID == l.self {
			continue
		}
		seen := l.lookout.of(s.ID)
		if seen.err != nil {
			return 0
		}
		level = min(level, seen.FeatureLevel)
	}
	return level
}

// highest is the level that a member must support: the group's, or the one that is being proposed.
func (l *leveler) highest() uint32 { return max(l.level(), l.proposed.Load()) }

// exclude runs fn while nobody is taken in, and no level rises.
func (l *leveler) exclude(fn func() error) error {
	l.deciding.Lock()
	defer l.deciding.Unlock()
	return fn()
}

// admit runs take, which takes a server into the group, unless that doesn't support the group's level.
func (l *leveler) admit(id string, supported uint32, take func() error) error {
	l.deciding.Lock()
	defer l.deciding.Unlock()
	if level := l.highest(); supported < level {
		return fmt.Errorf("%w: the group is at feature level %d, and %s supports up to %d: run a version on it that supports it",
			ErrTooOld, level, id, supported)
	}
	return take()
}
