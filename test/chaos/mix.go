package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/rowlock/rowlock/client"
)

// mixOptions are those of tasks that may fail.
func mixOptions(n int, more ...client.Option) []client.Option {
	return append([]client.Option{
		client.Queue(mixQueue), client.FairKey(strconv.Itoa(n % 5)), client.Priority(n % 10), client.MaxAttempts(3),
		client.MaxWorkerDeaths(100), client.Backoff(client.BackoffPolicy{Initial: 200 * time.Millisecond}),
	}, more...)
}

func mixed() client.Args { return client.Raw("step", []byte(`{}`)) }

// mix enqueues workflows, batches and tasks of many options, one after the other.
func (l *load) mix(c *client.Client) {
	kinds := []func(context.Context, *client.Client, int) error{l.batch, l.workflow, l.options, l.workflow}
	for n := 0; l.produce.Err() == nil; n++ {
		ctx, cancel := context.WithTimeout(l.produce, 10*time.Second)
		if err := kinds[n%len(kinds)](ctx, c, n); err != nil {
			l.failed("mix", err)
		}
		cancel()
		pause(l.produce, 40*time.Millisecond)
	}
}

// accepted notes tasks of one call.
func (l *load) accepted(began time.Time, epoch int, ids ...string) {
	for _, id := range ids {
		if err := l.ledger.accept(id, mixQueue, false, began, epoch); err != nil {
			l.breach(err)
		}
	}
}

// batch makes a batch with all callbacks, and closes it.
func (l *load) batch(ctx context.Context, c *client.Client, n int) error {
	callback := func(what string) *client.NewTask {
		return &client.NewTask{
			Args:    client.Raw("callback", fmt.Appendf(nil, `{"batch":"%d","what":%q}`, n, what)),
			Options: []client.Option{client.Queue(callbackQueue), client.MaxWorkerDeaths(100)},
		}
	}
	b, err := c.Batches().Create(ctx, client.NewBatch{
		Name: strconv.Itoa(n), OnSuccess: callback(onSuccess), OnDeath: callback(onDeath), OnComplete: callback(onComplete),
	})
	if err != nil {
		return err
	}
	for range 5 {
		began, epoch := time.Now(), l.ledger.epoch()
		receipt, err := c.Enqueue(ctx, mixed(), mixOptions(n, client.InBatch(b.ID))...)
		if err != nil {
			return err
		}
		l.accepted(began, epoch, receipt.ID)
	}
	_, err = c.Batches().Close(ctx, b.ID)
	return err
}

// workflow makes a graph whose branches depend on success, failure and end; one in eight is cancelled at once.
func (l *load) workflow(ctx context.Context, c *client.Client, n int) error {
	graph := client.NewGraph("g"+strconv.Itoa(n)).
		Add("a", mixed(), mixOptions(n)...).
		Add("b", mixed(), mixOptions(n, client.After("a"))...).
		Add("c", mixed(), mixOptions(n, client.AfterFailure("b"), client.CancelOnParentFailure())...).
		Add("d", mixed(), mixOptions(n, client.AfterEnd("b", "c"))...)
	began, epoch := time.Now(), l.ledger.epoch()
	receipt, err := c.Workflows().Enqueue(ctx, graph)
	if err != nil {
		return err
	}
	for _, id := range receipt.TaskIDs {
		l.accepted(began, epoch, id)
	}
	if n%8 == 1 {
		_, err = c.Workflows().Cancel(ctx, receipt.WorkflowID)
	}
	return err
}

// options makes a delayed task with a singleton and a sticky key, and one that depends on it.
func (l *load) options(ctx context.Context, c *client.Client, n int) error {
	began, epoch := time.Now(), l.ledger.epoch()
	first, err := c.Enqueue(ctx, mixed(), mixOptions(n, client.Singleton(strconv.Itoa(n%4)), client.Sticky(strconv.Itoa(n%3)),
		client.Delay(time.Duration(n%9)*100*time.Millisecond), client.TTL(time.Minute))...)
	if err != nil {
		return err
	}
	l.accepted(began, epoch, first.ID)
	began, epoch = time.Now(), l.ledger.epoch()
	second, err := c.Enqueue(ctx, mixed(), mixOptions(n, client.DependsOnEnd(first.ID))...)
	if err != nil {
		return err
	}
	l.accepted(began, epoch, second.ID)
	return nil
}
