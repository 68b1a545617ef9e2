package rpc

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/task"
)

// queueTotals are what has happened in a queue since it began, by the replicated state: they go on where they were when another
// member leads.
type queueTotals struct{ enqueued, completed, failed *prometheus.Desc }

func newQueueTotals() queueTotals {
	queue := []string{"queue"}
	return queueTotals{
		enqueued:  prometheus.NewDesc("rowlock_queue_enqueued_total", "Tasks enqueued since the queue began.", queue, nil),
		completed: prometheus.NewDesc("rowlock_queue_completed_total", "Tasks of the queue that were completed.", queue, nil),
		failed:    prometheus.NewDesc("rowlock_queue_failed_attempts_total", "Attempts of the queue's tasks that failed.", queue, nil),
	}
}

func (t queueTotals) describe(ch chan<- *prometheus.Desc) {
	ch <- t.enqueued
	ch <- t.completed
	ch <- t.failed
}

func (t queueTotals) collect(ch chan<- prometheus.Metric, q *task.Queue) {
	ch <- prometheus.MustNewConstMetric(t.enqueued, prometheus.CounterValue, float64(q.Enqueued), q.Name)
	ch <- prometheus.MustNewConstMetric(t.completed, prometheus.CounterValue, float64(q.Completed), q.Name)
	ch <- prometheus.MustNewConstMetric(t.failed, prometheus.CounterValue, float64(q.Failures), q.Name)
}
