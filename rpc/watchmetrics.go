package rpc

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// watchMetrics count those who watch and wait.
type watchMetrics struct {
	streams, waiters prometheus.Gauge
	events           prometheus.Counter
	cuts             *prometheus.CounterVec
}

func newWatchMetrics() *watchMetrics {
	return &watchMetrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rowlock_watchers", Help: "Watch streams that are open on this member."}),
		waiters: prometheus.NewGauge(prometheus.GaugeOpts{Name: "rowlock_task_waiters", Help: "Calls of WaitTask that wait at this member."}),
		events:  prometheus.NewCounter(prometheus.CounterOpts{Name: "rowlock_watch_events_total", Help: "Events sent to watchers."}),
		cuts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rowlock_watch_cuts_total", Help: "Watch streams that this member ended, by reason.",
		}, []string{"reason"}),
	}
}

func (m *watchMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.streams, m.waiters, m.events, m.cuts}
}

// ended counts a stream that ended for a reason of this member's.
func (m *watchMetrics) ended(err error) {
	var own *fault
	if errors.As(err, &own) && !errors.Is(err, context.Canceled) {
		m.cuts.WithLabelValues(own.reason).Inc()
	}
}
