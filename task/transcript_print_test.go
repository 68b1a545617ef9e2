package task_test

import (
	"fmt"

	"github.com/rowlock/rowlock/task"
)

// printResult prints a command's result as a caller would put it.
func (s *stage) printResult(c task.Command, r task.Result) {
	if request, ok := c.(*task.Request); ok {
		c = request.Command
	}
	if _, graph := c.(*task.EnqueueGraph); graph && r.Code != task.OK && len(r.Items) > 0 {
		s.printf("refused: task %d of the graph: %v", r.Items[0].Other, r.Code)
		return
	}
	if r.Code != task.OK {
		s.printf("refused: %v", r.Code)
		return
	}
	switch c := c.(type) {
	case *task.OpenSession:
		s.printf("session %d", r.Items[0].ID)
	case *task.OpenProducer:
		s.printf("producer %d", r.Items[0].ID)
	case *task.PutSchedule:
		s.printf("schedule %d, revision %d", r.Items[0].ID, r.Items[0].Other)
	case *task.StartOperation:
		s.printf("operation %d", r.Items[0].ID)
	case *task.CreateBatch, *task.CloseBatch, *task.CancelBatch:
		s.printBatchResult(c, r)
	case *task.PurgeQueue:
		s.printf("%d tasks", r.Items[0].Other)
	case *task.Lease:
		for _, l := range r.Leased {
			s.printf("%s", leaseLine(l))
		}
		if len(r.Leased) == 0 {
			s.printf("nothing to lease")
		}
	case *task.ExpireSessions:
		for i, item := range r.Items {
			s.printf("session %d: %s", c.Sessions[i].Session, outcome(item))
		}
	case *task.MarkSilent:
		for i, item := range r.Items {
			s.printf("session %d: %s", c.Silences[i].Session, outcome(item))
		}
	case *task.ResumeCluster:
		s.printf("resumed: %v", r.Items[0].Other == 1)
	case *task.DrainSession:
		s.printf("session %d: %s", c.Session, outcome(r.Items[0]))
	case *task.CancelWorkflow:
		s.printf("workflow %d: %d tasks to cancel", r.Items[0].ID, r.Items[0].Other)
	default:
		for _, item := range r.Items {
			s.printf("%s", itemLine(item))
		}
	}
}

func leaseLine(l task.Leased) string {
	line := fmt.Sprintf("task %d: leased from %s, attempt %d, token %d", l.ID, l.Queue, l.Attempt, l.Token)
	if len(l.Payload) > 0 {
		line += fmt.Sprintf(", payload %q", l.Payload)
	}
	for _, p := range l.Parents {
		line += "; " + parentLine(p)
	}
	return line
}

func itemLine(i task.Item) string {
	if i.ID == 0 {
		return outcome(i)
	}
	return fmt.Sprintf("task %d: %s", i.ID, outcome(i))
}

func outcome(i task.Item) string {
	text := i.Code.Error()
	if i.State != task.None {
		text += " (" + i.State.String() + ")"
	}
	return text
}

func (s *stage) printEffects(e task.Effects) {
	for _, q := range e.Ready {
		s.printf("* ready: %s", q)
	}
	for _, r := range e.Stopping {
		s.printf("* to stop: task %d, token %d, of session %d", r.Lease.ID, r.Lease.Token, r.Session)
	}
	for _, r := range e.Revoked {
		s.printf("* revoked: task %d, token %d, of session %d: %s", r.ID, r.Token, r.Session, r.Why)
	}
	for _, id := range e.Closed {
		s.printf("* closed: session %d", id)
	}
	for _, id := range e.Drained {
		s.printf("* drains: session %d", id)
	}
	for _, c := range e.Checksums {
		line := "* checksum"
		if c.Agreed != 0 {
			line += fmt.Sprintf(", agreed: %d after entry %d", c.Hash, c.Agreed)
		}
		s.printf("%s", line)
	}
}
