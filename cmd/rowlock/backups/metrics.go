package backups

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The steps that can fail, by which failures are counted.
const (
	stepLook      = "look" // what is at the destination
	stepSave      = "save"
	stepVerify    = "verify"
	stepVerifyLog = "verify_log"
	stepPrune     = "prune"
)

// metrics are those of the schedule. All but the failures are told while this member leads, and is the one to know.
type metrics struct {
	failures *prometheus.CounterVec

	success, verified, logVerified, trialRestores, size, duration *prometheus.Desc

	log, restores bool // the log is archived there too; backups are proved by trial restores. Set once

	mu     sync.Mutex // guards the rest
	leads  bool
	last   time.Time // zero: there is none
	proved time.Time
	// logProved is the state's time up to which a trial replay of the log succeeded.
	logProved time.Time
	bytes     int64
	took      time.Duration // of the last one that this member saved
	measured  bool
}

func newMetrics() *metrics {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	m := &metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rowlock_backup_failures_total", Help: "Steps of scheduled backups that failed on this member, by step.",
		}, []string{"step"}),
		success:  desc("rowlock_backup_last_success_timestamp_seconds", "Unix time of the newest good full backup at the destination; 0 is none."),
		verified: desc("rowlock_backup_last_verified_timestamp_seconds", "Unix time of the newest full backup there that a trial restore succeeded with; 0 is none."),
		logVerified: desc("rowlock_backup_log_verified_timestamp_seconds",
			"Unix time of the state up to which a trial replay of the log archived at the same destination succeeded; 0 is none."),
		trialRestores: desc("rowlock_backup_trial_restores",
			"1 if backups are proven by trial restores; 0 if they are encrypted and no identity is given here: then only that they lie there as they were sent."),
		size:     desc("rowlock_backup_last_size_bytes", "Size of the newest good full backup at the destination."),
		duration: desc("rowlock_backup_last_duration_seconds", "Time to save the last one that this member saved."),
	}
	for _, step := range []string{stepLook, stepSave, stepVerify, stepVerifyLog, stepPrune} {
		m.failures.WithLabelValues(step)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	m.failures.Describe(to)
	for _, d := range []*prometheus.Desc{m.success, m.verified, m.logVerified, m.trialRestores, m.size, m.duration} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	m.failures.Collect(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.leads {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	gauge(m.success, unix(m.last))
	gauge(m.verified, unix(m.proved))
	if m.log {
		gauge(m.logVerified, unix(m.logProved))
	}
	gauge(m.trialRestores, flag(m.restores))
	gauge(m.size, float64(m.bytes))
	if m.measured {
		gauge(m.duration, m.took.Seconds())
	}
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func (m *metrics) set(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fn()
}
