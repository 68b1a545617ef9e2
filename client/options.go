package client

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Option is something that a task to enqueue has besides its arguments. What no option says comes from the queue's
// settings. The servers check the values.
type Option func(*rowlockv1.NewTask)

// Queue puts the task into a queue other than [DefaultQueue]. A queue comes into being with its first task.
func Queue(name string) Option {
	return func(t *rowlockv1.NewTask) { t.Queue = name }
}

// Priority is 0 to 9; 9 is leased first, 5 is usual.
func Priority(p int) Option {
	return func(t *rowlockv1.NewTask) {
		u := uint32(min(max(p, -1), 1<<16)) // what is out of range stays so
		t.Priority = &u
	}
}

// Delay lets the task wait before it runs, counted by the servers from when they accept it.
func Delay(d time.Duration) Option {
	return func(t *rowlockv1.NewTask) { t.DelaySeconds = d.Seconds() }
}

// RunAt lets the task wait until the time.
func RunAt(at time.Time) Option {
	return func(t *rowlockv1.NewTask) { t.RunAt = timestamppb.New(at) }
}

// MaxAttempts is how many attempts may fail before the task goes to the dead letter queue.
func MaxAttempts(n int) Option {
	return func(t *rowlockv1.NewTask) { t.MaxAttempts = bounded(n) }
}

// MaxWorkerDeaths is how many workers may die while running the task before it goes to the dead letter queue.
func MaxWorkerDeaths(n int) Option {
	return func(t *rowlockv1.NewTask) { t.MaxWorkerDeaths = bounded(n) }
}

// bounded keeps a negative number one that the servers refuse.
func bounded(n int) uint32 {
	if n < 0 {
		return 1<<32 - 1
	}
	return uint32(min(n, 1<<32-1))
}

// Timeout is how long one attempt may take.
func Timeout(d time.Duration) Option {
	return func(t *rowlockv1.NewTask) { t.TimeoutSeconds = d.Seconds() }
}

// TTL is how long the task may wait for its start; then it goes to the dead letter queue as expired.
func TTL(d time.Duration) Option {
	return func(t *rowlockv1.NewTask) { t.TtlSeconds = d.Seconds() }
}

// Unique refuses the task with ErrConflict while its queue has one with the same key that hasn't ended. See UniqueMode
// and UniqueFor.
func Unique(key string) Option {
	return func(t *rowlockv1.NewTask) { t.UniqueKey = key }
}

// Mode is what happens to a task whose unique key is taken.
type Mode = rowlockv1.UniqueMode

// The modes.
const (
	// Reject refuses the new task with ErrConflict.
	Reject = rowlockv1.UniqueMode_reject
	// Return answers with the task that is there; its Receipt says Existing.
	Return = rowlockv1.UniqueMode_return
	// Replace cancels the task that is there, unless it is running, and accepts the new one.
	Replace = rowlockv1.UniqueMode_replace
	// Debounced is set by Debounce.
	Debounced = rowlockv1.UniqueMode_debounce
)

// UniqueMode chooses another mode than Reject.
func UniqueMode(m Mode) Option {
	return func(t *rowlockv1.NewTask) { t.UniqueMode = m }
}

// Debounce lets calls with the same unique key make one task, which runs with the last one's arguments when there has been no
// call for the delay, but at most limit after the first (0: no limit). The Receipts of the calls that put the task off say
// Existing. Only its arguments and its run time are replaced; all else stays as in the first call. A task that runs already
// isn't touched: the call then makes a new one, which has the key from then on.
func Debounce(key string, delay, limit time.Duration) Option {
	return func(t *rowlockv1.NewTask) {
		t.UniqueKey, t.UniqueMode = key, rowlockv1.UniqueMode_debounce
		t.DelaySeconds, t.DebounceMaxSeconds = delay.Seconds(), limit.Seconds()
	}
}

// UniqueFor keeps the unique key taken for this long after the task was enqueued, whether it ends earlier or later.
func UniqueFor(window time.Duration) Option {
	return func(t *rowlockv1.NewTask) { t.UniqueWindowSeconds = window.Seconds() }
}

// FairKey names whom the task is for, such as a tenant. The keys of a queue take turns, so that one with many tasks doesn't
// hold up the others; QueueSettings has weights and limits by key.
func FairKey(key string) Option {
	return func(t *rowlockv1.NewTask) { t.FairKey = key }
}

// Singleton lets one task of its queue with this key run at a time. The others wait, and hold nothing up.
func Singleton(key string) Option {
	return func(t *rowlockv1.NewTask) { t.SingletonKey = key }
}

// Sticky lets the task wait a while for the worker that ran the last one of its queue with this key, for what that has in its
// caches; QueueSettings.StickyWait says how long.
func Sticky(key string) Option {
	return func(t *rowlockv1.NewTask) { t.StickyKey = key }
}

// Require gives the task to workers only that have this label. The label "pool" is the worker's pool. While there is no such
// worker the task waits.
func Require(key, value string) Option {
	return func(t *rowlockv1.NewTask) {
		if t.Require == nil {
			t.Require = make(map[string]string, 2)
		}
		t.Require[key] = value
	}
}

// Label adds a label, which is kept with the task and shown with it.
func Label(key, value string) Option {
	return func(t *rowlockv1.NewTask) {
		if t.Labels == nil {
			t.Labels = make(map[string]string, 4)
		}
		t.Labels[key] = value
	}
}

// Labels adds labels.
func Labels(labels map[string]string) Option {
	return func(t *rowlockv1.NewTask) {
		for k, v := range labels {
			Label(k, v)(t)
		}
	}
}

// TraceContext is the W3C traceparent of the producer, for the worker to go on with.
func TraceContext(traceparent string) Option {
	return func(t *rowlockv1.NewTask) { t.TraceContext = traceparent }
}

// Backoff is how long the task waits after a failure.
func Backoff(p BackoffPolicy) Option {
	return func(t *rowlockv1.NewTask) { t.Backoff = p.proto() }
}

// DependsOn lets the task wait until all these have completed.
func DependsOn(ids ...string) Option {
	return func(t *rowlockv1.NewTask) { t.DependsOn = append(t.DependsOn, ids...) }
}

// InBatch adds the task to a batch, which must be open: ErrBatchClosed. See Client.Batches.
func InBatch(id string) Option {
	return func(t *rowlockv1.NewTask) { t.BatchId = id }
}
