package rpc

import (
	"errors"

	"github.com/rowlock/rowlock/raftfsm"
	"github.com/rowlock/rowlock/task"
)

// errNotLeading is found by the dispatcher; who has no lock to hold makes it a raftfsm.NotLeaderError.
var errNotLeading = errors.New("not the leader")

// Leadership begins or ends this member's turn as the one who hands out leases. At its end all streams end: their
// workers look for the new leader.
func (d *dispatcher) Leadership(leader bool) {
	var cause error
	if !leader {
		cause = notLeader(d.node)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leader = leader && !d.stopped; !leader {
		d.endAll(cause)
	}
}

// stop ends all streams as the server stops; from now on nobody is served.
func (d *dispatcher) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leader, d.stopped = false, true
	d.endAll(errStopping)
}

// endAll ends every stream and every waiting call of Lease. Needs mu.
func (d *dispatcher) endAll(cause error) {
	d.ended(nil)
	for _, w := range d.streams {
		w.end(cause)
	}
	for t := range d.takers {
		if !t.counted {
			t.deliver(nil, cause)
		}
		d.drop(t)
	}
}

func notLeader(n Node) error {
	st := n.Status()
	return &raftfsm.NotLeaderError{Leader: st.LeaderAddress, LeaderID: st.LeaderID}
}

// sweep looks at everybody. Takers whose last command failed try again. One that is starved although there is something
// for it has been overlooked, if it is so twice in a row: once may be an entry that is just being dealt with.
func (d *dispatcher) sweep() {
	d.mu.Lock()
	var list []candidate
	for t := range d.takers {
		if !t.starved {
			t.overlooked = false
			d.push(t)
		} else if t.room() > 0 {
			list = append(list, candidate{taker: t})
		}
	}
	d.mu.Unlock()
	if len(list) == 0 {
		return
	}
	d.node.Machine(func(m *task.Machine) {
		for i := range list {
			list[i].pending = m.PendingFor(list[i].session)
		}
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range list {
		twice := c.overlooked
		c.overlooked = c.starved && c.pending > 0
		if twice && c.overlooked {
			c.overlooked = false
			d.metrics.late.Inc()
			d.push(c.taker)
		}
	}
}
