package task

// lists checks the lists of what something is to happen to: they are in order, and lead to what there is.
func (c *checker) lists() {
	m := c.m
	batch := func(id ID) bool { return m.batches.byID[id] != nil }
	workflow := func(id ID) bool { return m.workflows.byID[id] != nil }
	c.list("batches", "batches", m.batches.order, nil) // some may have gone
	c.list("batches", "batches whose callbacks are due", m.batches.due, batch)
	c.list("batches", "batches that are being cancelled", m.batches.cancels, batch)
	c.list("workflows", "workflows", m.workflows.order, workflow)
	c.list("workflows", "workflows that are being cancelled", m.workflows.cancelling, workflow)
	due := 0
	for _, s := range m.schedules.sorted {
		due += b2i(s.next != 0)
	}
	c.expect("schedules", 0, "the number of schedules that will be due", int64(len(m.schedules.due)), int64(due))
	c.windows()
}

// list checks that IDs ascend, and are of what is there.
func (c *checker) list(part, what string, ids []ID, there func(ID) bool) {
	for i, id := range ids {
		if i > 0 && ids[i-1] >= id {
			c.report(part, id, "it is out of order in the list of %s", what)
		}
		if there != nil && !there(id) {
			c.report(part, id, "it is in the list of %s, and doesn't exist", what)
		}
	}
}

// windows checks that keys which are taken for a time are free again.
func (c *checker) windows() {
	m := c.m
	alarms := firstAlarms(m, alarmUnique, func(a *alarm) uniqueKey { return a.key })
	for key, e := range m.unique {
		if at, there := alarms[key]; e.until > m.now && (!there || at > e.until) {
			c.report("unique keys", e.holder, "nothing will free its key when the window ends")
		}
	}
}

// firstAlarms are when the first alarm of a kind is set to, for each that it is about.
func firstAlarms[K comparable](m *Machine, kind alarmKind, about func(*alarm) K) map[K]Time {
	first := map[K]Time{}
	for i := range m.alarms {
		a := &m.alarms[i]
		if a.kind != kind {
			continue
		}
		if at, there := first[about(a)]; !there || a.at < at {
			first[about(a)] = a.at
		}
	}
	return first
}
