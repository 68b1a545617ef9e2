package worker

// fifo is a queue of leases in the order of their arrival, in a ring that grows by doubling.
type fifo struct {
	ring  []*lease // its length is a power of two
	first int
	count int
}

func (q *fifo) len() int { return q.count }

// push adds at the end.
func (q *fifo) push(l *lease) {
	if q.count == len(q.ring) {
		bigger := make([]*lease, max(64, 2*len(q.ring)))
		n := copy(bigger, q.ring[q.first:])
		copy(bigger[n:], q.ring[:q.first])
		q.ring, q.first = bigger, 0
	}
	q.ring[(q.first+q.count)&(len(q.ring)-1)] = l
	q.count++
}

// pop takes from the front of a queue that isn't empty.
func (q *fifo) pop() *lease {
	l := q.ring[q.first]
	q.ring[q.first] = nil
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.count--
	return l
}

// front is what pop would return; nil: the queue is empty.
func (q *fifo) front() *lease {
	if q.count == 0 {
		return nil
	}
	return q.ring[q.first]
}
