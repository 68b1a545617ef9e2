package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rowlock/rowlock/client"
)

// watched is what a Watch told of new tasks.
type watched struct {
	mu    sync.Mutex // guards news
	news  []string   // the positions of events
	tasks map[string]int
}

func (w *watched) count(ids []string) (missing int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if w.tasks[id] == 0 {
			missing++
		}
	}
	return missing
}

// TestWatchSurvivesLeaders watches, and waits for a task, through the SDK while one leader is killed and another hangs: the watch tells every
// task once and in order, and the waiter gets its answer.
func TestWatchSurvivesLeaders(t *testing.T) {
	c := newCluster(t, 3)
	c.start(0, 1, 2)
	c.voters(0, 3)
	api, err := client.New(client.Config{Addrs: strings.Split(c.api(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { api.Close() })
	ctx, cancel := context.WithCancel(limited(t))
	defer cancel()
	_, _, position, err := api.PageAt(ctx, client.Query{Queue: "seen"})
	if err != nil {
		t.Fatal(err)
	}
	seen := &watched{tasks: map[string]int{}}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() {
		for e, err := range api.Watch(ctx, client.WatchQuery{Queue: "seen", After: position}) {
			if err != nil {
				if ctx.Err() == nil {
					t.Errorf("the watch ended: %v", err)
				}
				return
			}
			seen.mu.Lock()
			seen.news = append(seen.news, e.Position)
			if e.From == "" {
				seen.tasks[e.TaskID]++
			}
			seen.mu.Unlock()
		}
	})
	waited := make(chan error, 1)
	last, err := api.Enqueue(ctx, client.Raw("k", nil), client.Queue("waited"))
	if err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		task, err := api.Wait(ctx, last.ID)
		if err == nil && task.State != client.Cancelled {
			err = fmt.Errorf("it is %s", task.State)
		}
		waited <- err
	})
	var ids []string
	enqueue := func(n int) {
		for range n {
			r, err := api.Enqueue(ctx, client.Raw("k", nil), client.Queue("seen"))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
		}
	}
	for round := range 2 {
		enqueue(50)
		lead := c.leader(round)
		if round == 0 {
			kill(t, c.nodes[lead].Process)
		} else { // it hangs, and keeps its connections
			signal(t, c.nodes[lead].Process, syscall.SIGSTOP)
		}
		enqueue(50)
		eventually(t, "the watch goes on", func(context.Context) (bool, error) {
			missing := seen.count(ids)
			return missing == 0, fmt.Errorf("%d of %d tasks weren't told", missing, len(ids))
		})
		if round == 0 {
			c.start(lead)
		} else {
			signal(t, c.nodes[lead].Process, syscall.SIGCONT)
		}
		c.voters((lead+1)%3, 3)
	}
	if _, err := api.Cancel(ctx, last.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("the waiter: %v", err)
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	for id, n := range seen.tasks {
		if n != 1 {
			t.Errorf("task %s was told %d times", id, n)
		}
	}
	if sorted := slices.Clone(seen.news); len(slices.Compact(sorted)) != len(seen.news) {
		t.Error("a position came twice")
	}
}
