package client

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Receipt is what became of a task to enqueue.
type Receipt struct {
	// ID is the task's.
	ID string
	// Existing means that the unique key was taken, and ID is the task that has it.
	Existing bool
	// Err says why the task wasn't accepted; nil: it was.
	Err error
}

// NewTask is a task to enqueue, for EnqueueMany.
type NewTask struct {
	Args    Args
	Options []Option
}

// Enqueue hands a task to the servers. When it returns without an error, the task is durable.
//
// Calls from several goroutines travel together. If ctx ends before the task was sent, the error is the context's, and
// ErrUnavailable too where no server could be reached; if it ends while the task is on its way, the error is
// ErrUnknownOutcome too.
func (c *Client) Enqueue(ctx context.Context, args Args, options ...Option) (Receipt, error) {
	if err := ctx.Err(); err != nil {
		return Receipt{Err: err}, err
	}
	t, err := build(args, options)
	if err != nil {
		return Receipt{Err: err}, err
	}
	var at place
	if at, err = c.producer.one(t); err != nil {
		return Receipt{Err: err}, err
	}
	r := c.producer.await(ctx, at)
	return r, r.Err
}

// EnqueueMany hands over any number of tasks, in as many requests as it takes. It isn't atomic: there is a Receipt for
// each task, in their order, and the error is a PartialError if any of them has one.
func (c *Client) EnqueueMany(ctx context.Context, tasks []NewTask) ([]Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	built := make([]*rowlockv1.NewTask, len(tasks))
	fresh := make([]rowlockv1.NewTask, len(tasks)) // at once: much cheaper than one by one
	for i, t := range tasks {
		built[i] = &fresh[i]
		if err := buildInto(built[i], t.Args, t.Options); err != nil {
			return nil, fmt.Errorf("task %d: %w", i, err)
		}
	}
	places := make([]place, 0, len(tasks))
	if err := c.producer.add(built, func(at place) { places = append(places, at) }); err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(tasks))
	partial := PartialError{Total: len(tasks)}
	for i, at := range places {
		receipts[i] = c.producer.await(ctx, at)
		if err := receipts[i].Err; err != nil {
			partial.add(err)
		}
	}
	return receipts, partial.orNil()
}

// one puts a single task into the batch that fills.
func (p *producer) one(t *rowlockv1.NewTask) (place, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return place{}, ErrClosed
	}
	p.start()
	return p.addOne(t), nil
}

// await waits for a task's batch.
func (p *producer) await(ctx context.Context, at place) Receipt {
	select {
	case <-at.batch.done:
		return at.batch.receipts[at.index]
	case <-ctx.Done():
	}
	if trouble, ok := p.abandon(at); ok {
		if trouble != nil {
			return Receipt{Err: fmt.Errorf("%w (last error: %w)", ctx.Err(), trouble)}
		}
		return Receipt{Err: ctx.Err()}
	}
	select {
	case <-at.batch.done:
		return at.batch.receipts[at.index]
	default:
		return Receipt{Err: unknown(ctx.Err())}
	}
}

// build makes the API's task.
func build(args Args, options []Option) (*rowlockv1.NewTask, error) {
	t := &rowlockv1.NewTask{}
	if err := buildInto(t, args, options); err != nil {
		return nil, err
	}
	return t, nil
}

// buildInto makes an empty task of the API the one that is asked for.
func buildInto(t *rowlockv1.NewTask, args Args, options []Option) error {
	payload, err := marshal(args)
	if err != nil {
		return err
	}
	t.Queue, t.Kind, t.Payload = DefaultQueue, args.Kind(), payload
	if w, ok := args.(WithOptions); ok {
		for _, o := range w.EnqueueOptions() {
			o(t)
		}
	}
	for _, o := range options {
		o(t)
	}
	if n := sizeOf(t); n > maxTaskBytes {
		return fmt.Errorf("%w: a task of %d bytes is too large for a request", ErrInvalid, n)
	}
	return nil
}
