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
func (p *producer) deliver(tasks []*rowlockv1.NewTask, receipts []Receipt) {
	if len(tasks) == 0 {
		return
	}
	results, err := p.deliverWhole(tasks)
	switch {
	case err == nil:
		for i, r := range results {
			receipts[i] = receiptOf(r)
		}
	case len(tasks) > 1 && errors.Is(err, ErrInvalid):
		middle := len(tasks) / 2
		p.deliver(tasks[:middle], receipts[:middle])
		p.deliver(tasks[middle:], receipts[middle:])
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

// deliverWhole sends tasks in one request, as often as it takes.
func (p *producer) deliverWhole(tasks []*rowlockv1.NewTask) ([]*rowlockv1.EnqueueResult, error) {
	d := delivery{producer: p, retry: retrier{bound: p.config.RetryFor}}
	d.request.Tasks = tasks
	defer d.end()
	for {
		resp, e := d.attempt()
		if e == nil {
			if len(resp.GetResults()) != len(tasks) {
				return nil, unknown(fmt.Errorf("%d results for %d tasks", len(resp.GetResults()), len(tasks)))
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
	e := p.pool.once(ctx, rowlockv1.TaskService_Enqueue_FullMethodName, &d.request, &resp, grpc.Peer(&to))
	if e != nil && !e.refused() && to.Addr != nil {
		d.tried = true
	}
	return &resp, e
}

// judge decides after an error: again, or what to tell the callers.
func (d *delivery) judge(e *Error) (again bool, err error) {
	forgotten := e.Reason == reasonUnknownProducer
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
