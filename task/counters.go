package task

// maxSpare bounds AdvanceCounters.Spare.
const maxSpare = 1 << 32

// AdvanceCounters has task IDs, session and producer IDs and tokens go on further ahead. It is for a state that lacks the last
// entries of its group: what those gave out is never given out again, and who holds a lease by them is refused. Code Invalid: the
// spare is too large.
type AdvanceCounters struct {
	Spare uint64 // how many of each are skipped at least, at most 2^32
	// Now is the wall clock's time: the counters go on from where those of a restore at that time would.
	Now Time
}

func (m *Machine) advanceCounters(c *AdvanceCounters) Result {
	if c.Spare > maxSpare {
		return Result{Code: Invalid}
	}
	own := m.Counters()
	m.raiseCounters(Counters{
		NextID: own.NextID + ID(c.Spare), LastToken: own.LastToken + c.Spare,
		LastSession: own.LastSession + c.Spare, LastProducer: own.LastProducer + c.Spare,
	}, c.Now)
	return Result{}
}

// raiseCounters has no counter below the least, nor below what a cluster can have given out by then.
func (m *Machine) raiseCounters(least Counters, now Time) {
	floor := uint64(max(now, 0)/second) * idsPerSecond
	m.nextID = max(m.nextID, least.NextID, ID(floor))
	m.lastToken = max(m.lastToken, least.LastToken, floor)
	m.lastSession = max(m.lastSession, least.LastSession, floor)
	m.lastProducer = max(m.lastProducer, least.LastProducer, floor)
}

func (*AdvanceCounters) opcode() opcode { return opAdvanceCounters }

func (c *AdvanceCounters) encode(b []byte) []byte { return appendInt(appendUint(b, c.Spare), c.Now) }
func (c *AdvanceCounters) decode(r *reader)       { c.Spare, c.Now = r.uint(), r.int() }
