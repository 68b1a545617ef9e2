package task

import "strings"

// maxSuspendedWhy is how long the text is, in bytes, that says why a cluster is suspended.
const maxSuspendedWhy = 1 << 10

// Suspension is the state in which a restored cluster begins: tasks are taken and changed by calls, and nothing happens by
// itself. No task is handed out; timers, schedules, bulk operations, callbacks and retention stand still. Worker sessions
// still open and expire.
//
// Invariant: no task runs while the cluster is suspended.
type Suspension struct {
	Since Time // state time; 0: the cluster isn't suspended
	Why   string
}

// ResumeCluster ends the suspension: Items[0].Other is 1, or 0 if there was none. What is overdue happens from then on as after
// an outage of that length.
type ResumeCluster struct{}

// Suspended returns since when and why the cluster is suspended; false: it isn't.
func (m *Machine) Suspended() (Suspension, bool) { return m.suspension, m.suspended() }

func (m *Machine) suspended() bool { return m.suspension.Since != 0 }

func (m *Machine) suspend(since Time, why string) {
	m.suspension = Suspension{Since: max(since, 1), Why: strings.Clone(cut(why, maxSuspendedWhy))}
}

// resumeCluster lets everything go on. The queues that have something to lease are announced, and what retention kept
// meanwhile is looked at.
func (m *Machine) resumeCluster() Result {
	if !m.suspended() {
		return Result{Items: []Item{{}}}
	}
	m.suspension = Suspension{}
	for _, q := range m.queues[1:] {
		if q.live[Pending] > 0 {
			m.announce(q)
		}
		m.retain(q)
	}
	return Result{Items: []Item{{Other: 1}}}
}
