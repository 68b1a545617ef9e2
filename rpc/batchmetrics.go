package rpc

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/task"
)

// batchMetrics count what befell batches while this member led.
type batchMetrics struct{ refusals, expired prometheus.Counter }

func newBatchMetrics() *batchMetrics {
	return &batchMetrics{
		refusals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rowlock_batch_callback_refusals_total", Help: "Times that a callback of a batch couldn't be enqueued, as leader.",
		}),
		expired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rowlock_batches_expired_total", Help: "Batches that nobody closed in time, as leader.",
		}),
	}
}

// applied counts what an entry did.
func (m *batchMetrics) applied(eff *task.Effects) {
	m.refusals.Add(float64(eff.RefusedCallbacks))
	m.expired.Add(float64(eff.ExpiredBatches))
}
