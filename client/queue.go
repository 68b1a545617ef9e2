package client

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"iter"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// QueueInfo is a queue with its counts.
type QueueInfo struct {
	Name       string `json:"name"`
	Paused     bool   `json:"paused"`
	Draining   bool   `json:"draining"`
	Pending    uint64 `json:"pending"`
	Scheduled  uint64 `json:"scheduled"`
	Blocked    uint64 `json:"blocked"`
	Running    uint64 `json:"running"`
	DeadLetter uint64 `json:"dead_letter"`
	// Totals since the queue came into being.
	CompletedTotal      uint64 `json:"completed_total"`
	CancelledTotal      uint64 `json:"cancelled_total"`
	FailedAttemptsTotal uint64 `json:"failed_attempts_total"`
	EnqueuedTotal       uint64 `json:"enqueued_total"`
	// OldestPendingAt is the enqueue time of the oldest pending task.
	OldestPendingAt time.Time     `json:"oldest_pending_at,omitzero"`
	Settings        QueueSettings `json:"settings"`
	// HistoryTasks and HistoryBytes are the finished tasks that are kept.
	HistoryTasks uint64 `json:"history_tasks"`
	HistoryBytes uint64 `json:"history_bytes"`
	// Workers are those connected that serve the queue.
	Workers int `json:"workers"`
	// LiveBytes are those of the payloads of the live tasks that aren't dead letters: what QueueSettings.MaxBytes bounds.
	LiveBytes uint64 `json:"live_bytes"`
}

// QueueSettings are the defaults of a queue's tasks. Zero: the built-in default, which is 25 attempts, 3 worker deaths,
// no timeout, no time to live, a backoff of 1 s doubled up to 1 h, finished tasks kept for 24 h or up to 1 GiB.
type QueueSettings struct {
	MaxAttempts     int
	MaxWorkerDeaths int
	Timeout         time.Duration
	TTL             time.Duration
	Backoff         BackoffPolicy
	Retention       time.Duration
	RetentionBytes  uint64
	RetentionTasks  uint64
	// MaxRunning is how many tasks of the queue run at a time, KeyMaxRunning how many of one fair key. 0: no limit.
	MaxRunning    int
	KeyMaxRunning int
	// Rate is how fast tasks of the queue start, KeyRate those of one fair key. Zero: no limit.
	Rate    RateLimit
	KeyRate RateLimit
	// FairWeights is how many tasks of a fair key are leased in one turn (1 to 1,000); 1 for those that it doesn't name. ""
	// stands for the tasks without a key.
	FairWeights map[string]int
	// PriorityAging is the wait that makes up for one priority. 0: priorities are strict.
	PriorityAging time.Duration
	// StickyWait is how long a task waits for the worker of its sticky key; 5 s where zero.
	StickyWait time.Duration
	// MaxTasks bounds the live tasks that aren't dead letters, MaxBytes the bytes of their payloads: beyond it, new ones are
	// refused with ErrQueueFull. Zero: no bound.
	MaxTasks uint64
	MaxBytes uint64
	// DeadLetterQueue is another queue, to which tasks go that die in this one; empty: they stay.
	DeadLetterQueue string
}

// RateLimit is a token bucket: Tasks in each Per on average, and Burst at once after a pause.
type RateLimit struct {
	Tasks int           // 1 to 1,000,000; 0: no limit
	Per   time.Duration // 1 ms to 24 h; 1 s where zero
	Burst int           // as many as Tasks where zero
}

// IsZero reports whether there is no limit.
func (r RateLimit) IsZero() bool { return r == RateLimit{} }

// MarshalJSON uses the API's names.
func (r RateLimit) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Tasks int     `json:"tasks"`
		Per   float64 `json:"per_seconds"`
		Burst int     `json:"burst,omitempty"`
	}{r.Tasks, r.Per.Seconds(), r.Burst})
}

func (r RateLimit) proto() *rowlockv1.Rate {
	if r.IsZero() {
		return nil
	}
	return &rowlockv1.Rate{Tasks: bounded(r.Tasks), PerSeconds: r.Per.Seconds(), Burst: bounded(r.Burst)}
}

func rateOf(p *rowlockv1.Rate) RateLimit {
	return RateLimit{Tasks: int(p.GetTasks()), Per: seconds(p.GetPerSeconds()), Burst: int(p.GetBurst())}
}

// MarshalJSON uses the API's names.
func (s QueueSettings) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		MaxAttempts     int            `json:"max_attempts"`
		MaxWorkerDeaths int            `json:"max_worker_deaths"`
		Timeout         float64        `json:"timeout_seconds"`
		TTL             float64        `json:"ttl_seconds"`
		Backoff         BackoffPolicy  `json:"backoff"`
		Retention       float64        `json:"retention_seconds"`
		RetentionBytes  uint64         `json:"retention_bytes"`
		RetentionTasks  uint64         `json:"retention_tasks"`
		MaxRunning      int            `json:"max_running,omitzero"`
		KeyMaxRunning   int            `json:"key_max_running,omitzero"`
		Rate            RateLimit      `json:"rate,omitzero"`
		KeyRate         RateLimit      `json:"key_rate,omitzero"`
		FairWeights     map[string]int `json:"fair_weights,omitempty"`
		PriorityAging   float64        `json:"priority_aging_seconds,omitzero"`
		StickyWait      float64        `json:"sticky_wait_seconds,omitzero"`
		MaxTasks        uint64         `json:"max_tasks"`
		MaxBytes        uint64         `json:"max_bytes"`
		DeadLetterQueue string         `json:"dead_letter_queue"`
	}{
		s.MaxAttempts, s.MaxWorkerDeaths, s.Timeout.Seconds(), s.TTL.Seconds(), s.Backoff, s.Retention.Seconds(),
		s.RetentionBytes, s.RetentionTasks,
		s.MaxRunning, s.KeyMaxRunning, s.Rate, s.KeyRate, s.FairWeights, s.PriorityAging.Seconds(), s.StickyWait.Seconds(),
		s.MaxTasks, s.MaxBytes, s.DeadLetterQueue,
	})
}

// Queues is for looking at queues and changing them.
type Queues struct{ service rowlockv1.QueueServiceClient }

// Queues returns the calls for queues.
func (c *Client) Queues() Queues { return Queues{c.queues} }

// Page returns up to limit queues (1 to 1,000; 100 where zero) by name, and the cursor of the next page; "" after the
// last.
func (q Queues) Page(ctx context.Context, cursor string, limit int) ([]*QueueInfo, string, error) {
	resp, err := q.service.ListQueues(ctx, &rowlockv1.ListQueuesRequest{Cursor: cursor, Limit: bounded(limit)})
	if err != nil {
		return nil, "", err
	}
	queues := make([]*QueueInfo, 0, len(resp.GetQueues()))
	for _, p := range resp.GetQueues() {
		queues = append(queues, queueOf(p))
	}
	return queues, resp.GetNextCursor(), nil
}

// List goes through all queues by name. It ends after the first error.
func (q Queues) List(ctx context.Context) iter.Seq2[*QueueInfo, error] {
	return pages("", func(cursor string) ([]*QueueInfo, string, error) { return q.Page(ctx, cursor, 0) })
}

// Get returns a queue; ErrNotFound if there is none.
func (q Queues) Get(ctx context.Context, name string) (*QueueInfo, error) {
	resp, err := q.service.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: name})
	if err != nil {
		return nil, err
	}
	return queueOf(resp.GetQueue()), nil
}

// Set changes the settings that fields names (max_attempts, timeout_seconds, backoff … as in the API); without fields,
// those that aren't zero. It creates the queue where needed.
func (q Queues) Set(ctx context.Context, name string, s QueueSettings, fields ...string) (*QueueInfo, error) {
	resp, err := q.service.SetQueue(ctx, &rowlockv1.SetQueueRequest{
		Name: name, Settings: s.proto(), Fields: fields, RequestId: rand.Text(),
	})
	if err != nil {
		return nil, err
	}
	return queueOf(resp.GetQueue()), nil
}

// Pause stops the dispatch of a queue's tasks; new ones are still accepted.
func (q Queues) Pause(ctx context.Context, name string) error {
	_, err := q.service.PauseQueue(ctx, &rowlockv1.PauseQueueRequest{Name: name, RequestId: rand.Text()})
	return err
}

// Resume ends Pause and Drain.
func (q Queues) Resume(ctx context.Context, name string) error {
	_, err := q.service.ResumeQueue(ctx, &rowlockv1.ResumeQueueRequest{Name: name, RequestId: rand.Text()})
	return err
}

// Drain refuses new tasks, while those that are there are worked off.
func (q Queues) Drain(ctx context.Context, name string) error {
	_, err := q.service.DrainQueue(ctx, &rowlockv1.DrainQueueRequest{Name: name, RequestId: rand.Text()})
	return err
}

// Purge deletes the waiting tasks that are there now, in steps, and returns their number.
func (q Queues) Purge(ctx context.Context, name string) (uint64, error) {
	resp, err := q.service.PurgeQueue(ctx, &rowlockv1.PurgeQueueRequest{Name: name, RequestId: rand.Text()})
	return resp.GetTasks(), err
}

func (s QueueSettings) proto() *rowlockv1.QueueSettings {
	p := &rowlockv1.QueueSettings{
		MaxAttempts:      bounded(s.MaxAttempts),
		MaxWorkerDeaths:  bounded(s.MaxWorkerDeaths),
		TimeoutSeconds:   s.Timeout.Seconds(),
		TtlSeconds:       s.TTL.Seconds(),
		RetentionSeconds: s.Retention.Seconds(),
		RetentionBytes:   s.RetentionBytes,
		RetentionTasks:   s.RetentionTasks,

		MaxRunning:           bounded(s.MaxRunning),
		KeyMaxRunning:        bounded(s.KeyMaxRunning),
		Rate:                 s.Rate.proto(),
		KeyRate:              s.KeyRate.proto(),
		PriorityAgingSeconds: s.PriorityAging.Seconds(),
		StickyWaitSeconds:    s.StickyWait.Seconds(),

		MaxTasks:        s.MaxTasks,
		MaxBytes:        s.MaxBytes,
		DeadLetterQueue: s.DeadLetterQueue,
	}
	for key, weight := range s.FairWeights {
		if p.FairWeights == nil {
			p.FairWeights = make(map[string]uint32, len(s.FairWeights))
		}
		p.FairWeights[key] = bounded(weight)
	}
	if !s.Backoff.IsZero() {
		p.Backoff = s.Backoff.proto()
	}
	return p
}

func settingsOf(p *rowlockv1.QueueSettings) QueueSettings {
	var weights map[string]int
	for key, weight := range p.GetFairWeights() {
		if weights == nil {
			weights = make(map[string]int, len(p.GetFairWeights()))
		}
		weights[key] = int(weight)
	}
	return QueueSettings{
		MaxAttempts:     int(p.GetMaxAttempts()),
		MaxWorkerDeaths: int(p.GetMaxWorkerDeaths()),
		Timeout:         seconds(p.GetTimeoutSeconds()),
		TTL:             seconds(p.GetTtlSeconds()),
		Backoff:         backoffOf(p.GetBackoff()),
		Retention:       seconds(p.GetRetentionSeconds()),
		RetentionBytes:  p.GetRetentionBytes(),
		RetentionTasks:  p.GetRetentionTasks(),
		MaxRunning:      int(p.GetMaxRunning()),
		KeyMaxRunning:   int(p.GetKeyMaxRunning()),
		Rate:            rateOf(p.GetRate()),
		KeyRate:         rateOf(p.GetKeyRate()),
		FairWeights:     weights,
		PriorityAging:   seconds(p.GetPriorityAgingSeconds()),
		StickyWait:      seconds(p.GetStickyWaitSeconds()),
		MaxTasks:        p.GetMaxTasks(),
		MaxBytes:        p.GetMaxBytes(),
		DeadLetterQueue: p.GetDeadLetterQueue(),
	}
}

func queueOf(p *rowlockv1.Queue) *QueueInfo {
	return &QueueInfo{
		Name:                p.GetName(),
		Paused:              p.GetPaused(),
		Draining:            p.GetDraining(),
		Pending:             p.GetPending(),
		Scheduled:           p.GetScheduled(),
		Blocked:             p.GetBlocked(),
		Running:             p.GetRunning(),
		DeadLetter:          p.GetDeadLetter(),
		CompletedTotal:      p.GetCompletedTotal(),
		CancelledTotal:      p.GetCancelledTotal(),
		FailedAttemptsTotal: p.GetFailedAttemptsTotal(),
		EnqueuedTotal:       p.GetEnqueuedTotal(),
		OldestPendingAt:     at(p.GetOldestPendingAt()),
		Settings:            settingsOf(p.GetSettings()),
		HistoryTasks:        p.GetHistoryTasks(),
		HistoryBytes:        p.GetHistoryBytes(),
		Workers:             int(p.GetWorkers()),
		LiveBytes:           p.GetLiveBytes(),
	}
}
