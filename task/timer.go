package task

// timerArity is the number of children of a node of the timer heap; four keeps siblings in one cache line.
const timerArity = 4

type timer struct {
	at   Time
	slot slot
}

// timers is a heap of the tasks' next deadlines, each task at most once: a scheduled task's run time, a running one's
// time-out, a waiting one's expiry. Its order is (at, ID), and so the same on every member.
type timers struct {
	heap  []timer
	tasks *slab
}

func (t *timers) less(a, b timer) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return t.tasks.at(a.slot).id < t.tasks.at(b.slot).id
}

func (t *timers) place(i int, v timer) {
	t.heap[i] = v
	t.tasks.at(v.slot).timer = uint32(i + 1)
}

func (t *timers) up(i int) {
	v := t.heap[i]
	for i > 0 {
		parent := (i - 1) / timerArity
		if !t.less(v, t.heap[parent]) {
			break
		}
		t.place(i, t.heap[parent])
		i = parent
	}
	t.place(i, v)
}

func (t *timers) down(i int) {
	v := t.heap[i]
	for {
		first := i*timerArity + 1
		if first >= len(t.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+timerArity, len(t.heap)); c++ {
			if t.less(t.heap[c], t.heap[least]) {
				least = c
			}
		}
		if !t.less(t.heap[least], v) {
			break
		}
		t.place(i, t.heap[least])
		i = least
	}
	t.place(i, v)
}

// set gives the task its one timer; 0 takes it away.
func (t *timers) set(s slot, at Time) {
	r := t.tasks.at(s)
	if at == 0 {
		t.clear(r)
		return
	}
	if r.timer == 0 {
		t.heap = append(t.heap, timer{at: at, slot: s})
		t.up(len(t.heap) - 1)
		return
	}
	i := int(r.timer - 1)
	if t.heap[i].at == at {
		return
	}
	earlier := at < t.heap[i].at
	t.heap[i].at = at
	if earlier {
		t.up(i)
	} else {
		t.down(i)
	}
}

func (t *timers) clear(r *record) {
	if r.timer == 0 {
		return
	}
	i := int(r.timer - 1)
	r.timer = 0
	last := len(t.heap) - 1
	moved := t.heap[last]
	t.heap = t.heap[:last]
	if i == last {
		return
	}
	t.heap[i] = moved
	t.tasks.at(moved.slot).timer = uint32(i + 1)
	t.up(i)
	t.down(int(t.tasks.at(moved.slot).timer - 1))
}

// next returns the earliest timer.
func (t *timers) next() (timer, bool) {
	if len(t.heap) == 0 {
		return timer{}, false
	}
	return t.heap[0], true
}
