package raftfsm

import "github.com/prometheus/client_golang/prometheus"

// paceCounter tells for how long backups were held up.
func (m *metrics) paceCounter(n *Node) {
	m.collectors = append(m.collectors, prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "rowlock_backup_paced_seconds_total",
		Help: "Time for which copies of the state for backups and checks were held up, so that this member could go on with its work.",
	}, func() float64 { return n.pace.Waited().Seconds() }))
}
