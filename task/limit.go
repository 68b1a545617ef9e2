package task

import (
	"cmp"
	"slices"
)

// relimit has a queue's new limits and weights take effect.
func (m *Machine) relimit(q *queue) {
	for _, t := range m.tenants.all {
		if t != nil && t.at.queue == q.number {
			t.weight = q.settings.weightOf(t.at.key)
			if t.limit.settle(q.settings.KeyRate, m.now) {
				m.touchTenant(t)
			}
			m.limitTenant(t)
			m.dropTenant(t)
		}
	}
	q.limit.settle(q.settings.Rate, m.now) // the caller has touched the queue
	m.limitQueue(q)
	if q.live[Pending] > 0 {
		m.announce(q)
	}
}

// resumeLimits finds out what is limited in a state that has been loaded.
func (m *Machine) resumeLimits() {
	for _, t := range m.tenants.all {
		if t != nil {
			m.limitTenant(t)
			m.dropTenant(t)
		}
	}
	for _, q := range m.queues[1:] {
		m.limitQueue(q)
	}
	for _, name := range m.effects.Ready {
		m.queueNames[name].announced = false
	}
	m.effects = Effects{}
}

// beginFlows has fair keys mean something, once the group's feature level is high enough: until then they are notes.
func (m *Machine) beginFlows() {
	var pending []slot
	m.index.after(0, func(s slot) bool {
		r := m.tasks.at(s)
		if r.cold == 0 {
			return true
		}
		c := m.coldOf(r)
		f := m.flowOf(&c)
		if f.isZero() {
			return true
		}
		if r.state == Pending && f.setsApart() {
			pending = append(pending, s)
			return true
		}
		r.flow = m.flows.hold(f, &m.requirements)
		if r.state == Running {
			m.occupy(r)
		}
		return true
	})
	slices.SortFunc(pending, func(a, b slot) int { return cmp.Compare(m.tasks.at(a).order, m.tasks.at(b).order) })
	for _, s := range pending {
		r := m.tasks.at(s)
		c := m.coldOf(r)
		m.touch(s, r)
		m.unlink(r)
		r.flow = m.flows.hold(m.flowOf(&c), &m.requirements)
		m.link(s, r)
		m.timers.set(s, r.deadline())
		m.touchQueue(m.queues[r.queue])
	}
}
