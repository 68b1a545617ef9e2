package client

import (
	"slices"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// A request carries at most this much. The servers take 10,000 tasks or 4 MiB; less than that keeps several requests
// on their way.
const (
	maxBatchTasks = 2_000
	maxBatchBytes = 1 << 20
	// A batch of this much is worth a request of its own while others are on their way.
	largeBatchTasks = 256
	largeBatchBytes = 128 << 10
	// maxTaskBytes is the most that a single task may have: it must fit in a request.
	maxTaskBytes = 4<<20 - 64<<10
	// taskOverhead is about what a task takes in a request besides its payload.
	taskOverhead = 128
)

// batch is the tasks of one request: those of one call, or of several that came while others were on their way.
type batch struct {
	// Guarded by the producer's mutex. While the batch is away, its tasks don't change.
	tasks []*rowlockv1.NewTask // nil: its caller went away
	bytes int
	away  bool // a request with its tasks may have left
	tried bool // one has left for sure, so that the batch stays away

	// Written by the sender before it closes done.
	done     chan struct{}
	receipts []Receipt // of the tasks, in their order
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// takes reports whether there is room for another task.
func (b *batch) takes(size int) bool {
	return len(b.tasks) == 0 || (len(b.tasks) < maxBatchTasks && b.bytes+size <= maxBatchBytes)
}

// large reports whether the batch is worth a request of its own.
func (b *batch) large() bool { return len(b.tasks) >= largeBatchTasks || b.bytes >= largeBatchBytes }

func (b *batch) add(t *rowlockv1.NewTask, size int) int {
	b.tasks = append(b.tasks, t)
	b.bytes += size
	return len(b.tasks) - 1
}

// waiting returns the tasks whose callers still wait.
func waiting(tasks []*rowlockv1.NewTask) []*rowlockv1.NewTask {
	if !slices.Contains(tasks, nil) {
		return tasks
	}
	kept := make([]*rowlockv1.NewTask, 0, len(tasks))
	for _, t := range tasks {
		if t != nil {
			kept = append(kept, t)
		}
	}
	return kept
}

// sizeOf is about what a task takes in a request.
func sizeOf(t *rowlockv1.NewTask) int {
	n := taskOverhead + len(t.Payload) + len(t.UniqueKey) + len(t.FairKey) + len(t.TraceContext) + len(t.SingletonKey) + len(t.StickyKey) + 16*len(t.DependsOn)
	for _, labels := range []map[string]string{t.Labels, t.Require} {
		for k, v := range labels {
			n += len(k) + len(v) + 8
		}
	}
	return n
}
