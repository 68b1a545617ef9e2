package task_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/rowlock/rowlock/task"
)

// reporter is what rapid.T and testing.T have in common.
type reporter interface {
	Helper()
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// same compares what people would see: an empty list is as good as none.
func same(t reporter, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

// compare holds every view of the machine against the model.
func compare(t reporter, r *replica, m *model) {
	t.Helper()
	same(t, "state time", r.machine.Now(), m.now)
	same(t, "feature level", r.machine.FeatureLevel(), m.level)
	next, imports := r.machine.ImportMark()
	same(t, "mark of imports", []uint64{uint64(next), imports}, []uint64{uint64(m.lastID) + 1, m.imports})
	same(t, "archived", r.machine.Archived(), m.archived)
	compareRestore(t, r, m)
	same(t, "number of live tasks", r.machine.LiveTasks(), uint64(len(m.live)))
	compareQueues(t, r, m) // first, as it follows what retention drops
	compareTasks(t, r, m)
	compareSessions(t, r, m)
	compareOperations(t, r, m)
	compareGraphs(t, r, m)
	compareBatches(t, r, m)
	compareTimer(t, r, m)
	compareSchedules(t, r, m)
	compareEvents(t, r, m)
}

func compareTasks(t reporter, r *replica, m *model) {
	t.Helper()
	for _, id := range m.everyID() {
		want, live := m.live[id]
		switch finished, ok := m.finished[id]; {
		case live:
			compareTask(t, r, want.Task)
		case ok && finished.HistorySequence >= m.queues[finished.QueueNumber-1].History.First:
			compareTask(t, r, finished)
		default:
			if got, ok := r.machine.Task(id); ok && !got.State.Finished() {
				t.Fatalf("task %d is live but shouldn't be: %+v", id, got)
			}
		}
		session, token, leased := r.machine.LeaseOf(id)
		if isRunning := live && want.State == task.Running; leased != isRunning {
			t.Fatalf("task %d: leased is %v, want %v", id, leased, isRunning)
		} else if leased {
			same(t, fmt.Sprintf("lease of task %d", id), []uint64{session, token}, []uint64{want.Session, want.Token})
		}
		comparePosition(t, r, m, id)
	}
	compareList(t, r, m)
}

func compareTask(t reporter, r *replica, want task.Task) {
	t.Helper()
	got, ok, err := r.task(want)
	if err != nil {
		t.Fatalf("task %d: %v", want.ID, err)
	}
	if !ok {
		t.Fatalf("task %d is lost, want %+v", want.ID, want)
	}
	same(t, fmt.Sprintf("task %d", want.ID), got, want)
}

// comparePosition checks how many pending tasks are leased before one.
func comparePosition(t reporter, r *replica, m *model, id task.ID) {
	t.Helper()
	const most = 3
	got, ok := r.machine.Position(id, most)
	of, live := m.live[id]
	if pending := live && of.State == task.Pending; ok != pending {
		t.Fatalf("task %d: has a position: %v, want %v", id, ok, pending)
	} else if !ok {
		return
	}
	keys := map[string]bool{}
	ahead := m.liveWhere(func(o *modelTask) bool {
		if o.State != task.Pending || o.Queue != of.Queue {
			return false
		}
		keys[o.flow.fairKey] = true
		return o.flow.fairKey == of.flow.fairKey && m.before(o, of)
	})
	want := task.Place{Ahead: min(most, len(ahead)), Keys: len(keys)}
	if m.queueOf(of).Settings.PriorityAging > 0 { // it counts along the lanes, of which later ones may be older
		got.Ahead = want.Ahead
	}
	same(t, fmt.Sprintf("position of task %d", id), got, want)
}

// compareList pages through all live tasks and through some filters.
func compareList(t reporter, r *replica, m *model) {
	t.Helper()
	filters := []task.ListFilter{{Limit: 3, Scan: 5}, {Limit: 100, Scan: 2, States: []task.State{task.Pending, task.Running}}}
	for _, q := range m.queues {
		filters = append(filters, task.ListFilter{Queue: q.Name, Limit: 2, Scan: 1000})
	}
	for id := range m.batches {
		filters = append(filters, task.ListFilter{Batch: id, Limit: 2, Scan: 100})
	}
	filters = append(filters,
		task.ListFilter{Kind: "b", Limit: 1, Scan: 100},
		task.ListFilter{Worker: "w1", Limit: 10, Scan: 100, States: []task.State{task.Running}},
		task.ListFilter{QuietFor: m.now - second, Limit: 10, Scan: 100},
		task.ListFilter{Below: m.lastID / 2, Limit: 2, Scan: 100, OmitPayload: true})
	for _, f := range filters {
		var want, got []task.ID
		for _, l := range m.liveWhere(func(l *modelTask) bool { return selects(f, l.Task) }) {
			want = append(want, l.ID)
		}
		for page := f; ; {
			tasks, cursor := r.machine.List(page)
			if len(tasks) > page.Limit {
				t.Fatalf("list %+v returned %d tasks", page, len(tasks))
			}
			for _, l := range tasks {
				got = append(got, l.ID)
			}
			if cursor == 0 {
				break
			}
			if cursor <= page.After {
				t.Fatalf("list %+v: the cursor stays at %d", page, cursor)
			}
			page.After = cursor
		}
		same(t, fmt.Sprintf("list %+v", f), got, want)
	}
}

// selects says what each field of a list filter means.
func selects(f task.ListFilter, t task.Task) bool {
	return (f.Queue == "" || t.Queue == f.Queue) &&
		(f.Kind == "" || t.Kind == f.Kind) &&
		(len(f.States) == 0 || slices.Contains(f.States, t.State)) &&
		(f.Batch == 0 || t.Batch == f.Batch) &&
		(f.Worker == "" || t.Worker == f.Worker) &&
		(f.Below == 0 || t.ID < f.Below) &&
		(f.QuietFor == 0 || (t.State == task.Running && max(t.StartedAt, t.Progress.At) < f.QuietFor))
}

func compareQueues(t reporter, r *replica, m *model) {
	t.Helper()
	for _, q := range m.queues {
		got, ok := r.machine.Queue(q.Name)
		if !ok {
			t.Fatalf("queue %s is lost", q.Name)
		}
		if got.History.First < q.History.First {
			t.Fatalf("queue %s: the watermark went back from %d to %d", q.Name, q.History.First, got.History.First)
		}
		m.followRetention(t, q, got.History.First)
		want := m.queueView(q)
		want.History.Bytes = got.History.Bytes
		same(t, "queue "+q.Name, got, want)
		byNumber, _ := r.machine.QueueByNumber(q.Number)
		same(t, fmt.Sprintf("queue number %d", q.Number), byNumber, want)
	}
	if q, ok := r.machine.QueueByNumber(uint32(len(m.queues) + 1)); ok {
		t.Fatalf("there is a queue too many: %+v", q)
	}
	var names []string
	for page := ""; ; {
		qs := r.machine.Queues(page, 2)
		for _, q := range qs {
			names = append(names, q.Name)
		}
		if len(qs) < 2 {
			break
		}
		page = names[len(names)-1]
	}
	same(t, "names of the queues", names, slices.Sorted(func(yield func(string) bool) {
		for _, q := range m.queues {
			if !yield(q.Name) {
				return
			}
		}
	}))
}

// queueView counts what the machine keeps counts of.
func (m *model) queueView(q *modelQueue) task.Queue {
	v := q.Queue
	firsts := map[string]*modelTask{} // by what makes tasks alike
	for _, t := range m.live {
		if t.Queue != q.Name {
			continue
		}
		v.Live[t.State]++
		if t.State != task.DeadLetter {
			v.Bytes += uint64(t.PayloadLen)
		}
		if t.State != task.Pending {
			continue
		}
		line := fmt.Sprint(t.Kind, t.Priority, t.WorkerDeaths > 0, t.flow.fairKey, t.flow.singleton, t.flow.require, t.reserved)
		if f := firsts[line]; f == nil || t.ready < f.ready {
			firsts[line] = t
		}
	}
	for _, t := range firsts {
		if v.OldestAt == 0 || t.EnqueuedAt < v.OldestAt {
			v.OldestAt = t.EnqueuedAt
		}
	}
	return v
}

func compareSessions(t reporter, r *replica, m *model) {
	t.Helper()
	var want []task.Session
	for _, s := range m.sessions {
		view, refs := s.Session, []task.LeaseRef(nil)
		for _, l := range m.leases(s.ID) {
			view.Running++
			view.Digest ^= task.LeaseDigest(l.Token)
			refs = append(refs, task.LeaseRef{ID: l.ID, Token: l.Token})
		}
		want = append(want, view)
		got, _ := r.machine.Session(s.ID)
		same(t, fmt.Sprintf("session %d", s.ID), got, view)
		same(t, fmt.Sprintf("leases of session %d", s.ID), r.machine.SessionLeases(s.ID), refs)
		n, digest, ok := r.machine.SessionHeld(s.ID)
		same(t, fmt.Sprintf("held by session %d", s.ID), []any{n, digest, ok}, []any{int(view.Running), view.Digest, true})
		same(t, fmt.Sprintf("pending for session %d", s.ID), r.machine.PendingFor(s.ID), m.pendingFor(s))
	}
	same(t, "sessions", r.machine.Sessions(), want)
	unknown := m.lastSession + 1
	_, there := r.machine.Session(unknown)
	_, _, held := r.machine.SessionHeld(unknown)
	same(t, "an unknown session", []any{there, held, r.machine.PendingFor(unknown), len(r.machine.SessionLeases(unknown))}, []any{false, false, uint64(0), 0})
}

func (m *model) pendingFor(s *modelSession) uint64 {
	n, suspects := uint64(0), uint64(0)
	if m.suspended() {
		return 0
	}
	for _, q := range s.Queues {
		ready := 0
		for _, t := range m.eligible(s, q.Queue) {
			if t.WorkerDeaths > 0 {
				suspects = 1 // it gets one at most
			} else {
				ready++
			}
		}
		if ready > 0 {
			n += uint64(min(ready, m.room(m.queue(q.Queue))))
		}
	}
	return n + suspects
}

// compareTimer checks that a Tick comes in time for everything that is due at a moment. Housekeeping may ask for one
// earlier, but never in the past right after a Tick.
func compareTimer(t reporter, r *replica, m *model) {
	t.Helper()
	got, ok := r.machine.NextTimer()
	if m.suspended() {
		same(t, "a timer while the cluster is suspended", ok, false)
		return
	}
	want := m.nextTimer()
	if want != 0 && (!ok || got > max(want, m.now)) {
		t.Fatalf("the next timer is at %d (%v), want %d at the latest", got, ok, want)
	}
}

// nextTimer is when the next Tick changes something; 0: never.
func (m *model) nextTimer() task.Time {
	next := task.Time(0)
	at := func(when task.Time) {
		if when != 0 && (next == 0 || when < next) {
			next = when
		}
	}
	for _, t := range m.live {
		at(timer(t))
	}
	for _, o := range m.openings() {
		at(o.at)
	}
	if len(m.cascades) > 0 || len(m.purges) > 0 {
		at(m.now)
	}
	for _, s := range m.schedules {
		if m.startable(s) {
			at(m.now)
		}
	}
	for b := range maps.Values(m.batches) {
		if b.cancelling {
			at(m.now)
		}
		at(b.goesAt())
		at(m.expiry(b))
		for _, c := range b.Callbacks {
			at(c.NextAt)
		}
	}
	for p := range maps.Values(m.producers) {
		at(p.seen + producerIdle)
	}
	for _, w := range m.workflows {
		if w.cancelling {
			at(m.now)
		}
		if w.endedAt != 0 {
			at(w.endedAt + workflowKept)
		}
	}
	for _, r := range m.requests {
		at(r.at + requestKept)
	}
	for _, o := range m.operations {
		if o.State.Ended() {
			at(o.EndedAt + operationKept)
		}
	}
	return next
}
