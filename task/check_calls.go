package task

// requests checks the answers that are kept for calls with IDs of their own.
func (c *checker) requests() {
	l := &c.m.requests
	for i := range l.entries {
		e := &l.entries[i]
		if sequence, there := l.byID[e.id]; !there || sequence != l.first+uint64(i) {
			c.report("requests", 0, "request %q isn't found by its ID", e.id)
		}
		if i > 0 && l.entries[i-1].at > e.at {
			c.report("requests", 0, "request %q came before the one that it follows", e.id)
		}
		if _, err := readItems(e.items); err != nil || e.code >= codeCount {
			c.report("requests", 0, "the answer to request %q can't be read", e.id)
		}
	}
	c.expect("requests", 0, "the number of IDs", int64(len(l.byID)), int64(len(l.entries)))
	if len(l.entries) > maxRequests {
		c.report("requests", 0, "%d are kept, and at most %d may be", len(l.entries), maxRequests)
	}
	if end := l.first + uint64(len(l.entries)); l.saved > end {
		c.report("requests", 0, "those below %d are said to be in the state file, and the next one is %d", l.saved, end)
	}
}

// producers checks the answers that are kept for producers, and that idle ones are forgotten.
func (c *checker) producers() {
	m := c.m
	alarms := firstAlarms(m, alarmProducer, func(a *alarm) uint64 { return a.id })
	for id, p := range m.producers {
		bytes := 0
		for sequence, answers := range p.answers {
			if sequence < p.floor {
				c.report("producers", 0, "producer %d has an answer to %d, which is below its lowest, %d", id, sequence, p.floor)
			}
			parts := map[uint32]bool{}
			for _, a := range answers {
				bytes += len(a.items)
				if _, err := readItems(a.items); err != nil || parts[a.part] {
					c.report("producers", 0, "the answer of producer %d to part %d of %d can't be read, or there are two", id, a.part, sequence)
				}
				parts[a.part] = true
			}
		}
		c.expect("producers", 0, "the bytes of answers of a producer", int64(p.bytes), int64(bytes))
		if p.id != id || id > m.lastProducer {
			c.report("producers", 0, "producer %d isn't found, or wasn't opened yet", id)
		}
		if len(p.answers) > maxAnswers || bytes > maxAnswerBytes && len(p.answers) > 1 {
			c.report("producers", 0, "producer %d has answers to %d calls of %d bytes, more than may be kept", id, len(p.answers), bytes)
		}
		if at, there := alarms[id]; !there || at > after(p.lastUsed, ProducerTTL) {
			c.report("producers", 0, "nothing will forget producer %d", id)
		}
	}
}
