package task

// operations checks the counts of the bulk operations, and how far each may have come.
func (c *checker) operations() {
	m := c.m
	unfinished, ended := 0, 0
	for id, o := range m.operations.all {
		if o.State.Ended() {
			ended++
		} else {
			unfinished++
		}
		if o.ID != id || id > m.operations.newest || id >= m.nextID {
			c.report("operations", id, "it isn't found by its ID, or wasn't started yet")
		}
		c.expect("operations", id, "the number of tasks that matched", int64(o.Matched), int64(o.Changed+o.Skipped+o.Failed))
		c.expect("operations", id, "the number of errors", int64(len(o.Errors)), int64(min(o.Failed, maxOperationErrors)))
		if o.State.Ended() != (o.EndedAt != 0) {
			c.report("operations", id, "it is %v, and has ended, or the reverse", o.State)
		}
		c.canary(o)
	}
	c.expect("operations", 0, "the number of unfinished operations", int64(m.operations.unfinished), int64(unfinished))
	if unfinished > MaxOperations || ended > maxEndedOperations {
		c.report("operations", 0, "%d are unfinished and %d have ended, more than may be", unfinished, ended)
	}
}

// canary checks the tasks that an operation has changed before the others.
func (c *checker) canary(o *operation) {
	limit := o.StageLimit()
	c.expect("operations", o.ID, "the number of failures that are known of its canary", int64(len(o.CanarySetbacks)), int64(len(o.Canary)))
	switch n := len(o.Canary); {
	case n > limit || uint64(n) > o.Changed:
		c.report("operations", o.ID, "its canary are %d tasks, and may be %d; it has changed %d", n, limit, o.Changed)
	case o.State == OperationWaiting && (n < limit || limit == 0):
		c.report("operations", o.ID, "it waits for a canary of %d tasks before there are as many", limit)
	}
	for _, id := range o.Canary {
		if id >= o.ID {
			c.report("operations", o.ID, "task %v of its canary came after it", id)
		}
	}
}
