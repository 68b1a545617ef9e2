package raftfsm

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/task"
)

// remindEvery is how often the leader's log says that the cluster is suspended: nothing else may tell a person.
const remindEvery = time.Minute

// remind warns while the cluster is suspended, until ctx is done.
func (l *leadership) remind(ctx context.Context) {
	tick := time.NewTicker(remindEvery)
	defer tick.Stop()
	for {
		var s task.Suspension
		var suspended bool
		var timeline uint64
		l.replica.read(func(m *task.Machine) {
			s, suspended = m.Suspended()
			timeline = m.Timeline().ID
		})
		if suspended {
			l.logger.Warn("the cluster is suspended: it takes tasks and hands out none, until 'rowlock cluster resume'",
				"since", time.UnixMicro(s.Since).UTC(), "why", s.Why, "timeline", timeline)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
