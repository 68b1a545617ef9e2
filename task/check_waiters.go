package task

import "slices"

// waiters checks that every callback that waits for room in a queue is found when there is some.
func (c *checker) waiters() {
	m := c.m
	waiting := map[waiter]bool{}
	for _, q := range m.queues[1:] {
		least := waiter{}
		for _, w := range q.waiting {
			b := m.batches.byID[w.batch]
			if b == nil {
				continue
			}
			if k := &b.callbacks[w.kind]; !k.listed || k.queue != q.number || waiting[w] {
				c.report("batches", w.batch, "its %s waits for room in queue %s, and isn't marked so, or twice", w.kind, q.name)
			}
			waiting[w] = true
			if b.callbacks[w.kind].wantsRoom() && (least.batch == 0 || w.before(&least)) {
				least = w
			}
		}
		if _, listed := slices.BinarySearch(m.batches.roomy, q.number); listed != q.roomy {
			c.report("batches", 0, "queue %s has room for callbacks, and isn't listed, or the reverse", q.name)
		}
		if least.batch == 0 || q.roomy || q.mode == QueueDraining {
			continue
		}
		if q.admits(m.batches.byID[least.batch].callbacks[least.kind].size, nil) {
			c.report("batches", least.batch, "queue %s has room for its %s, and nothing will call it back", q.name, least.kind)
		}
	}
	for id, b := range m.batches.byID {
		for i := range b.callbacks {
			k := &b.callbacks[i]
			w := waiter{id, CallbackKind(i)}
			lost := k.wantsRoom() && !k.listed && m.queueNames[k.newTask().Queue] != nil
			if k.listed != waiting[w] || lost {
				c.report("batches", id, "its %s was refused, and doesn't wait for room", w.kind)
			}
		}
	}
}
