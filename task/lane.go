package task

// priorities is how many there are: 0 to 9, and 9 is leased first.
const priorities = 10

// laneKey is what the tasks of a lane share, so that whether a session may take them is decided once for all of them.
type laneKey struct {
	queue    uint32
	kind     uint32
	suspect  bool // they have seen a worker die
	priority uint8
}

// lane is a list of pending tasks with one key, in their ready order. A lane that is empty doesn't exist.
type lane struct {
	laneKey
	head, tail slot
	count      uint32
	place      uint32 // in its queue's heap
}

// laneHeap has the non-empty lanes of one queue, priority and suspicion, the one with the oldest head first.
type laneHeap []uint32

// lanes has all lanes. Lane numbers are reused and differ between members.
type lanes struct {
	all   []lane
	free  []uint32
	byKey map[laneKey]uint32
	tasks *slab
}

func (l *lanes) headOrder(n uint32) int64 { return l.tasks.at(l.all[n].head).order }

// get returns the lane of the key, made if need be; made says whether the caller must put it on its queue's heap.
func (l *lanes) get(k laneKey) (n uint32, made bool) {
	if n, ok := l.byKey[k]; ok {
		return n, false
	}
	if last := len(l.free) - 1; last >= 0 {
		n, l.free = l.free[last], l.free[:last]
	} else {
		n = uint32(len(l.all))
		l.all = append(l.all, lane{})
	}
	l.all[n] = lane{laneKey: k}
	l.byKey[k] = n
	return n, true
}

func (l *lanes) drop(n uint32) {
	delete(l.byKey, l.all[n].laneKey)
	l.all[n] = lane{}
	l.free = append(l.free, n)
}

func (l *lanes) up(h laneHeap, i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if l.headOrder(h[i]) >= l.headOrder(h[parent]) {
			break
		}
		l.swap(h, i, parent)
		i = parent
	}
}

func (l *lanes) down(h laneHeap, i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h); c++ {
			if l.headOrder(h[c]) < l.headOrder(h[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		l.swap(h, i, least)
		i = least
	}
}

func (l *lanes) swap(h laneHeap, i, j int) {
	h[i], h[j] = h[j], h[i]
	l.all[h[i]].place = uint32(i)
	l.all[h[j]].place = uint32(j)
}

// fix restores the heap's order after the head of the lane changed.
func (l *lanes) fix(h laneHeap, n uint32) {
	l.up(h, int(l.all[n].place))
	l.down(h, int(l.all[n].place))
}

func (l *lanes) push(h *laneHeap, n uint32) {
	l.all[n].place = uint32(len(*h))
	*h = append(*h, n)
	l.up(*h, len(*h)-1)
}

func (l *lanes) remove(h *laneHeap, n uint32) {
	i, last := int(l.all[n].place), len(*h)-1
	if i != last {
		l.swap(*h, i, last)
	}
	*h = (*h)[:last]
	if i != last {
		l.fix(*h, (*h)[i])
	}
}

// link puts a task into its lane: at the front if its order is below the head's, else at the back.
//
// Invariant: a lane's orders ascend. They do as an order is either below all earlier ones or above them; when a state
// file is loaded, tasks are linked by ascending order.
func (m *Machine) link(s slot, r *record) {
	q := m.queues[r.queue]
	key := laneKey{queue: r.queue, kind: r.kind, suspect: r.deaths > 0, priority: r.priority}
	n, made := m.lanes.get(key)
	l := &m.lanes.all[n]
	l.count++
	r.owner, r.next, r.prev = n, 0, 0
	h := q.heap(key)
	switch {
	case made:
		l.head, l.tail = s, s
		m.lanes.push(h, n)
		q.nonEmpty[b2i(key.suspect)] |= 1 << key.priority
	case r.order < m.tasks.at(l.head).order:
		r.next = l.head
		m.tasks.at(l.head).prev = s
		l.head = s
		m.lanes.fix(*h, n)
	default:
		r.prev = l.tail
		m.tasks.at(l.tail).next = s
		l.tail = s
	}
}

// unlink takes a task out of its lane.
func (m *Machine) unlink(r *record) {
	n := r.owner
	l := &m.lanes.all[n]
	q := m.queues[r.queue]
	h := q.heap(l.laneKey)
	if l.count--; l.count == 0 {
		m.lanes.remove(h, n)
		if len(*h) == 0 {
			q.nonEmpty[b2i(l.suspect)] &^= 1 << l.priority
		}
		m.lanes.drop(n)
	} else {
		if r.next != 0 {
			m.tasks.at(r.next).prev = r.prev
		} else {
			l.tail = r.prev
		}
		if r.prev != 0 {
			m.tasks.at(r.prev).next = r.next
		} else {
			l.head = r.next
			m.lanes.fix(*h, n)
		}
	}
	r.owner, r.next, r.prev = 0, 0, 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
