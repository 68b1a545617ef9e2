package task

import "strings"

// singleton is a singleton key of a queue, of whose tasks one runs at a time.
//
// Invariant: running counts the leased tasks that have the key, and follows their states; it exists while a live task in a
// lane or lease has it.
type singleton struct {
	number  uint32
	at      queueKey
	lanes   []uint32
	running uint32
}

// queueKey is a user's key within a queue.
type queueKey struct {
	queue uint32
	key   string
}

// singletons numbers the keys. Numbers are reused and differ between members.
type singletons struct {
	all   []*singleton // 0 is none
	free  []uint32
	byKey map[queueKey]uint32
}

func newSingletons() singletons {
	return singletons{all: make([]*singleton, 1), byKey: map[queueKey]uint32{}}
}

func (g *singleton) id() uint32 {
	if g == nil {
		return 0
	}
	return g.number
}

func (g *singleton) taken() bool { return g.running > 0 }

// singletonFor returns a queue's singleton key, made if need be; nil for none.
func (m *Machine) singletonFor(q *queue, key string) *singleton {
	if key == "" {
		return nil
	}
	t := &m.singletons
	if n, ok := t.byKey[queueKey{q.number, key}]; ok {
		return t.all[n]
	}
	g := &singleton{at: queueKey{q.number, strings.Clone(key)}}
	if last := len(t.free) - 1; last >= 0 {
		g.number, t.free = t.free[last], t.free[:last]
		t.all[g.number] = g
	} else {
		g.number = uint32(len(t.all))
		t.all = append(t.all, g)
	}
	t.byKey[g.at] = g.number
	return g
}

func (m *Machine) dropSingleton(g *singleton) {
	if g.running > 0 || len(g.lanes) > 0 {
		return
	}
	t := &m.singletons
	delete(t.byKey, g.at)
	t.all[g.number] = nil
	t.free = append(t.free, g.number)
}

// occupySingleton notes that one more of its tasks runs, or one less.
func (m *Machine) occupySingleton(g *singleton, change int) {
	taken := g.taken()
	g.running = uint32(int(g.running) + change)
	if g.taken() == taken {
		m.dropSingleton(g)
		return
	}
	for _, l := range g.lanes {
		m.settle(l, m.tree.contribution(l))
	}
	if taken && len(g.lanes) > 0 {
		m.announce(m.queues[g.at.queue])
	}
	m.dropSingleton(g)
}
