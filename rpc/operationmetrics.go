package rpc

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/rowlock/rowlock/task"
)

// operationCollector shows how many bulk operations go on. Only the leader does, as with the queues.
type operationCollector struct {
	node  Node
	count *prometheus.Desc
}

func newOperationCollector(n Node) *operationCollector {
	return &operationCollector{n, prometheus.NewDesc("rowlock_operations", "Bulk operations that haven't ended, by state.", []string{"state"}, nil)}
}

func (c *operationCollector) Describe(ch chan<- *prometheus.Desc) { ch <- c.count }

func (c *operationCollector) Collect(ch chan<- prometheus.Metric) {
	if !c.node.Status().Serving {
		return
	}
	var unfinished []task.Operation
	c.node.Machine(func(m *task.Machine) { unfinished = m.UnfinishedOperations() })
	for _, st := range []task.OperationState{task.OperationRunning, task.OperationWaiting} {
		n := 0
		for i := range unfinished {
			if unfinished[i].State == st {
				n++
			}
		}
		ch <- prometheus.MustNewConstMetric(c.count, prometheus.GaugeValue, float64(n), st.String())
	}
}
