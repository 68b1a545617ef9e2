package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Queue is a queue as programs see it.
type Queue struct {
	Name                string        `json:"name"`
	Paused              bool          `json:"paused"`
	Draining            bool          `json:"draining"`
	Pending             uint64        `json:"pending"`
	Scheduled           uint64        `json:"scheduled"`
	Blocked             uint64        `json:"blocked"`
	Running             uint64        `json:"running"`
	DeadLetter          uint64        `json:"dead_letter"`
	EnqueuedTotal       uint64        `json:"enqueued_total"`
	CompletedTotal      uint64        `json:"completed_total"`
	CancelledTotal      uint64        `json:"cancelled_total"`
	FailedAttemptsTotal uint64        `json:"failed_attempts_total"`
	OldestPendingAt     *time.Time    `json:"oldest_pending_at,omitempty"`
	Workers             uint32        `json:"workers"`
	HistoryTasks        uint64        `json:"history_tasks"`
	HistoryBytes        uint64        `json:"history_bytes"`
	LiveBytes           uint64        `json:"live_bytes"`
	Settings            QueueSettings `json:"settings"`
}

// QueueSettings are the defaults of a queue's tasks. What isn't there has the built-in default.
type QueueSettings struct {
	MaxAttempts      uint32   `json:"max_attempts,omitempty"`
	MaxWorkerDeaths  uint32   `json:"max_worker_deaths,omitempty"`
	TimeoutSeconds   float64  `json:"timeout_seconds,omitempty"`
	TTLSeconds       float64  `json:"ttl_seconds,omitempty"`
	Backoff          *Backoff `json:"backoff,omitempty"`
	RetentionSeconds float64  `json:"retention_seconds,omitempty"`
	RetentionBytes   uint64   `json:"retention_bytes,omitempty"`
	RetentionTasks   uint64   `json:"retention_tasks,omitempty"`

	MaxRunning           uint32            `json:"max_running,omitempty"`
	Rate                 *Rate             `json:"rate,omitempty"`
	KeyMaxRunning        uint32            `json:"key_max_running,omitempty"`
	KeyRate              *Rate             `json:"key_rate,omitempty"`
	FairWeights          map[string]uint32 `json:"fair_weights,omitempty"`
	PriorityAgingSeconds float64           `json:"priority_aging_seconds,omitempty"`
	StickyWaitSeconds    float64           `json:"sticky_wait_seconds,omitempty"`

	MaxTasks        uint64 `json:"max_tasks,omitempty"`
	MaxBytes        uint64 `json:"max_bytes,omitempty"`
	DeadLetterQueue string `json:"dead_letter_queue,omitempty"`
}

// Rate is how fast tasks start.
type Rate struct {
	Tasks      uint32  `json:"tasks"`
	PerSeconds float64 `json:"per_seconds"`
	Burst      uint32  `json:"burst,omitempty"`
}

func newRate(r *rowlockv1.Rate) *Rate {
	if r == nil {
		return nil
	}
	return &Rate{Tasks: r.GetTasks(), PerSeconds: r.GetPerSeconds(), Burst: r.GetBurst()}
}

// text is empty for none.
func (r *Rate) text() string {
	if r == nil {
		return ""
	}
	text := fmt.Sprintf("%d in %s", r.Tasks, seconds(r.PerSeconds))
	if r.Burst > 0 {
		text += fmt.Sprintf(", burst %d", r.Burst)
	}
	return text
}

// NewQueue renders the API's queue.
func NewQueue(q *rowlockv1.Queue) Queue {
	s := q.GetSettings()
	return Queue{
		Name: q.GetName(), Paused: q.GetPaused(), Draining: q.GetDraining(),
		Pending: q.GetPending(), Scheduled: q.GetScheduled(), Blocked: q.GetBlocked(), Running: q.GetRunning(), DeadLetter: q.GetDeadLetter(),
		EnqueuedTotal: q.GetEnqueuedTotal(), CompletedTotal: q.GetCompletedTotal(), CancelledTotal: q.GetCancelledTotal(),
		FailedAttemptsTotal: q.GetFailedAttemptsTotal(), OldestPendingAt: stamp(q.GetOldestPendingAt()), Workers: q.GetWorkers(),
		HistoryTasks: q.GetHistoryTasks(), HistoryBytes: q.GetHistoryBytes(),
		LiveBytes: q.GetLiveBytes(),
		Settings: QueueSettings{
			MaxAttempts: s.GetMaxAttempts(), MaxWorkerDeaths: s.GetMaxWorkerDeaths(), TimeoutSeconds: s.GetTimeoutSeconds(),
			TTLSeconds: s.GetTtlSeconds(), Backoff: backoff(s.GetBackoff()), RetentionSeconds: s.GetRetentionSeconds(),
			RetentionBytes: s.GetRetentionBytes(), RetentionTasks: s.GetRetentionTasks(),
			MaxRunning: s.GetMaxRunning(), Rate: newRate(s.GetRate()), KeyMaxRunning: s.GetKeyMaxRunning(), KeyRate: newRate(s.GetKeyRate()),
			FairWeights: s.GetFairWeights(), PriorityAgingSeconds: s.GetPriorityAgingSeconds(),
			StickyWaitSeconds: s.GetStickyWaitSeconds(),
			MaxTasks:          s.GetMaxTasks(), MaxBytes: s.GetMaxBytes(), DeadLetterQueue: s.GetDeadLetterQueue(),
		},
	}
}

// NewQueues renders a page.
func NewQueues(qs []*rowlockv1.Queue) []Queue {
	queues := make([]Queue, len(qs))
	for i, q := range qs {
		queues[i] = NewQueue(q)
	}
	return queues
}

func (q Queue) mode() string {
	switch {
	case q.Paused:
		return "paused"
	case q.Draining:
		return "draining"
	}
	return "open"
}

// Queues shows queues to people.
func Queues(now time.Time) func(*Table, []Queue) {
	return func(t *Table, page []Queue) {
		t.Head("name", "mode", "pending", "running", "scheduled", "blocked", "dead letter", "completed", "workers", "oldest")
		for _, q := range page {
			t.Row(q.Name, q.mode(), q.Pending, q.Running, q.Scheduled, q.Blocked, q.DeadLetter, q.CompletedTotal, q.Workers, age(q.OldestPendingAt, now))
		}
	}
}

// Table shows one queue to people.
func (q Queue) Table(t *Table, now time.Time) {
	t.Pair("name", q.Name)
	t.Pair("mode", q.mode())
	for _, n := range []struct {
		name  string
		value uint64
	}{
		{"pending", q.Pending},
		{"running", q.Running},
		{"scheduled", q.Scheduled},
		{"blocked", q.Blocked},
		{"dead letter", q.DeadLetter},
		{"workers", uint64(q.Workers)},
		{"enqueued in all", q.EnqueuedTotal},
		{"completed in all", q.CompletedTotal},
		{"cancelled in all", q.CancelledTotal},
		{"failed attempts in all", q.FailedAttemptsTotal},
	} {
		t.Pair(n.name, fmt.Sprint(n.value))
	}
	t.Pair("oldest pending", Clock(q.OldestPendingAt, now))
	t.Pair("history", fmt.Sprintf("%s, %s", Count(q.HistoryTasks, "task"), Size(q.HistoryBytes)))
	t.Pair("live tasks", fill(q.live(), q.Settings.MaxTasks, func(n uint64) string { return fmt.Sprint(n) }))
	t.Pair("live payloads", fill(q.LiveBytes, q.Settings.MaxBytes, Size))
	q.Settings.table(t)
}

// live is how many tasks count for the queue's bound.
func (q Queue) live() uint64 { return q.Pending + q.Running + q.Scheduled + q.Blocked }

// fill shows how much of a bound is used; 0: there is none.
func fill(n, most uint64, text func(uint64) string) string {
	if most == 0 {
		return text(n)
	}
	return fmt.Sprintf("%s of at most %s (%d%%)", text(n), text(most), uint64(float64(n)/float64(most)*100))
}

func (s QueueSettings) table(t *Table) {
	count := func(name string, n uint64) {
		if n > 0 {
			t.Pair(name, fmt.Sprint(n))
		}
	}
	count("max attempts", uint64(s.MaxAttempts))
	count("max worker deaths", uint64(s.MaxWorkerDeaths))
	t.Pair("timeout", seconds(s.TimeoutSeconds))
	t.Pair("time to live", seconds(s.TTLSeconds))
	t.Pair("backoff", s.Backoff.text())
	t.Pair("retention", seconds(s.RetentionSeconds))
	if s.RetentionBytes > 0 {
		t.Pair("retention size", Size(s.RetentionBytes))
	}
	count("retention tasks", s.RetentionTasks)
	count("max running", uint64(s.MaxRunning))
	t.Pair("rate", s.Rate.text())
	count("max running of a key", uint64(s.KeyMaxRunning))
	t.Pair("rate of a key", s.KeyRate.text())
	t.Pair("weights", weights(s.FairWeights))
	t.Pair("priority aging", seconds(s.PriorityAgingSeconds))
	t.Pair("sticky wait", seconds(s.StickyWaitSeconds))
	t.Pair("dead letter queue", s.DeadLetterQueue)
}

func weights(byKey map[string]uint32) string {
	var list []string
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		list = append(list, fmt.Sprintf("%s=%d", key, byKey[key]))
	}
	return strings.Join(list, ", ")
}

func (b *Backoff) text() string {
	if b == nil {
		return ""
	}
	if len(b.DelaysSeconds) > 0 {
		var delays []string
		for _, d := range b.DelaysSeconds {
			delays = append(delays, seconds(d))
		}
		return strings.Join(delays, ", ")
	}
	return fmt.Sprintf("initial %s, maximum %s, multiplier %g", seconds(b.InitialSeconds), seconds(b.MaximumSeconds), b.Multiplier)
}

// Size shows a number of bytes to people.
func Size(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < 4 {
		value, prefix = value/unit, prefix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[prefix])
}
