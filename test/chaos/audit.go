package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rowlock/rowlock/client"
)

const (
	auditTime    = 4 * time.Minute
	auditReaders = 16
	// auditTasks is how many of the newest records an audit during the steps looks at; the one at the end looks at all.
	auditTasks = 2_000
)

// look is what was found of a task; nil: nothing.
type look struct {
	record
	found *client.TaskInfo
}

// find reads the records' tasks.
func find(ctx context.Context, c *client.Client, records []record) ([]look, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, auditTime, fmt.Errorf("reading %d tasks takes longer than %s", len(records), auditTime))
	defer cancel()
	looks := make([]look, len(records))
	errs := make([]error, auditReaders)
	var readers sync.WaitGroup
	for k := range auditReaders {
		readers.Go(func() {
			for i := k; i < len(records) && errs[k] == nil; i += auditReaders {
				looks[i].record = records[i]
				looks[i].found, errs[k] = c.Get(ctx, records[i].id, client.OmitPayload())
				if errors.Is(errs[k], client.ErrNotFound) {
					looks[i].found, errs[k] = nil, nil
				}
			}
		})
	}
	readers.Wait()
	return looks, errors.Join(errs...)
}

// problem says what is wrong with a task by what is acknowledged now; empty: nothing.
func (l *look) problem() string {
	switch {
	case l.fate == open:
		return ""
	case l.fate == lost && l.found != nil:
		return fmt.Sprintf("a restore has taken it away, and it is %s, enqueued %s", l.found.State, l.found.EnqueuedAt)
	case l.fate == lost:
		return ""
	case l.found == nil:
		return fmt.Sprintf("acknowledged %s, and isn't there", l.acked)
	case l.found.Queue != l.queue:
		return fmt.Sprintf("enqueued to %s, and is in %s", l.queue, l.found.Queue)
	case !l.doneAcked.IsZero() && l.found.State != client.Completed:
		return fmt.Sprintf("completion acknowledged %s, and it is %s", l.doneAcked, l.found.State)
	}
	return ""
}

// problemAt says what is wrong with a task in a state of an earlier moment; empty: nothing.
func (l *look) problemAt(at time.Time) string {
	switch {
	case l.before(at) && l.found == nil:
		return fmt.Sprintf("acknowledged %s, and isn't in the state of %s", l.acked, at)
	case l.after(at) && l.found != nil:
		return fmt.Sprintf("its call began %s, and it is in the state of %s", l.began, at)
	case l.found == nil:
		return ""
	case l.doneBefore(at) && l.found.State != client.Completed:
		return fmt.Sprintf("completion acknowledged %s, and in the state of %s it is %s", l.doneAcked, at, l.found.State)
	case l.doneAfter(at) && l.found.State == client.Completed:
		return fmt.Sprintf("the call that completed it began %s, and in the state of %s it is completed", l.doneBegan, at)
	}
	return ""
}

// verdict is an error with the first problems of the tasks.
func verdict(what string, looks []look, problem func(*look) string) error {
	var list []error
	total := 0
	for i := range looks {
		if text := problem(&looks[i]); text != "" {
			if total++; total <= 5 {
				list = append(list, fmt.Errorf("task %s: %s", looks[i].id, text))
			}
		}
	}
	if total == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d of %d tasks are wrong: %w", what, total, len(looks), errors.Join(list...))
}

// audit compares the group with the ledger; all: all that was ever acknowledged, else what is newest.
func (r *run) audit(ctx context.Context, all bool) error {
	records, _, restores := r.ledger.snapshot()
	current := records[:0]
	for _, rec := range records {
		if rec.restores == restores {
			current = append(current, rec)
		}
	}
	if !all {
		current = current[max(0, len(current)-auditTasks):]
	}
	looks, err := find(ctx, r.client, current)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	r.say("audit: %d tasks", len(looks))
	return verdict("audit", looks, (*look).problem)
}

// auditAt compares a group that was restored beside with what had been acknowledged at that moment.
func (r *run) auditAt(ctx context.Context, c *client.Client, at time.Time) error {
	records, _, restores := r.ledger.snapshot()
	var known []record
	for _, rec := range records {
		if rec.restores == restores && rec.fate == live {
			known = append(known, rec)
		}
	}
	known = around(known, at)
	looks, err := find(ctx, c, known)
	if err != nil {
		return fmt.Errorf("audit of the group beside: %w", err)
	}
	r.say("audit of the group beside: %d tasks at %s", len(looks), at.Format(clock))
	return verdict("audit of the group beside", looks, func(l *look) string { return l.problemAt(at) })
}

// around are the records nearest to a moment.
func around(records []record, at time.Time) []record {
	middle := len(records)
	for i := range records {
		if records[i].acked.After(at) {
			middle = i
			break
		}
	}
	return records[max(0, middle-auditTasks/2):min(len(records), middle+auditTasks/2)]
}

// auditRestore compares the group with what had been acknowledged at the moment that a restore into it has brought back, and settles
// what is lost. The group is still suspended.
func (r *run) auditRestore(ctx context.Context) error {
	records, last, restores := r.ledger.snapshot()
	var unsettled []record
	for _, rec := range records {
		if rec.restores < restores && rec.fate == live {
			unsettled = append(unsettled, rec)
		} else if rec.fate != live {
			r.ledger.settle(rec.id, rec.fate, false, restores)
		}
	}
	looks, err := find(ctx, r.client, unsettled)
	if err != nil {
		return fmt.Errorf("audit of the restore: %w", err)
	}
	again := 0
	err = verdict("audit of the restore", looks, func(l *look) string {
		switch {
		case l.found != nil && !l.found.EnqueuedAt.Before(last.since):
			again++ // the call was answered by the restored group
			r.ledger.settle(l.id, live, false, restores)
			return ""
		case l.restores < restores-1:
			r.ledger.settle(l.id, open, false, restores) // its answer came too late for the audit of the restore before
			return ""
		}
		f := open
		switch {
		case l.before(last.to):
			f = live
		case l.after(last.to):
			f = lost
		}
		r.ledger.settle(l.id, f, l.doneBefore(last.to), restores)
		return l.problemAt(last.to)
	})
	r.say("audit of the restore: %d tasks, of which %d are new", len(looks), again)
	return err
}
