package raftfsm

import (
	"github.com/hashicorp/raft"

	"github.com/rowlock/rowlock/task"
)

// What is proposed is for the state that the proposer knows. A restore puts another one in its place, in which a position in the
// history, say, may be another task's. So every entry names the timeline that its commands are of, and is refused in another.

// seen is the timeline of the state that led to a proposal; zero: it is for whichever is there when it is proposed.
type seen struct {
	any      bool
	timeline uint64
}

// Timeline is that of this member's state. A caller who looks at the state asks for it before, and gives it to SubmitSeen.
func (n *Node) Timeline() uint64 { return n.replica.timeline.Load() }

// SubmitSeen is Submit for commands that name what the caller has seen in a timeline: if a restore comes before they are executed they
// are refused with ErrRestored.
func (n *Node) SubmitSeen(timeline uint64, cs []task.Command, urgent bool, done func([]task.Result, error)) {
	n.proposer.submitSeen(cs, seen{true, timeline}, urgent, done)
}

// enter begins a timeline: what is queued is of the one before, and what comes is refused until this member begins to lead.
//
// Invariant: it is called before the new state can be seen. Whoever proposed what he had seen in the old one was queued
// before, and is turned away, or comes afterwards, and finds the new timeline or that nothing is taken.
func (p *proposer) enter(timeline uint64) {
	p.mu.Lock()
	same := p.timeline == timeline
	p.timeline = timeline
	p.mu.Unlock()
	if !same {
		p.close(ErrRestored)
	}
}

// passOver goes on behind an entry that was proposed before a restore.
func (f *fsm) passOver(l *raft.Log, ours *batch, err error) {
	f.logger.Warn("an entry of before the restore is passed over", "index", l.Index, "term", l.Term)
	f.metrics.passedOver.Inc()
	if ours != nil {
		ours.fail(err)
		f.proposer.release(ours)
	}
}
