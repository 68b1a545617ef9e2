package worker

import (
	"context"
	"time"
)

// glance is how often the ledger is looked at for tasks that wait too long and outcomes that are to be sent again.
const glance = 500 * time.Millisecond

// watch reminds the sender of heartbeats, and gives up a stream on which they aren't answered: the sender can't, as it may
// be blocked.
func (k *link) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(k.heart.step())
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if k.heart.overdue(time.Now()) {
				cancel(errNoAnswer)
				return
			}
			k.ledger.nudge()
		case <-ctx.Done():
			return
		}
	}
}

// pulse watches the session's time to live, connected or not, and relieves a worker whose handlers are all busy.
func (w *Worker) pulse(ctx context.Context) {
	timer := time.NewTimer(glance)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-w.welcomed:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		if w.heart.expired(now) {
			w.ledger.expire()
		}
		w.ledger.relieve(now)
		w.ledger.nudge()
		pause := glance
		if at, ok := w.heart.end(); ok {
			pause = min(pause, max(at.Sub(now), 0))
		}
		timer.Reset(pause)
	}
}
