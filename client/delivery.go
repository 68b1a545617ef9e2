package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// deliver sends tasks until an answer comes or there is no hope for one, and fills in their receipts. The servers refuse
// a request as a whole if one of its tasks is malformed; as its tasks may have nothing to do with each other, the halves
// are then sent by themselves.
func (p *producer) deliver(b *batch, tasks []*rowlockv1.NewTask, receipts []Receipt) {
	results, err := p.deliverWhole(b, tasks)
	switch {
	case err == nil:
		for i, t := range tasks {
			if t != nil {
				receipts[i] = receiptOf(results[0])
				results = results[1:]
			}
		}
	case len(tasks) > 1 && errors.Is(err, ErrInvalid):
		middle := len(tasks) / 2
		p.deliver(b, tasks[:middle], receipts[:middle])
		p.deliver(b, tasks[middle:], receipts[middle:])
	default:
		fill(receipts, err)
	}
}

// fill says the same of all tasks.
func fill(receipts []Receipt, err error) {
	for i := range receipts {
		receipts[i].Err = err
	}
}

func receiptOf(r *rowlockv1.EnqueueResult) Receipt {
	if err := fromPart(r.GetError(), r.GetTaskId()); err != nil {
		return Receipt{Err: err}
	}
	return Receipt{ID: r.GetTaskId(), Existing: r.GetExisting()}
}

// deliverWhole sends tasks in one request, as often as it takes. There is a result for each whose caller still waits.
func (p *producer) deliverWhole(b *batch, tasks []*rowlockv1.NewTask) ([]*rowlockv1.EnqueueResult, error) {
	d := delivery{producer: p, batch: b, tasks: tasks, retry: retrier{bound: p.config.RetryFor}}
	defer d.end()
	for {
		resp, e := d.attempt()
		if e == nil {
			if got, want := len(resp.GetResults()), len(d.request.Tasks); got != want {
				return nil, unknown(fmt.Errorf("%d results for %d tasks", got, want))
			}
			return resp.GetResults(), nil
		}
		if again, err := d.judge(e); !again {
			return nil, err
		}
	}
}

// delivery is one request on its way.
type delivery struct {
	producer *producer
	batch    *batch
	tasks    []*rowlockv1.NewTask // of the batch, all or some
	request  rowlockv1.EnqueueRequest
	session  *session
	retry    retrier
	// tried means that a server may have executed the request already.
	tried bool
}

// attempt makes the call once. The first one gives the request its sequence or ID, which it keeps.
func (d *delivery) attempt() (*rowlockv1.EnqueueResponse, *Error) {
	p := d.producer
	ctx, cancel := context.WithTimeoutCause(p.ctx, p.config.AttemptTimeout, ErrUnavailable)
	defer cancel()
	switch {
	case p.config.OneShot:
		if d.request.RequestId == "" {
			d.request.RequestId = rand.Text()
		}
	case d.session == nil:
		s, e := p.sessions.get(ctx)
		if e != nil {
			d.arrive(false, e)
			return nil, e
		}
		d.session = s
		d.request.ProducerId, d.request.Sequence = s.id, s.begin()
		fallthrough
	default:
		d.request.AckedBelow = d.session.ackedBelow()
	}
	var resp rowlockv1.EnqueueResponse
	var to peer.Peer
	p.pool.connect(ctx)
	if !d.depart() {
		return &resp, nil
	}
	e := p.pool.once(ctx, rowlockv1.TaskService_Enqueue_FullMethodName, &d.request, &resp, grpc.Peer(&to))
	left := e == nil || to.Addr != nil
	if left && e != nil && !e.refused() {
		d.tried = true
	}
	d.arrive(left, e)
	return &resp, e
}

// depart fills the request with the tasks whose callers still wait, which can't take them back from now on. It reports
// false if there are none.
func (d *delivery) depart() bool {
	p := d.producer
	p.mu.Lock()
	defer p.mu.Unlock()
	if !d.tried { // else it must stay what it was
		d.request.Tasks = waiting(d.tasks)
	}
	if len(d.request.Tasks) == 0 {
		return false
	}
	d.batch.away = true
	return true
}

// arrive takes in how the call ended. If no request can have left, callers may take their tasks back again.
func (d *delivery) arrive(left bool, e *Error) {
	p := d.producer
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = e
	d.batch.tried = d.batch.tried || left
	d.batch.away = d.batch.tried
}

// judge decides after an error: again, or what to tell the callers.
func (d *delivery) judge(e *Error) (again bool, err error) {
	forgotten := e.Reason == reasonUnknownProducer || e.Reason == reasonRestored && d.session != nil // a restore ends the session
	if forgotten {
		d.producer.sessions.forget(d.session)
	}
	switch {
	case forgotten && !d.tried && d.session != nil:
		d.end() // never executed: it may go out under a new session
		d.session = nil
		return true, nil
	case forgotten || e.Reason == reasonSequenceForgotten:
		return false, unknown(e)
	}
	if err = d.retry.wait(d.producer.ctx, e); err == nil {
		return true, nil
	}
	if d.producer.ctx.Err() != nil {
		err = ErrClosed
	}
	if d.tried {
		err = unknown(err)
	}
	return false, err
}

// end releases the sequence.
func (d *delivery) end() {
	if d.session != nil {
		d.session.end(d.request.Sequence)
	}
}
