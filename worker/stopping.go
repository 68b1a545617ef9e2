package worker

import "github.com/rowlock/rowlock/rpc/rowlockv1"

// stop asks handlers to return. Their leases go on until they have, so that nobody starts what waits for them before. What hasn't been
// begun is given back.
func (g *ledger) stop(requests []*rowlockv1.StopRequest) {
	if len(requests) == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range requests {
		l, ok := g.leases[r.GetToken()]
		switch {
		case !ok || l.stopping: // they are told again and again
		case l.state == leaseQueued:
			g.settle(l, Outcome{Kind: Released})
			g.nudge()
		case l.state == leaseRunning:
			l.stopping = true
			g.logger.Info("the next tick of its schedule waits for a task to stop", "task", l.task.ID, "token", l.task.Token)
			l.cancel(ErrSuperseded)
		}
	}
}
