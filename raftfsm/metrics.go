package raftfsm

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/task"
)

// metrics are those of the node.
type metrics struct {
	registerer prometheus.Registerer
	collectors []prometheus.Collector

	entryBytes        prometheus.Histogram
	entryCommands     prometheus.Histogram
	proposeSeconds    prometheus.Histogram
	commitSeconds     prometheus.Histogram
	applySeconds      prometheus.Histogram
	readSeconds       prometheus.Histogram
	checkpointSeconds prometheus.Histogram
	checkpointFails   prometheus.Counter
	overloads         prometheus.Counter
	throttled         prometheus.Counter
	installs          prometheus.Counter
	installSeconds    prometheus.Histogram
	sendSeconds       prometheus.Histogram
	restores          prometheus.Counter
	passedOver        prometheus.Counter
	expiredSessions   prometheus.Counter
	pauses            prometheus.Counter
	mismatches        prometheus.Counter
	vacuumMetrics
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{registerer: r}
	m.vacuumMetrics = newVacuumMetrics(m)
	m.entryBytes = m.histogram("rowlock_entry_bytes", "Size of the log entries proposed by this member.", prometheus.ExponentialBuckets(64, 4, 8))
	m.entryCommands = m.histogram("rowlock_entry_commands", "Commands in the log entries proposed by this member.", prometheus.ExponentialBuckets(1, 2, 12))
	m.proposeSeconds = m.histogram("rowlock_propose_seconds", "Time from an entry's first command to its results.", seconds())
	m.commitSeconds = m.histogram("rowlock_raft_commit_seconds", "Time from giving an entry to Raft to its being committed and handed over for execution.", seconds())
	m.applySeconds = m.histogram("rowlock_apply_seconds", "Time to execute an entry.", seconds())
	m.readSeconds = m.histogram("rowlock_read_wait_seconds", "Time until a linearizable read may begin.", seconds())
	m.checkpointSeconds = m.histogram("rowlock_checkpoint_cycle_seconds", "Time of a checkpoint from freezing the state to its commit.", seconds())
	m.checkpointFails = m.counter("rowlock_checkpoint_failures_total", "Checkpoints that failed for lack of space and are tried again.")
	m.overloads = m.counter("rowlock_propose_overloads_total", "Proposals turned away because too much was waiting.")
	m.throttled = m.counter("rowlock_apply_throttled_total", "Times that applying waited for a checkpoint.")
	m.installs = m.counter("rowlock_snapshot_installs_total", "Snapshots installed from the leader.")
	m.installSeconds = m.histogram("rowlock_snapshot_install_seconds", "Time from the first byte of the leader's state to its being in force here.", transferSeconds())
	m.sendSeconds = m.histogram("rowlock_snapshot_send_seconds", "Time from beginning to send this member's state to another until that has loaded it, or given up.", transferSeconds())
	m.restores = m.counter("rowlock_restores_total", "Restores that this member has executed.")
	m.passedOver = m.counter("rowlock_restore_passed_over_entries_total", "Entries of the log that were proposed before a restore and lie behind it: they change nothing.")
	m.expiredSessions = m.counter("rowlock_sessions_expired_total", "Worker sessions that this member expired as leader.")
	m.pauses = m.counter("rowlock_session_pauses_total", "Times that all sessions got a fresh TTL because this process, or its leader lease, paused.")
	m.mismatches = m.counter("rowlock_state_hash_mismatch_total", "Times that members were found to have different states after the same entry.")
	return m
}

// seconds are buckets from 50 µs to 13 s.
func seconds() []float64 { return prometheus.ExponentialBuckets(0.00005, 2, 19) }

// transferSeconds are buckets from 10 ms to 11 min, for what moves the whole state.
func transferSeconds() []float64 { return prometheus.ExponentialBuckets(0.01, 2, 17) }

func (m *metrics) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	m.collectors = append(m.collectors, h)
	return h
}

func (m *metrics) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	m.collectors = append(m.collectors, c)
	return c
}

func (m *metrics) gauge(name, help string, value func() float64) {
	m.collectors = append(m.collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// register shows the metrics, with gauges of what the node knows, until unregister.
func (m *metrics) register(n *Node) error {
	m.raftGauges(n)
	m.scheduleGauges(n)
	m.archiveGauges(n)
	m.diskGauges(n)
	m.paceCounter(n)
	m.gauge("rowlock_state_index", "Entry up to which the state file holds the state.", func() float64 { return float64(n.store.Position().Index) })
	m.gauge("rowlock_checkpoint_last_timestamp_seconds", "Unix time at which the state file last held all that had been executed.", func() float64 {
		return float64(n.checkpoints.current.Load()) / 1e9
	})
	m.gauge("rowlock_degraded", "1 while the state file can't be written for lack of space.", func() float64 {
		if n.checkpoints.degraded() != "" {
			return 1
		}
		return 0
	})
	m.gauge("rowlock_suspended", "1 while the cluster is suspended, as it is after a restore until 'rowlock cluster resume'.", func() (on float64) {
		n.replica.read(func(m *task.Machine) {
			if _, suspended := m.Suspended(); suspended {
				on = 1
			}
		})
		return on
	})
	m.gauge("rowlock_timeline", "The cluster's timeline: 0 from its beginning on, and a greater one after each restore.", func() (id float64) {
		n.replica.read(func(m *task.Machine) { id = float64(m.Timeline().ID) })
		return id
	})
	m.gauge("rowlock_clock_offset_seconds", "How far the leader's clock for stamping entries is ahead of the wall clock.", func() float64 {
		if !n.leadership.serving() {
			return 0
		}
		return n.leadership.clock.offset().Seconds()
	})
	if m.registerer == nil {
		return nil
	}
	for i, c := range m.collectors {
		if err := m.registerer.Register(c); err != nil {
			m.collectors = m.collectors[:i]
			m.unregister()
			return err
		}
	}
	return nil
}

func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.collectors {
		m.registerer.Unregister(c)
	}
}
