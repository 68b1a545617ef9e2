package task_test

import (
	"cmp"
	"time"

	"github.com/rowlock/rowlock/task"
)

func goDuration(d task.Duration) time.Duration { return time.Duration(d) * time.Microsecond }

// followRetention takes the machine's word for where a history begins, within what its retention allows: nothing
// younger than its age goes unless the history is too long, and once a block is full, what is too old doesn't stay.
func (m *model) followRetention(t reporter, q *modelQueue, first uint64) {
	t.Helper()
	if m.suspended() && first != q.History.First {
		t.Fatalf("queue %s: history was dropped while the cluster is suspended", q.Name)
	}
	age := cmp.Or(q.Settings.RetentionAge, defaultRetentionAge)
	limited := q.Settings.RetentionBytes != 0 || q.Settings.RetentionTasks != 0
	for id, f := range m.finished {
		if f.QueueNumber != q.Number || f.HistorySequence >= first {
			continue
		}
		if tooYoung := f.FinishedAt+age > m.now; tooYoung && !limited {
			t.Fatalf("queue %s: task %d of the history was dropped %v after its end, retention is %v",
				q.Name, id, goDuration(m.now-f.FinishedAt), goDuration(age))
		}
		delete(m.finished, id)
	}
	q.History.First = first
}
