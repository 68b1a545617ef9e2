package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Worker is a worker session as programs see it.
type Worker struct {
	SessionID   uint64            `json:"session_id"`
	WorkerID    string            `json:"worker_id"`
	Queues      []QueueWeight     `json:"queues"`
	Kinds       []string          `json:"kinds"`
	Pool        string            `json:"pool"`
	Labels      map[string]string `json:"labels,omitempty"`
	Running     uint32            `json:"running"`
	OpenedAt    *time.Time        `json:"opened_at"`
	HeartbeatAt *time.Time        `json:"heartbeat_at,omitempty"`
}

// QueueWeight is a queue that a worker serves.
type QueueWeight struct {
	Queue  string `json:"queue"`
	Weight uint32 `json:"weight"`
}

// NewWorkers renders the API's workers.
func NewWorkers(ws []*rowlockv1.Worker) []Worker {
	workers := make([]Worker, len(ws))
	for i, w := range ws {
		info := w.GetInfo()
		workers[i] = Worker{
			SessionID: w.GetSessionId(), WorkerID: info.GetWorkerId(), Queues: []QueueWeight{}, Kinds: append([]string{}, info.GetKinds()...),
			Pool: info.GetPool(), Labels: info.GetLabels(), Running: w.GetRunning(),
			OpenedAt: stamp(w.GetOpenedAt()), HeartbeatAt: stamp(w.GetHeartbeatAt()),
		}
		for _, q := range info.GetQueues() {
			workers[i].Queues = append(workers[i].Queues, QueueWeight{Queue: q.GetQueue(), Weight: max(q.GetWeight(), 1)})
		}
	}
	return workers
}

// Workers shows workers to people.
func Workers(now time.Time) func(*Table, []Worker) {
	return func(t *Table, page []Worker) {
		t.Head("session", "worker", "pool", "queues", "kinds", "running", "connected", "last heartbeat")
		for _, w := range page {
			var queues []string
			for _, q := range w.Queues {
				queues = append(queues, fmt.Sprintf("%s=%d", q.Queue, q.Weight))
			}
			t.Row(w.SessionID, w.WorkerID, orDash(w.Pool), strings.Join(queues, ","), orDash(strings.Join(w.Kinds, ",")), w.Running,
				age(w.OpenedAt, now), age(w.HeartbeatAt, now))
		}
	}
}
