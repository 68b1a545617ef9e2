package rpc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxPosition is up to where the place of a task in its queue is counted.
const maxPosition = 100_000

// ExplainTask says why a task isn't running.
func (s *taskService) ExplainTask(ctx context.Context, req *pb.ExplainTaskRequest) (*pb.ExplainTaskResponse, error) {
	id, err := taskID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	out := &pb.ExplainTaskResponse{}
	var t task.Task
	var ahead []task.Operation
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		found, ok, err := v.Task(id)
		t = found
		switch {
		case err != nil:
			return err
		case !ok:
			return &taskError{id: id, code: task.NotLive}
		}
		out.Task = viewTask(&t, true)
		out.Reasons = explainer{v, s.node.Sessions().LastBeat}.explain(&t)
		ahead = operationsAhead(v, &t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Reasons = append(out.Reasons, explainOperations(ahead, &t, s.now())...)
	out.Summary = fmt.Sprintf("Task %s %s.", id, out.GetReasons()[0].GetMessage())
	return out, nil
}

// explainer finds out what holds a task back.
type explainer struct {
	*raftfsm.View
	lastBeat func(session uint64) time.Time
}

// explain returns what holds a task back, most important first. Every message goes on with "Task X …". There is always
// one at least.
func (v explainer) explain(t *task.Task) []*pb.Reason {
	why, suspended := v.Suspended()
	if !suspended || t.State.Finished() || t.State == task.DeadLetter {
		return v.explainState(t)
	}
	text := "waits because the cluster is suspended since " + clock(why.Since)
	if why.Why != "" {
		text += " (" + why.Why + ")"
	}
	return append([]*pb.Reason{{Code: "cluster_suspended", Message: text + ": 'rowlock cluster resume' lets it go on"}}, v.explainState(t)...)
}

func (v explainer) explainState(t *task.Task) []*pb.Reason {
	switch t.State {
	case task.Scheduled:
		return []*pb.Reason{explainScheduled(t)}
	case task.Blocked:
		return []*pb.Reason{{Code: "blocked", Message: v.parents(t)}}
	case task.Running:
		return []*pb.Reason{v.running(t)}
	case task.Completed, task.Cancelled:
		return []*pb.Reason{explainFinished(t)}
	case task.DeadLetter:
		return []*pb.Reason{{Code: "dead_letter", Message: explainDead(t, v.culprit(t))}}
	default:
		return v.pending(t)
	}
}

func explainScheduled(t *task.Task) *pb.Reason {
	r := &pb.Reason{Code: "delayed", Until: timestamp(t.RunAt)}
	r.Message = "is delayed until " + clock(t.RunAt)
	if t.Failures > 0 {
		r.Code = "retry_backoff"
		r.Message = fmt.Sprintf("failed %s of at most %d and is retried at %s", times(int(t.Failures)), t.MaxAttempts, clock(t.RunAt))
		if n := len(t.Errors); n > 0 {
			r.Message += fmt.Sprintf("; the last error was: %s", clip(t.Errors[n-1].Message))
		}
	}
	return r
}

// parents says which tasks a blocked one waits for, and how they are.
func (v explainer) parents(t *task.Task) string {
	const most = 5
	if len(t.DependsOn) == 0 {
		return "waits for other tasks"
	}
	var texts []string
	for _, id := range t.DependsOn[:min(len(t.DependsOn), most)] {
		texts = append(texts, v.parent(t, id))
	}
	if n := len(t.DependsOn) - most; n > 0 {
		texts = append(texts, fmt.Sprintf("and for %s more", countOf(n, "task")))
	}
	return "waits for " + strings.Join(texts, ", ")
}

func (v explainer) parent(t *task.Task, id task.ID) string {
	ends := map[task.EdgeWhen]string{task.OnSuccess: "complete", task.OnFailure: "fail", task.OnAny: "end"}
	when := task.OnSuccess
	for _, e := range t.Parents {
		if e.Parent == id {
			when = e.When
		}
	}
	name, state := id.String(), "deleted"
	if parent, ok, err := v.Task(id); err == nil && ok {
		state = parent.State.String()
		if parent.Ref != "" {
			name += fmt.Sprintf(" %q", parent.Ref)
		}
	}
	return fmt.Sprintf("task %s to %s (it is %s)", name, ends[when], state)
}

func (v explainer) running(t *task.Task) *pb.Reason {
	r := &pb.Reason{Code: "running", Until: timestamp(t.Deadline)}
	r.Message = fmt.Sprintf("runs on worker %s since %s, attempt %d of at most %d", t.Worker, clock(t.StartedAt), t.Attempt, t.MaxAttempts)
	if beat := v.lastBeat(t.Session); !beat.IsZero() {
		r.Message += fmt.Sprintf("; the worker's last heartbeat came at %s", clock(beat.UnixMicro()))
	}
	if t.Progress.At != 0 {
		r.Message += fmt.Sprintf("; it was at %d%% at %s", t.Progress.Percent, clock(t.Progress.At))
	}
	if v.IsStopping(t.ID) {
		r.Message += fmt.Sprintf("; a later tick of schedule %s has asked it to stop, as its overlap policy says", t.Schedule)
	}
	return r
}

func explainFinished(t *task.Task) *pb.Reason {
	text := "completed at " + clock(t.FinishedAt)
	if t.State == task.Cancelled {
		text = "was cancelled at " + clock(t.FinishedAt)
		if t.Reason == task.ReasonSuperseded {
			text = fmt.Sprintf("was cancelled by a later tick of schedule %s, as its overlap policy says, at %s", t.Schedule, clock(t.FinishedAt))
		}
		switch t.Reason {
		case task.ReasonReplaced:
			text = "was replaced by a newer task with its unique key at " + clock(t.FinishedAt)
		case task.ReasonNotNeeded:
			text = fmt.Sprintf("was not needed, as a task whose failure it was for completed, and was cancelled at %s", clock(t.FinishedAt))
		case task.ReasonDependency:
			text = fmt.Sprintf("depends on a task that can't complete any more, and was cancelled at %s", clock(t.FinishedAt))
		}
	}
	return &pb.Reason{Code: "finished", Message: text}
}

// culprit names the parent because of which a task died; empty: it isn't known.
func (v explainer) culprit(t *task.Task) string {
	if t.Reason != task.ReasonDependency {
		return ""
	}
	whens := map[task.ID]task.EdgeWhen{}
	for _, e := range t.Parents {
		whens[e.Parent] = e.When
	}
	for _, p := range v.Parents(t.ID) {
		if whens[p.ID] != task.OnSuccess || p.State == task.Completed {
			continue
		}
		name, state := p.ID.String(), p.State.String()
		if p.Ref != "" {
			name += fmt.Sprintf(" %q", p.Ref)
		}
		if p.State == task.None {
			state = "deleted"
		}
		return fmt.Sprintf("depends on task %s (%s)", name, state)
	}
	return ""
}

func explainDead(t *task.Task, culprit string) string {
	why := "ended without success"
	switch t.Reason {
	case task.ReasonFailed:
		why = "failed for good, as its worker said,"
	case task.ReasonExhausted:
		why = fmt.Sprintf("failed %s, which is all the attempts it has", times(int(t.Failures)))
	case task.ReasonExpired:
		why = "didn't start before its time to live passed"
	case task.ReasonPoison:
		why = fmt.Sprintf("saw %s die while running it", countOf(uint32(t.WorkerDeaths), "worker"))
	case task.ReasonDependency:
		why = "depends on a task that can't complete any more"
		if culprit != "" {
			why = culprit
		}
	}
	text := fmt.Sprintf("%s and is in the dead letter queue since %s", why, clock(t.FinishedAt))
	if t.OriginQueue != "" {
		text += fmt.Sprintf("; it died in queue %s, to which a retry sends it back", t.OriginQueue)
	}
	if n := len(t.Errors); n > 0 {
		text += fmt.Sprintf("; the last error was: %s", clip(t.Errors[n-1].Message))
	}
	return text
}

func serves(s *task.Session, queue string) bool {
	for _, q := range s.Queues {
		if q.Queue == queue {
			return true
		}
	}
	return false
}

func takesKind(s *task.Session, kind string) bool {
	t := taker{kinds: s.Kinds}
	return t.takes(kind)
}

func clock(t task.Time) string { return time.UnixMicro(t).UTC().Format("2006-01-02 15:04:05 UTC") }

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
