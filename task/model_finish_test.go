package task_test

import (
	"math/big"

	"github.com/rowlock/rowlock/task"
)

func (m *model) finishOne(o task.Outcome) task.Item {
	t, live := m.live[o.ID]
	if !live {
		return task.Item{ID: o.ID, Code: task.NotLive}
	}
	if t.State != task.Running || t.Token != o.Token || (o.Session != 0 && o.Session != t.Session) {
		return task.Item{ID: o.ID, Code: task.StaleToken, State: t.State}
	}
	if o.Kind != task.OutcomeComplete && o.Revoke != task.NotRevoked {
		m.revoke(t, o.Revoke)
	}
	if o.Kind != task.OutcomeComplete && m.stopped(t) {
		return task.Item{ID: o.ID, State: task.Cancelled}
	}
	switch o.Kind {
	case task.OutcomeComplete:
		t.Result = o.Data
		m.toHistory(t, task.Completed, task.NoReason)
	case task.OutcomeFail:
		m.fail(t, task.CauseFailed, string(o.Data), o.Delay)
	case task.OutcomeFailPermanent:
		m.fail(t, task.CausePermanent, string(o.Data), 0)
	case task.OutcomeSnooze:
		if o.Delay <= 0 {
			m.giveBack(t)
			break
		}
		m.endLease(t)
		t.Attempt--
		m.toWaiting(t, m.now+o.Delay)
	case task.OutcomeRelease:
		m.giveBack(t)
	}
	return task.Item{ID: o.ID, State: t.State}
}

// fail ends an attempt without success: the task backs off, or has no attempt left.
func (m *model) fail(t *modelTask, cause task.Cause, text string, atLeast task.Duration) {
	t.Failures++
	m.queueOf(t).Failures++
	m.addError(t, cause, text)
	m.endLease(t)
	switch {
	case cause == task.CausePermanent:
		m.toDeadLetter(t, task.ReasonFailed)
	case t.Failures >= t.MaxAttempts:
		m.toDeadLetter(t, task.ReasonExhausted)
	default:
		m.toWaiting(t, m.now+max(m.backoff(t), atLeast))
	}
}

func (m *model) addError(t *modelTask, cause task.Cause, text string) {
	e := task.AttemptError{At: m.now, Attempt: t.Attempt, Cause: cause, Message: text[:min(len(text), maxErrorText)], Worker: t.Worker}
	t.Errors = append(append([]task.AttemptError(nil), t.Errors...), e)
	if len(t.Errors) > maxErrors {
		t.Errors = t.Errors[1:]
	}
}

// backoff is how long a task waits after its last failure.
func (m *model) backoff(t *modelTask) task.Duration {
	b := t.Backoff
	if b.IsZero() {
		b = m.queueOf(t).Settings.Backoff
	}
	if n := len(b.Delays); n > 0 {
		return b.Delays[min(int(t.Failures)-1, n-1)]
	}
	if b.Initial == 0 {
		b.Initial = defaultInitial
	}
	if b.Maximum == 0 {
		b.Maximum = defaultMaximum
	}
	if b.Multiplier == 0 {
		b.Multiplier = defaultMultiplier
	}
	b.Multiplier = max(b.Multiplier, 1000) // it never shrinks
	d, most := big.NewInt(b.Initial), big.NewInt(b.Maximum)
	for i := uint16(1); i < t.Failures && d.Cmp(most) < 0; i++ {
		d.Mul(d, big.NewInt(int64(b.Multiplier)))
		d.Div(d, big.NewInt(1000))
	}
	if d.Cmp(most) > 0 {
		d = most
	}
	return task.Jitter(m.seed, t.ID, d.Int64())
}

func (m *model) progressOne(p task.ProgressItem) task.Item {
	t, live := m.live[p.ID]
	if !live {
		return task.Item{ID: p.ID, Code: task.NotLive}
	}
	if t.State != task.Running || t.Token != p.Token {
		return task.Item{ID: p.ID, Code: task.StaleToken, State: t.State}
	}
	t.Progress = task.ProgressNote{At: m.now, Percent: p.Percent, Message: p.Message[:min(len(p.Message), maxProgressText)]}
	m.tell(t, task.Event{Kind: task.EventProgress, From: t.State, To: t.State, Percent: p.Percent})
	return task.Item{ID: p.ID, State: t.State}
}
