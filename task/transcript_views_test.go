package task_test

import (
	"fmt"
	"strings"

	"github.com/rowlock/rowlock/task"
)

// question makes what a line asks, or nil if it is a command.
func (s *stage) question(a *arguments) func() {
	switch a.verb {
	case "wait":
		d := a.parseDuration(a.word())
		return func() { s.wait(d) }
	case "show":
		ids := a.ids()
		return func() {
			for _, id := range ids {
				s.showTask(id)
			}
		}
	case "list":
		f := task.ListFilter{Queue: a.value("queue"), Kind: a.value("kind"), Limit: 100, Scan: 1000}
		return func() { s.list(f) }
	case "counts":
		queue := a.word()
		return func() { s.counts(queue) }
	case "history":
		queue := a.word()
		return func() { s.history(queue) }
	case "archived":
		return func() { s.printf("archived up to entry %d", s.machine().Archived().Index) }
	case "restore":
		return s.restoreQuestion(a)
	case "cluster":
		return s.cluster
	case "feature-level":
		return func() { s.printf("feature level %d", s.machine().FeatureLevel()) }
	case "events":
		from := a.value("after")
		f := task.EventFilter{Queue: a.value("queue"), TaskKind: a.value("kind"), Progress: true}
		if ids := a.ids(); len(ids) > 0 {
			f.IDs = map[task.ID]struct{}{}
			for _, id := range ids {
				f.IDs[id] = struct{}{}
			}
		}
		return func() { s.events(f, from) }
	case "show-batch":
		id := task.ID(a.parseNumber(a.word()))
		return func() { s.showBatch(id) }
	case "sessions":
		return s.sessions
	case "operation":
		id := task.ID(a.parseNumber(a.word()))
		return func() { s.operation(id) }
	case "workflow":
		id := task.ID(a.parseNumber(a.word()))
		return func() { s.showWorkflow(id) }
	case "parents":
		id := task.ID(a.parseNumber(a.word()))
		return func() { s.showParents(id) }
	case "position":
		id := task.ID(a.parseNumber(a.word()))
		return func() {
			if n, ok := s.machine().Position(id, 100); ok {
				keys := ""
				if n.Keys > 1 {
					keys = fmt.Sprintf(", %d keys take turns", n.Keys)
				}
				s.printf("task %d: %d before it%s", id, n.Ahead, keys)
			} else {
				s.printf("task %d: not pending", id)
			}
		}
	case "timer":
		return func() {
			at, _ := s.machine().NextTimer()
			s.printf("next timer: %s", clock(at))
		}
	case "checkpoint":
		return func() { a.check(s.replicas[0].checkpoint()) }
	case "restart":
		return func() {
			a.check(s.replicas[0].restart())
			s.printf("%d entries replayed", len(s.replicas[0].log))
		}
	case "term":
		term := a.parseNumber(a.word())
		return func() { s.term = term }
	}
	return s.scheduleQuestion(a)
}

func (s *stage) list(f task.ListFilter) {
	tasks, _ := s.machine().List(f)
	for _, t := range tasks {
		s.printf("task %d: %s", t.ID, summary(t))
	}
	if len(tasks) == 0 {
		s.printf("none")
	}
}

// showTask prints all that matters of a task, live or in the history.
func (s *stage) showTask(id task.ID) {
	want := task.Task{ID: id}
	if f, ok := s.model.finished[id]; ok {
		want = f
	}
	t, ok, err := s.replicas[0].task(want)
	if err != nil {
		s.t.Fatal(err)
	}
	if !ok {
		s.printf("task %d: not there", id)
		return
	}
	s.printf("task %d: %s", id, summary(t))
	for _, line := range details(t) {
		s.printf("  %s", line)
	}
}

func summary(t task.Task) string {
	state := t.State.String()
	if t.Reason != task.NoReason {
		state += " (" + t.Reason.String() + ")"
	}
	if t.State == task.Scheduled {
		state += " at " + clock(t.RunAt)
	}
	return fmt.Sprintf("%s in %s, attempt %d of %d", state, t.Queue, t.Attempt, t.MaxAttempts)
}

func details(t task.Task) []string {
	var lines []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	add(t.Priority != 5, "priority %d", t.Priority)
	add(t.Failures > 0, "failures %d", t.Failures)
	add(t.WorkerDeaths > 0, "worker deaths %d of %d", t.WorkerDeaths, t.MaxWorkerDeaths)
	add(t.State == task.Running, "session %d, worker %s, token %d, deadline %s", t.Session, t.Worker, t.Token, clock(t.Deadline))
	add(t.Progress.At != 0, "progress %d%% %q at %s", t.Progress.Percent, t.Progress.Message, clock(t.Progress.At))
	add(t.ExpiresAt != 0, "expires at %s", clock(t.ExpiresAt))
	add(t.FinishedAt != 0, "finished at %s", clock(t.FinishedAt))
	add(t.UniqueKey != "", "unique key %s", t.UniqueKey)
	add(t.OriginQueue != "", "died in %s", t.OriginQueue)
	add(len(t.DependsOn) > 0, "after %s", idList(t.DependsOn))
	add(t.Schedule != "", "tick of %s at %s", t.Schedule, clock(t.NominalTime))
	add(t.RetryOf != 0, "retry of %d", t.RetryOf)
	add(t.Batch != 0, "in batch %d", t.Batch)
	add(t.CallbackOf != 0, "%s of batch %d", t.Callback, t.CallbackOf)
	add(len(t.Result) > 0, "result %q", t.Result)
	for _, e := range t.Errors {
		add(true, "error at %s, attempt %d on %s: %s: %s", clock(e.At), e.Attempt, e.Worker, e.Cause, e.Message)
	}
	return lines
}

func idList(ids []task.ID) string {
	var words []string
	for _, id := range ids {
		words = append(words, fmt.Sprint(uint64(id)))
	}
	return strings.Join(words, ", ")
}

func (s *stage) counts(queue string) {
	q, ok := s.machine().Queue(queue)
	if !ok {
		s.printf("no such queue")
		return
	}
	var live []string
	for state, n := range q.Live {
		if n > 0 {
			live = append(live, fmt.Sprintf("%s %d", task.State(state), n))
		}
	}
	if len(live) == 0 {
		live = []string{"none"}
	}
	s.printf("live: %s", strings.Join(live, ", "))
	s.printf("totals: enqueued %d, completed %d, cancelled %d, deleted %d, dead letters %d, failures %d",
		q.Enqueued, q.Completed, q.Cancelled, q.Deleted, q.DeadLettered, q.Failures)
}

// history prints what the queue's history holds, on disk and not yet.
func (s *stage) history(queue string) {
	q, _ := s.machine().Queue(queue)
	n := 0
	for sequence := q.History.First; sequence < q.History.Next; sequence++ {
		t, ok, err := s.replicas[0].disk.finished(q.Number, sequence)
		if err != nil {
			s.t.Fatal(err)
		}
		if recent := s.machine().RecentFinished(q.Number, sequence, 1); !ok && len(recent) == 1 && recent[0].HistorySequence == sequence {
			t, ok = recent[0], true
		}
		if ok {
			s.printf("%d: task %d %s", sequence, t.ID, summary(t))
			n++
		}
	}
	if n == 0 {
		s.printf("empty")
	}
}

func (s *stage) sessions() {
	all := s.machine().Sessions()
	for _, v := range all {
		line := fmt.Sprintf("session %d: worker %s holds %d, could lease %d", v.ID, v.Worker, v.Running, s.machine().PendingFor(v.ID))
		if v.SilentSince != 0 {
			line += ", silent since " + clock(v.SilentSince)
		}
		if v.Draining {
			line += ", draining"
		}
		s.printf("%s", line)
	}
	if len(all) == 0 {
		s.printf("none")
	}
}

// events prints what happened after a position; without one: in the last entry.
func (s *stage) events(f task.EventFilter, from string) {
	after := task.EndOf(s.model.index - 1)
	if from != "" {
		var err error
		if after, err = task.ParsePosition(from); err != nil {
			s.t.Fatal(err)
		}
	}
	events, next, err := s.machine().Events(&f, after, 100, 1000)
	if err != nil {
		s.printf("%v", err)
		return
	}
	for _, e := range events {
		line := fmt.Sprintf("%v: task %d in %s", e.Position, e.ID, e.Queue)
		switch e.Kind {
		case task.EventMoved:
			line += fmt.Sprintf(", from %s: %v", e.FromQueue, e.To)
		case task.EventProgress:
			line += fmt.Sprintf(": %d%%", e.Percent)
		default:
			line += fmt.Sprintf(": %v to %v", e.From, e.To)
		}
		if e.Reason != task.NoReason {
			line += " (" + e.Reason.String() + ")"
		}
		s.printf("%s, attempt %d, failures %d", line, e.Attempt, e.Failures)
	}
	s.printf("next: %v", next)
}
