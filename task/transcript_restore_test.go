package task_test

import "github.com/rowlock/rowlock/task"

// restoreQuestion begins a new timeline with the state as it is, at the story's time.
func (s *stage) restoreQuestion(a *arguments) func() {
	r := task.Restoration{Timeline: a.number("timeline"), Why: a.value("why")}
	return func() {
		r.Now, r.Index = s.clock, s.entries
		s.restore(s.t, r)
		s.cluster()
	}
}

// cluster prints what restores have made of the state.
func (s *stage) cluster() {
	t := s.machine().Timeline()
	s.printf("timeline %d of %d, from entry %d at %s", t.ID, t.Parent, t.Index, clock(t.Time))
	if why, suspended := s.machine().Suspended(); suspended {
		s.printf("suspended since %s: %s", clock(why.Since), why.Why)
	}
}
