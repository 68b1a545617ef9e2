package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/client"
)

// drainTime is how long the worker may take for what is left after the last trial.
const drainTime = time.Minute

// findings compare what the producers were told with what became of it.
type findings struct {
	Acked       int `json:"acked"`        // tasks that a producer was told are durable
	FailedCalls int `json:"failed_calls"` // of Enqueue: their tasks may exist or not
	Completed   int `json:"completed"`
	Reruns      int `json:"reruns"` // attempts beyond a task's first, which are allowed

	// These must all be 0.
	Lost           int `json:"lost"`            // acknowledged, and not completed
	CompletedTwice int `json:"completed_twice"` // completions of one ID, or counted by the queue beyond those in its history
	EnqueuedTwice  int `json:"enqueued_twice"`  // tasks beyond the first of one call
	Shared         int `json:"shared"`          // calls beyond the first that were told the same ID
	Unasked        int `json:"unasked"`         // completed, without a call that could have made them
}

// audit waits until nothing is left to do, and reads the queue's history.
func audit(ctx context.Context, c *client.Client, l *ledger) (*findings, error) {
	q, err := drained(ctx, c)
	if err != nil {
		return nil, err
	}
	history := newHistory()
	for task, err := range c.List(ctx, client.Query{Queue: queue, States: []client.State{client.Completed}, PageSize: 1000}) {
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		call, _, _ := strings.Cut(string(task.Payload), " ")
		history.add(task.ID, call)
	}
	return compare(l, history, int(q.CompletedTotal)), nil
}

// drained waits until the queue is empty, and returns it.
func drained(ctx context.Context, c *client.Client) (*client.QueueInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for {
		q, err := c.Queues().Get(ctx, queue)
		if err != nil {
			return nil, err
		}
		if q.Pending+q.Scheduled+q.Blocked+q.Running == 0 {
			return q, nil
		}
		if err := sleep(ctx, askPause); err != nil {
			return nil, fmt.Errorf("%d tasks are pending, %d scheduled, %d running: %w", q.Pending, q.Scheduled, q.Running, err)
		}
	}
}

// history is the completed tasks.
type history struct {
	entries int
	ids     map[string]bool
	calls   map[string]bool
}

func newHistory() *history { return &history{ids: map[string]bool{}, calls: map[string]bool{}} }

func (h *history) add(id, call string) {
	h.entries++
	h.ids[id], h.calls[call] = true, true
}

// compare finds what is wrong. counted is how many completions the queue has counted.
func compare(l *ledger, h *history, counted int) *findings {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &findings{
		Acked: len(l.acked), FailedCalls: l.failed, Completed: h.entries, Reruns: l.runs - len(l.runSeen),
		CompletedTwice: max(h.entries, counted) - len(h.ids),
		EnqueuedTwice:  len(h.ids) - len(h.calls),
	}
	for id, calls := range l.acked {
		if !h.ids[id] {
			f.Lost++
		}
		f.Shared += calls - 1
	}
	unacked := len(h.ids) - (len(l.acked) - f.Lost)
	f.Unasked = max(unacked-l.failed, 0)
	return f
}

// verdict is an error if a promise was broken.
func (f *findings) verdict() error {
	if f.Lost+f.CompletedTwice+f.EnqueuedTwice+f.Shared+f.Unasked == 0 {
		return nil
	}
	return errors.New("the group broke a promise: see the audit")
}
