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
	SilentSince *time.Time        `json:"silent_since,omitempty"`
	State       string            `json:"state"` // active, silent or draining
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
		workers[i] = NewWorker(w)
	}
	return workers
}

// NewWorker renders one.
func NewWorker(w *rowlockv1.Worker) Worker {
	info := w.GetInfo()
	out := Worker{
		SessionID: w.GetSessionId(), WorkerID: info.GetWorkerId(), Queues: []QueueWeight{}, Kinds: append([]string{}, info.GetKinds()...),
		Pool: info.GetPool(), Labels: info.GetLabels(), Running: w.GetRunning(), State: "active",
		OpenedAt: stamp(w.GetOpenedAt()), HeartbeatAt: stamp(w.GetHeartbeatAt()), SilentSince: stamp(w.GetSilentSince()),
	}
	switch {
	case w.GetDraining():
		out.State = "draining"
	case out.SilentSince != nil:
		out.State = "silent"
	}
	for _, q := range info.GetQueues() {
		out.Queues = append(out.Queues, QueueWeight{Queue: q.GetQueue(), Weight: max(q.GetWeight(), 1)})
	}
	return out
}

// Workers shows workers to people.
func Workers(now time.Time) func(*Table, []Worker) {
	return func(t *Table, page []Worker) {
		t.Head("session", "worker", "state", "pool", "queues", "kinds", "running", "connected", "last heartbeat")
		for i := range page {
			w := &page[i]
			t.Row(w.SessionID, w.WorkerID, w.State, orDash(w.Pool), w.queues(), orDash(strings.Join(w.Kinds, ",")), w.Running,
				age(w.OpenedAt, now), age(w.HeartbeatAt, now))
		}
	}
}

func (w *Worker) queues() string {
	queues := make([]string, len(w.Queues))
	for i, q := range w.Queues {
		queues[i] = fmt.Sprintf("%s=%d", q.Queue, q.Weight)
	}
	return strings.Join(queues, ",")
}

// BusyWorker is a worker session with the tasks that it runs.
type BusyWorker struct {
	Worker
	Tasks []Task `json:"tasks"`
}

// Table shows a worker to people.
func (w *BusyWorker) Table(t *Table, now time.Time) {
	t.Pair("session", fmt.Sprint(w.SessionID))
	t.Pair("worker", w.WorkerID)
	t.Pair("state", w.State)
	t.Pair("pool", w.Pool)
	t.Pair("labels", labels(w.Labels))
	t.Pair("queues", w.queues())
	t.Pair("kinds", strings.Join(w.Kinds, ","))
	t.Pair("connected", Clock(w.OpenedAt, now))
	t.Pair("last heartbeat", Clock(w.HeartbeatAt, now))
	t.Pair("running", fmt.Sprint(w.Running))
	for i := range w.Tasks {
		x := &w.Tasks[i]
		t.Pair("task", fmt.Sprintf("%s of queue %s, attempt %d, runs for %s, last sign of progress %s ago%s",
			x.ID, x.Queue, x.Attempt, age(x.StartedAt, now), age(x.HeartbeatAt, now), x.progress()))
	}
	if more := int(w.Running) - len(w.Tasks); more > 0 {
		t.Pair("", fmt.Sprintf("and %d more", more))
	}
}

// Title names a worker in a sentence.
func (w *Worker) Title() string {
	return fmt.Sprintf("worker %s (session %d)", w.WorkerID, w.SessionID)
}
