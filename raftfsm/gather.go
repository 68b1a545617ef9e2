package raftfsm

import "time"

const (
	// gatherFor is how long after an answer a small entry waits for company at most.
	gatherFor = 200 * time.Microsecond
	// gatherProbe is how often an entry waits for more company than the last ones had.
	gatherProbe = 16
	// gatherSpan is how many entries are remembered.
	gatherSpan = 8
	// gatherBytes is the size from which an entry doesn't wait.
	gatherBytes = 32 << 10
)

// gather decides when a small entry is sealed. Callers that wait for their answer before they call again (producers of
// single tasks, a worker that reports outcomes) come back together, a little after an entry was answered. Who seals at
// the first one's return has the others wait for a write of their own, and pays for two: so an entry waits until as many
// proposals are there as the last entries had, but not beyond gatherFor after the last answer. When the answer is longer
// ago there is nobody to wait for. It is PostgreSQL's commit_delay with a number of siblings that is learnt.
type gather struct {
	answered time.Time // when the last entry was
	recent   [gatherSpan]int
	count    int
}

// wait returns how much longer a batch should wait.
func (g *gather) wait(b *batch, inFlight int) time.Duration {
	if b.bytes >= gatherBytes {
		return 0
	}
	if inFlight > 0 {
		return gatherFor
	}
	left := gatherFor - time.Since(g.answered)
	if left <= 0 || (len(b.proposals) >= g.expected() && g.count%gatherProbe != 0) {
		return 0
	}
	return left
}

func (g *gather) expected() int {
	most := 0
	for _, n := range g.recent {
		most = max(most, n)
	}
	return most
}

func (g *gather) sealed(n int) {
	g.recent[g.count%gatherSpan] = n
	g.count++
}
