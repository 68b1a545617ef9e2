package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rowlock/rowlock/client"
)

// drainTime is how long the workers may take for what is left.
const drainTime = 3 * time.Minute

// Callbacks of batches.
const (
	onSuccess  = "on_success"
	onDeath    = "on_death"
	onComplete = "on_complete"
)

// finish lets the workers do what is left, and looks at all of it.
func (r *run) finish(l *load) error {
	r.say("the end: all is looked at")
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	l.stop()
	l.producers.Wait()
	if err := r.client.Schedules().Pause(r.ctx, scheduleName); err != nil {
		return err
	}
	if err := r.drained(); err != nil {
		return err
	}
	l.leave()
	l.workers.Wait()
	checks := []func() error{
		func() error { return r.audit(r.ctx, true) }, r.allDone, r.noDoubles, r.callbacks, r.ticks, r.sameHashes, r.proven, r.group.alive,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return context.Cause(r.ctx)
}

// drained waits until nothing of the queues in which nothing fails is left.
func (r *run) drained() error {
	var left error
	err := until(r.ctx, drainTime, func(ctx context.Context) bool {
		left = nil
		for _, name := range []string{plainQueue, streamQueue, limitedQueue, callbackQueue, tickQueue} {
			q, err := r.client.Queues().Get(ctx, name)
			if errors.Is(err, client.ErrNotFound) {
				continue
			}
			if err != nil {
				left = err
				return false
			}
			if n := q.Pending + q.Scheduled + q.Blocked + q.Running + q.DeadLetter; n > 0 {
				left = errors.Join(left, fmt.Errorf("queue %s: %d pending, %d scheduled, %d blocked, %d running, %d dead letters",
					name, q.Pending, q.Scheduled, q.Blocked, q.Running, q.DeadLetter))
			}
		}
		return left == nil
	})
	if err != nil {
		return fmt.Errorf("after %s not all is done: %w", drainTime, errors.Join(left, err))
	}
	r.say("drained")
	return nil
}

// allDone: every task that can end in no other way is completed.
func (r *run) allDone() error {
	records, _, _ := r.ledger.snapshot()
	var ending []record
	for _, rec := range records {
		if rec.ends && rec.fate == live {
			ending = append(ending, rec)
		}
	}
	looks, err := find(r.ctx, r.client, ending)
	if err != nil {
		return err
	}
	r.say("%d tasks must be completed", len(looks))
	if _, completed := r.ledger.counts(); len(looks) == 0 || completed == 0 {
		return fmt.Errorf("%d tasks and %d acknowledged completions: nothing is proven by that", len(looks), completed)
	}
	return verdict("at the end", looks, func(l *look) string {
		if l.found == nil || l.found.State == client.Completed {
			return "" // the audit tells of one that isn't there
		}
		return "it is " + string(l.found.State)
	})
}

// everything lists a queue's tasks, finished ones too.
func (r *run) everything(queue string, see func(*client.TaskInfo) error) error {
	for _, states := range [][]client.State{nil, {client.Completed, client.Cancelled}} {
		for t, err := range r.client.List(r.ctx, client.Query{Queue: queue, States: states, PageSize: 1000}) {
			if err != nil {
				return err
			}
			if err := see(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// noDoubles: no call, repeated or not, made two tasks.
func (r *run) noDoubles() error {
	first := map[numbered]string{}
	for _, queue := range []string{plainQueue, streamQueue, limitedQueue} {
		err := r.everything(queue, func(t *client.TaskInfo) error {
			var n numbered
			if err := t.DecodeArgs(&n); err != nil {
				return err
			}
			if other, ok := first[n]; ok && other != t.ID {
				return fmt.Errorf("one call to enqueue %+v made two tasks, %s and %s", n, other, t.ID)
			}
			first[n] = t.ID
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.say("%d tasks, each of a call of its own", len(first))
	return nil
}

// callbacks: each callback of a batch came once at most, and the last one of each that has ended.
func (r *run) callbacks() error {
	type callback struct{ Batch, What string }
	came := map[callback]string{}
	err := r.everything(callbackQueue, func(t *client.TaskInfo) error {
		var c callback
		if err := json.Unmarshal(t.Payload, &c); err != nil {
			return err
		}
		if other, ok := came[c]; ok && other != t.ID {
			return fmt.Errorf("callback %+v came as %s and as %s", c, other, t.ID)
		}
		came[c] = t.ID
		return nil
	})
	if err != nil {
		return err
	}
	ended, unended := 0, 0
	for b, err := range r.client.Batches().List(r.ctx) {
		if err != nil {
			return err
		}
		if b.State != client.BatchEnded {
			unended++
			continue
		}
		ended++
		if id := came[callback{b.Name, onComplete}]; id == "" || b.OnComplete.TaskID != id {
			return fmt.Errorf("batch %s (%s) has ended; its callback is %+v, and task %q came", b.ID, b.Name, b.OnComplete, id)
		}
		if id := came[callback{b.Name, onSuccess}]; id != b.OnSuccess.TaskID {
			return fmt.Errorf("batch %s (%s): its callback is %+v, and task %q came", b.ID, b.Name, b.OnSuccess, id)
		}
	}
	r.say("%d callbacks, %d batches that have ended, %d that haven't", len(came), ended, unended)
	return nil
}

// ticks: each tick of the schedule made one task.
func (r *run) ticks() error {
	made := map[time.Time]string{}
	err := r.everything(tickQueue, func(t *client.TaskInfo) error {
		if other, ok := made[t.NominalAt]; ok && other != t.ID {
			return fmt.Errorf("the tick of %s made tasks %s and %s", t.NominalAt, other, t.ID)
		}
		made[t.NominalAt] = t.ID
		return nil
	})
	r.say("%d ticks", len(made))
	return err
}
