package task

import "slices"

// stage has the open classes of a queue's pending tasks that require the same labels: what a worker may have is decided once for
// all of them.
type stage struct {
	requirement uint32 // the number of the labels; 0: none
	require     []Label
	heaps       [2][priorities][]uint32 // by suspicion and priority
	nonEmpty    [2]uint16               // bits of the priorities that have an open class
	ready       [2]uint64               // tasks that may be leased, by suspicion
	classes     int                     // open or not
}

// stageOf returns the stage of some required labels, made if need be.
func (q *queue) stageOf(requirement uint32, require []Label) *stage {
	for _, s := range q.stages {
		if s.requirement == requirement {
			return s
		}
	}
	s := &stage{requirement: requirement, require: cloneLabels(require)}
	q.stages = append(q.stages, s)
	return s
}

// leaveStage forgets a stage without classes; that of tasks without requirements stays.
func (q *queue) leaveStage(s *stage) {
	if s.classes--; s.classes == 0 && s.requirement != 0 {
		q.stages = slices.DeleteFunc(q.stages, func(o *stage) bool { return o == s })
	}
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
