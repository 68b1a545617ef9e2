package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// ledger is what the servers have acknowledged, kept outside of them.
type ledger struct {
	mu        sync.Mutex // guards what follows
	accepted  []string   // IDs of tasks whose enqueue was acknowledged
	completed map[string]bool
	order     []string // completed, in order
	again     []string // tasks that were handed out after their completion was acknowledged
	checked   struct{ accepted, completed int }
}

func newLedger() *ledger { return &ledger{completed: map[string]bool{}} }

// accept notes an acknowledged enqueue.
func (l *ledger) accept(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.accepted = append(l.accepted, id)
}

// lease notes that a task was handed out.
func (l *ledger) lease(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.completed[id] {
		l.again = append(l.again, id)
	}
}

// complete notes an acknowledged completion.
func (l *ledger) complete(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.completed[id] {
		l.completed[id] = true
		l.order = append(l.order, id)
	}
}

// counts returns how many enqueues and completions were acknowledged.
func (l *ledger) counts() (accepted, completed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted), len(l.completed)
}

// news returns what has been acknowledged since it was last called.
func (l *ledger) news() (accepted, completed []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	accepted, completed = l.accepted[l.checked.accepted:], l.order[l.checked.completed:]
	l.checked.accepted, l.checked.completed = len(l.accepted), len(l.order)
	return accepted, completed
}

// checkNews asks the server for everything that was acknowledged since the last check.
func (l *ledger) checkNews(t *testing.T, c *client.Client) {
	t.Helper()
	accepted, completed := l.news()
	l.check(t, c, accepted, completed)
}

// checkAll asks for everything that was ever acknowledged.
func (l *ledger) checkAll(t *testing.T, c *client.Client) {
	t.Helper()
	l.mu.Lock()
	accepted, completed := l.accepted, l.order
	l.mu.Unlock()
	l.check(t, c, accepted, completed)
}

func (l *ledger) check(t *testing.T, c *client.Client, accepted, completed []string) {
	t.Helper()
	l.mu.Lock()
	again := l.again
	l.mu.Unlock()
	if len(again) > 0 {
		t.Errorf("%d tasks ran again though their completion was acknowledged: %v", len(again), again[0])
	}
	problems := inParallel(limited(t), accepted, func(ctx context.Context, id string) error {
		task, err := c.Get(ctx, id, client.OmitPayload())
		if err == nil && task.State == client.Completed {
			l.complete(id) // who reads that it is done may rely on it
		}
		return err
	})
	problems = append(problems, inParallel(limited(t), completed, func(ctx context.Context, id string) error {
		task, err := c.Get(ctx, id, client.OmitPayload())
		if err == nil && task.State != client.Completed {
			err = fmt.Errorf("its completion was acknowledged, and it is %s", task.State)
		}
		return err
	})...)
	if len(problems) > 0 {
		t.Fatalf("%d of %d acknowledged enqueues and %d completions are wrong: %v",
			len(problems), len(accepted), len(completed), errors.Join(problems[:min(5, len(problems))]...))
	}
}

// inParallel calls f for each ID and returns the errors.
func inParallel(ctx context.Context, ids []string, f func(context.Context, string) error) []error {
	var (
		wait     sync.WaitGroup
		mu       sync.Mutex
		problems []error
	)
	work := make(chan string)
	for range 32 {
		wait.Go(func() {
			for id := range work {
				if err := f(ctx, id); err != nil {
					mu.Lock()
					problems = append(problems, fmt.Errorf("task %s: %w", id, err))
					mu.Unlock()
				}
			}
		})
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	wait.Wait()
	return problems
}
