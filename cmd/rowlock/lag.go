package main

import (
	"fmt"
	"time"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// lag tells, on stderr, how far a stale answer may be behind.
func (p *program) lag(l *rowlockv1.Lag) {
	switch {
	case l == nil:
	case l.GetSeconds() < 0:
		fmt.Fprintln(p.stderr, "Stale: the member that answered has heard of no leader yet.")
	default:
		heard := time.Duration(l.GetSeconds() * float64(time.Second)).Round(time.Millisecond)
		fmt.Fprintf(p.stderr, "Stale: known to be %s behind, %s after the member that answered heard of the leader.\n", render.Count(l.GetEntries(), "log entry"), heard)
	}
}
