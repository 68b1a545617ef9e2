package task_test

import (
	"fmt"
	"strings"

	"github.com/rowlock/rowlock/task"
)

// batchCommand makes the command of a line: batch create NAME success=QUEUE/KIND death=… complete=… [callback-key=K]
// [idle=D], batch close N, batch cancel N.
func (s *stage) batchCommand(a *arguments) task.Command {
	switch verb := a.word(); verb {
	case "create":
		c := &task.CreateBatch{Name: a.word(), IdleTimeout: a.duration("idle")}
		key := a.value("callback-key")
		for k, name := range []string{"success", "death", "complete"} {
			if queue, kind, ok := strings.Cut(a.value(name), "/"); ok {
				c.Callbacks[k] = &task.NewTask{Queue: queue, Kind: kind, Payload: []byte(kind), Priority: 5, UniqueKey: key}
			}
		}
		return c
	case "close":
		return &task.CloseBatch{ID: task.ID(a.parseNumber(a.word()))}
	case "cancel":
		return &task.CancelBatch{ID: task.ID(a.parseNumber(a.word()))}
	}
	s.t.Fatalf("%s: no such command", a.line)
	return nil
}

func (s *stage) printBatchResult(c task.Command, r task.Result) {
	switch c.(type) {
	case *task.CreateBatch:
		s.printf("batch %d", r.Items[0].ID)
	case *task.CancelBatch:
		s.printf("batch %d: %d to cancel", r.Items[0].ID, r.Items[0].Other)
	default:
		s.printf("batch %d: closed", r.Items[0].ID)
	}
}

func (s *stage) showBatch(id task.ID) {
	b, ok := s.machine().Batch(id)
	if !ok {
		s.printf("batch %d: not there", id)
		return
	}
	state := "open"
	switch {
	case b.EndedAt != 0:
		state = "ended at " + clock(b.EndedAt)
	case b.ClosedAt != 0:
		state = "closed"
	}
	if b.Cancelled {
		state += ", cancelled"
	}
	if b.Expired {
		state += ", expired"
	}
	n := b.Counts
	s.printf("batch %d %s: %s", id, b.Name, state)
	s.printf("  %d tasks: waiting %d, running %d, completed %d, cancelled %d, deleted %d, dead %d",
		n.Total(), n.Waiting, n.Running, n.Completed, n.Cancelled, n.Deleted, n.Dead)
	for k, c := range b.Callbacks {
		if c.State != task.CallbackNone {
			s.printf("  %s: %s", task.CallbackKind(k), callbackLine(c))
		}
	}
}

func callbackLine(c task.BatchCallback) string {
	switch {
	case c.State == task.CallbackWaiting:
		return "waiting"
	case c.State == task.CallbackDue:
		return "due"
	case c.State == task.CallbackRefused:
		return fmt.Sprintf("refused %d times, last at %s: %s (task %d), again at %s", c.Tries, clock(c.DoneAt), c.Code, c.ID, clock(c.NextAt))
	case c.Code != task.OK:
		return fmt.Sprintf("refused at %s: %s (task %d)", clock(c.DoneAt), c.Code, c.ID)
	}
	return fmt.Sprintf("task %d at %s", c.ID, clock(c.DoneAt))
}
