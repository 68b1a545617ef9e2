package backups

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The steps that can fail, by which failures are counted.
const (
	stepLook   = "look" // what is at the destination
	stepSave   = "save"
	stepVerify = "verify"
	stepPrune  = "prune"
)

// metrics are those of the schedule. All but the failures are told while this member leads, and is the one to know.
type metrics struct {
	failures *prometheus.CounterVec

	success, verified, size, duration *prometheus.Desc

	mu       sync.Mutex // guards the rest
	leads    bool
	last     time.Time // zero: there is none
	proved   time.Time
	bytes    int64
	took     time.Duration // of the last one that this member saved
	measured bool
}

func newMetrics() *metrics {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	m := &metrics{
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rowlock_backup_failures_total", Help: "Steps of scheduled backups that failed on this member, by step.",
		}, []string{"step"}),
		success:  desc("rowlock_backup_last_success_timestamp_seconds", "Unix time of the newest good full backup at the destination; 0 is none."),
		verified: desc("rowlock_backup_last_verified_timestamp_seconds", "Unix time of the newest full backup there that a trial restore succeeded with; 0 is none."),
		size:     desc("rowlock_backup_last_size_bytes", "Size of the newest good full backup at the destination."),
		duration: desc("rowlock_backup_last_duration_seconds", "Time to save the last one that this member saved."),
	}
	for _, step := range []string{stepLook, stepSave, stepVerify, stepPrune} {
		m.failures.WithLabelValues(step)
	}
	return m
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	m.failures.Describe(to)
	for _, d := range []*prometheus.Desc{m.success, m.verified, m.size, m.duration} {
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
	gauge(m.size, float64(m.bytes))
	if m.measured {
		gauge(m.duration, m.took.Seconds())
	}
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
