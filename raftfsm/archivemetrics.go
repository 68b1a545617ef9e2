package raftfsm

import "github.com/prometheus/client_golang/prometheus"

// archiveMetrics count what the archiver does.
type archiveMetrics struct {
	objects, bytes, failures, gaps prometheus.Counter
}

// archive makes the metrics of the archive of the log, which stay zero where none is configured.
func (m *metrics) archive() *archiveMetrics {
	return &archiveMetrics{
		objects:  m.counter("rowlock_archive_objects_total", "Archives of the log written by this member."),
		bytes:    m.counter("rowlock_archive_bytes_total", "Bytes of the archives of the log written by this member."),
		failures: m.counter("rowlock_archive_failures_total", "Tries to archive the log that failed, and are repeated."),
		gaps:     m.counter("rowlock_archive_gaps_total", "Times that entries were gone before they had been archived, so that a full backup had to begin the archive anew."),
	}
}

// archiveGauges show how far the archive is.
func (m *metrics) archiveGauges(n *Node) {
	gauge := func(name, help string, value func(s ArchiveStatus) float64) {
		m.gauge(name, help, func() float64 {
			s, _ := n.Archive()
			return value(s)
		})
	}
	gauge("rowlock_archive_index", "Entry of the log up to which it is known to be archived.", func(s ArchiveStatus) float64 { return float64(s.Index) })
	gauge("rowlock_archive_lag_seconds", "For how long what was executed has been waiting to be archived, on the leader; 0 on others.", func(s ArchiveStatus) float64 { return s.Lag.Seconds() })
	gauge("rowlock_archive_last_success_timestamp_seconds", "Unix time at which this member last had archived all that there was; 0: never.", func(s ArchiveStatus) float64 {
		if s.Success.IsZero() {
			return 0
		}
		return float64(s.Success.UnixNano()) / 1e9
	})
	gauge("rowlock_archive_failing", "1 on the leader while the last try to archive the log has failed.", func(s ArchiveStatus) float64 {
		if s.Active && s.Problem != "" {
			return 1
		}
		return 0
	})
}
