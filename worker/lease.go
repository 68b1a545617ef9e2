package worker

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// leaseState is where a lease is on its way through the worker.
type leaseState uint8

const (
	leaseQueued  leaseState = iota // waits for a handler
	leaseRunning                   // a handler runs
	leaseEnded                     // has an outcome, which isn't acknowledged yet
	leaseGone                      // the servers took it away; a handler may still be running
)

// lease is one entry of the ledger. The ledger's mutex guards all but task, which is its handler's while it runs.
type lease struct {
	task     RawTask
	state    leaseState
	received time.Time

	cancel   context.CancelCauseFunc // of the handler's context, while it runs
	cause    error                   // for which it is gone
	started  bool                    // the servers were told that it runs
	stopping bool                    // the handler was asked to stop
	reworded bool                    // the servers refused the outcome as malformed, and it was made a failure

	percent  uint32
	message  string
	progress bool // percent and message wait to be sent

	outcome rowlockv1.Outcome // of an ended lease, as it is sent
}

// end sets the outcome.
func (l *lease) end(o Outcome) {
	l.state = leaseEnded
	l.outcome.TaskId, l.outcome.Token = l.task.ID, l.task.Token
	switch o.Kind {
	case Completed:
		l.outcome.Result = &rowlockv1.Outcome_Completed{Completed: o.Result}
	case Snoozed:
		l.outcome.Result = &rowlockv1.Outcome_SnoozedSeconds{SnoozedSeconds: o.Delay.Seconds()}
	case Released:
		l.outcome.Result = &rowlockv1.Outcome_Released{Released: true}
	case Failed, FailedForGood:
		l.outcome.Result = &rowlockv1.Outcome_Failed{Failed: &rowlockv1.Failure{
			Message:           clip(o.Err.Error(), maxErrorBytes),
			Permanent:         o.Kind == FailedForGood,
			RetryAfterSeconds: o.Delay.Seconds(),
		}}
	}
}

// held is the lease as lists name it.
func (l *lease) held() *rowlockv1.HeldLease {
	return &rowlockv1.HeldLease{TaskId: l.task.ID, Token: l.task.Token, Started: l.state != leaseQueued}
}
