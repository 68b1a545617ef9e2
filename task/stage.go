package task

import "slices"

// stage has the open classes of a queue's pending tasks that require the same labels and are reserved for the same session:
// what a worker may have is decided once for all of them.
type stage struct {
	number   uint32
	key      stageKey
	require  []Label
	heaps    [2][priorities][]uint32 // by suspicion and priority
	nonEmpty [2]uint16               // bits of the priorities that have an open class
	ready    [2]uint64               // tasks that may be leased, by suspicion
	classes  int                     // open or not
}

// stageKey is what the tasks of a stage share.
type stageKey struct {
	requirement uint32 // the number of the required labels; 0: none
	session     uint64 // that they are reserved for; 0: none
}

// stages numbers them. Numbers are reused and differ between members.
type stages struct {
	all  []*stage // 0 is none
	free []uint32
}

// newStage makes a queue's stage.
func (m *Machine) newStage(q *queue, key stageKey, require []Label) *stage {
	s := &stage{key: key, require: cloneLabels(require)}
	t := &m.stages
	if last := len(t.free) - 1; last >= 0 {
		s.number, t.free = t.free[last], t.free[:last]
		t.all[s.number] = s
	} else {
		s.number = uint32(len(t.all))
		t.all = append(t.all, s)
	}
	q.stages = append(q.stages, s)
	if key != (stageKey{}) {
		q.stageOf[key] = s
	}
	return s
}

// openStages gives a queue its first stage.
func (m *Machine) openStages(q *queue) {
	q.stageOf = map[stageKey]*stage{}
	m.newStage(q, stageKey{}, nil)
}

// stageFor returns the stage of a task, made if need be.
func (m *Machine) stageFor(q *queue, key stageKey, require []Label) *stage {
	if key == (stageKey{}) {
		return q.stages[0]
	}
	if s := q.stageOf[key]; s != nil {
		return s
	}
	return m.newStage(q, key, require)
}

// leaveStage forgets a stage without classes; that of the tasks that anybody may have stays.
func (m *Machine) leaveStage(q *queue, s *stage) {
	if s.classes--; s.classes > 0 || s.key == (stageKey{}) {
		return
	}
	delete(q.stageOf, s.key)
	q.stages = slices.DeleteFunc(q.stages, func(o *stage) bool { return o == s })
	m.stages.all[s.number] = nil
	m.stages.free = append(m.stages.free, s.number)
}

// arrange puts a class where it belongs.
func (s *stage) arrange(t *tree, class uint32, open bool) {
	n := &t.all[class]
	h := &s.heaps[b2i(n.suspect)][n.priority]
	t.arrange(h, class, open)
	if len(*h) > 0 {
		s.nonEmpty[b2i(n.suspect)] |= 1 << n.priority
	} else {
		s.nonEmpty[b2i(n.suspect)] &^= 1 << n.priority
	}
}

// mayTake reports whether a session may have the tasks of a stage. What is reserved for a session that has ended is anybody's.
func (m *Machine) mayTake(s *session, st *stage) bool {
	if st.key.session != 0 && st.key.session != s.id {
		if _, open := m.sessions.byID[st.key.session]; open {
			return false
		}
	}
	return s.satisfies(st.require)
}
