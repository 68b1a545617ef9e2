package worker

// Stats counts what a Worker did since it was made.
type Stats struct {
	Completed uint64
	Failed    uint64
	Snoozed   uint64
	// Released tasks were given back unburnt.
	Released uint64
	// Refused outcomes came too late: the lease was gone.
	Refused uint64
	// Lost leases were taken away while the task ran or waited here, or were given up because the servers were silent.
	Lost uint64
	// Connects is how often a stream was opened.
	Connects uint64
	// Running and Waiting are the tasks that run and that wait for a handler now; Unacknowledged are those that ended
	// whose outcome isn't known to be durable.
	Running, Waiting, Unacknowledged int
}

// Stats returns the counts.
func (w *Worker) Stats() Stats { return w.ledger.snapshot() }

func (g *ledger) snapshot() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stats
	s.Running, s.Waiting = g.crew.busy, g.queue.len()
	s.Unacknowledged = max(0, len(g.leases)-(g.crew.busy-g.crew.stray)-g.queue.len())
	return s
}

// connected counts a stream that was opened.
func (g *ledger) connected() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stats.Connects++
}
