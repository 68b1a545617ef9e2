package raftfsm

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// stopPatience is how long a stopping node waits for what is in flight, and for raft.
	stopPatience = 3 * time.Second
	// readyPoll is how often a follower looks whether it has caught up for the first time.
	readyPoll = 20 * time.Millisecond
)

// Run runs the node until ctx is done, and then stops it in order: leadership is handed over, what is in flight ends,
// the state file takes a last checkpoint, and raft and the files are closed. It returns nil, or the failure after which
// the process must end. It is called once.
func (n *Node) Run(ctx context.Context) error {
	p := &parts{}
	p.flush, p.stopFlush = context.WithCancel(context.Background())
	p.work, p.stopWork = context.WithCancel(context.Background())
	p.lead, p.stopLead = context.WithCancel(context.Background())
	defer p.stopFlush()
	defer p.stopWork()
	defer p.stopLead()
	p.flushing.Go(func() { n.proposer.flush(p.flush) })
	p.watching.Go(n.proposer.watch)
	p.working.Go(func() { n.checkpoints.run(p.work) })
	p.working.Go(func() { n.awaitReady(p.work) })
	p.working.Go(func() { n.lookout.run(p.work) })
	p.working.Go(func() { n.vacuums(p.work) })
	p.leading.Go(func() { n.leadership.run(p.lead) })
	select {
	case <-ctx.Done():
		n.config.Logger.Info("stopping")
		n.wind(p)
		n.stopping.Store(true)
		within(2*stopPatience, func() { n.shut(p) })
	case <-n.fatal.done():
		n.config.Logger.Error("the node can't go on", "error", n.fatal.get())
		n.stopping.Store(true)
		n.proposer.close(ErrStopped)
		n.proposer.abandon()
		// What hangs or has failed can't be closed in order: the process ends.
		within(stopPatience, func() { n.shut(p) })
	}
	n.metrics.unregister()
	return n.fatal.get()
}

// parts are the goroutines of a running node.
type parts struct {
	flush, work, lead             context.Context //nolint:containedctx // each is one group's, made and ended by Run
	stopFlush, stopWork, stopLead context.CancelFunc
	flushing, watching            sync.WaitGroup
	working, leading              sync.WaitGroup
}

// wind ends what a healthy node does: it hands over, finishes, and makes the state durable.
func (n *Node) wind(p *parts) {
	n.stepDown()
	n.stopping.Store(true)
	p.stopLead()
	p.leading.Wait()
	deadline := time.Now().Add(stopPatience)
	for !n.proposer.idle() && time.Now().Before(deadline) && n.fatal.get() == nil {
		time.Sleep(time.Millisecond)
	}
	n.leadership.lease.wait()
	p.stopWork()
	p.working.Wait()
	if err := n.checkpoints.take(nil); err != nil {
		n.config.Logger.Error("the last checkpoint failed; the next start replays more of the log", "error", err)
	}
}

// shut stops raft, answers who still waits, and closes the files. Raft stops first: it writes the log, and its
// snapshots write the state.
func (n *Node) shut(p *parts) {
	p.stopLead()
	p.stopWork()
	n.transfers.stop()
	close(n.log.stop)
	if err := n.raft.Shutdown().Error(); err != nil {
		n.config.Logger.Error("raft didn't stop in order", "error", err)
	}
	p.leading.Wait()
	p.working.Wait()
	p.stopFlush()
	p.flushing.Wait()
	close(n.proposer.watched)
	n.proposer.abandon()
	if err := n.closeFiles(); err != nil {
		n.config.Logger.Error("the files weren't closed in order", "error", err)
	}
	p.watching.Wait()
}

// within runs fn, and returns when it has ended or the time is over.
func within(d time.Duration, fn func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// stepDown hands leadership to another voter, if this member leads and there is one. It returns when that has happened
// or failed, after an election timeout or two.
func (n *Node) stepDown() {
	if n.raft.State() != raft.Leader || aloneIn(n.raft, serverID(n.identity)) {
		return
	}
	err := n.raft.LeadershipTransfer().Error()
	if err != nil && !errors.Is(err, raft.ErrNotLeader) {
		n.config.Logger.Warn("leadership couldn't be handed over", "error", err)
	}
}

// awaitReady closes ready.
func (n *Node) awaitReady(ctx context.Context) {
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.leadership.first:
			close(n.ready)
			return
		case <-poll.C:
			_, leader := n.raft.LeaderWithID()
			commit := n.raft.CommitIndex()
			if leader != "" && n.raft.State() == raft.Follower && commit > 0 && n.raft.AppliedIndex() >= commit {
				close(n.ready)
				return
			}
		}
	}
}
