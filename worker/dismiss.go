package worker

import (
	"context"
	"errors"
)

// ErrDrained is what Run returns after an operator drained the Worker: everything that it held is done. To run it again at
// once would undo what the operator did.
var ErrDrained = errors.New("worker: drained by an operator")

// dismiss takes in that an operator drains the worker. The servers say it again on every stream.
func (w *Worker) dismiss() { w.told.Do(func() { close(w.drained) }) }

func (w *Worker) isDrained() bool {
	select {
	case <-w.drained:
		return true
	default:
		return false
	}
}

// finishWhenDrained waits for an operator's word, takes no more from then on, and calls stop when all handlers have returned.
// It ends with ctx.
func (w *Worker) finishWhenDrained(ctx context.Context, stop func()) {
	select {
	case <-w.drained:
	case <-ctx.Done():
		return
	}
	g := w.ledger
	g.drain()
	g.nudge()
	w.config.Logger.Info("an operator drains this worker: it takes no more tasks and stops when those that run are done", "running", g.snapshot().Running)
	wake := context.AfterFunc(ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.change.Broadcast()
	})
	defer wake()
	g.mu.Lock()
	for g.crew.busy > 0 && ctx.Err() == nil {
		g.change.Wait()
	}
	g.mu.Unlock()
	stop()
}
