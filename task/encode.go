package task

// encode and decode of each command, side by side. Fields are only ever added, behind a new entryVersion.

// Presence bits of a NewTask's rarer fields, so that a plain task takes few bytes.
const (
	hasRunAt = 1 << iota
	hasLimits
	hasTimes
	hasUnique
	hasFairKey
	hasLabels
	hasTrace
	hasBackoff
	hasParents
	hasRetryOf
	hasDispatch
	hasGraph
	hasBatch

	presenceEnd
)

func (t *NewTask) presence() uint64 {
	var p uint64
	set := func(bit uint64, ok bool) {
		if ok {
			p |= bit
		}
	}
	set(hasRunAt, t.RunAt != 0 || t.Delay != 0)
	set(hasLimits, t.MaxAttempts != 0 || t.MaxWorkerDeaths != 0)
	set(hasTimes, t.Timeout != 0 || t.TTL != 0)
	set(hasUnique, t.UniqueKey != "")
	set(hasFairKey, t.FairKey != "")
	set(hasLabels, len(t.Labels) != 0)
	set(hasTrace, t.TraceContext != "")
	set(hasBackoff, !t.Backoff.IsZero())
	set(hasParents, len(t.DependsOn) != 0 || len(t.ParentsDone) != 0)
	set(hasRetryOf, t.RetryOf != 0)
	set(hasDispatch, t.SingletonKey != "" || t.StickyKey != "" || len(t.Require) != 0)
	set(hasGraph, t.usesGraph())
	set(hasBatch, t.Batch != 0)
	return p
}

func (t *NewTask) append(b []byte) []byte {
	p := t.presence()
	b = appendUint(b, p)
	b = appendBytes(b, t.Queue)
	b = appendBytes(b, t.Kind)
	b = appendBytes(b, t.Payload)
	b = append(b, t.Priority)
	if p&hasRunAt != 0 {
		b = appendInt(appendInt(b, t.RunAt), t.Delay)
	}
	if p&hasLimits != 0 {
		b = append(appendUint(b, uint64(t.MaxAttempts)), t.MaxWorkerDeaths)
	}
	if p&hasTimes != 0 {
		b = appendInt(appendInt(b, t.Timeout), t.TTL)
	}
	if p&hasUnique != 0 {
		b = appendBytes(b, t.UniqueKey)
		b = appendInt(append(b, byte(t.UniqueMode)), t.UniqueWindow)
		if t.UniqueMode == UniqueDebounce {
			b = appendInt(b, t.MaxWait)
		}
	}
	if p&hasFairKey != 0 {
		b = appendBytes(b, t.FairKey)
	}
	if p&hasLabels != 0 {
		b = appendLabels(b, t.Labels)
	}
	if p&hasTrace != 0 {
		b = appendBytes(b, t.TraceContext)
	}
	if p&hasBackoff != 0 {
		b = appendBackoff(b, t.Backoff)
	}
	if p&hasParents != 0 {
		b = appendIDs(appendIDs(b, t.DependsOn), t.ParentsDone)
	}
	if p&hasRetryOf != 0 {
		b = appendUint(b, uint64(t.RetryOf))
	}
	if p&hasDispatch != 0 {
		b = appendLabels(appendBytes(appendBytes(b, t.SingletonKey), t.StickyKey), t.Require)
	}
	if p&hasGraph != 0 {
		b = t.appendGraph(b)
	}
	if p&hasBatch != 0 {
		b = appendUint(b, uint64(t.Batch))
	}
	return b
}

func (t *NewTask) read(r *reader) {
	p := r.uintMax(presenceEnd - 1)
	t.Queue = r.string()
	t.Kind = r.string()
	t.Payload = r.bytes()
	t.Priority = r.byteMax(priorities - 1)
	if p&hasRunAt != 0 {
		t.RunAt, t.Delay = r.int(), r.int()
	}
	if p&hasLimits != 0 {
		t.MaxAttempts, t.MaxWorkerDeaths = uint16(r.uintMax(1<<16-1)), r.byte()
	}
	if p&hasTimes != 0 {
		t.Timeout, t.TTL = r.int(), r.int()
	}
	if p&hasUnique != 0 {
		t.UniqueKey, t.UniqueMode, t.UniqueWindow = r.string(), UniqueMode(r.byteMax(byte(uniqueModeCount-1))), r.int()
		if t.UniqueMode == UniqueDebounce {
			t.MaxWait = r.int()
		}
	}
	if p&hasFairKey != 0 {
		t.FairKey = r.string()
	}
	if p&hasLabels != 0 {
		t.Labels = r.labels()
	}
	if p&hasTrace != 0 {
		t.TraceContext = r.string()
	}
	if p&hasBackoff != 0 {
		t.Backoff = r.backoff()
	}
	if p&hasParents != 0 {
		t.DependsOn, t.ParentsDone = r.ids(), r.ids()
	}
	if p&hasRetryOf != 0 {
		t.RetryOf = ID(r.uint())
	}
	if p&hasDispatch != 0 {
		t.SingletonKey, t.StickyKey, t.Require = r.string(), r.string(), r.labels()
	}
	if p&hasGraph != 0 {
		t.readGraph(r)
	}
	if p&hasBatch != 0 {
		t.Batch = ID(r.uint())
	}
}

func (c *Enqueue) encode(b []byte) []byte {
	b = appendUint(b, c.Producer)
	b = appendUint(b, c.Sequence)
	b = appendUint(b, uint64(c.Part))
	b = appendUint(b, c.AckedBelow)
	b = appendUint(b, uint64(len(c.Tasks)))
	for i := range c.Tasks {
		b = c.Tasks[i].append(b)
	}
	return b
}

func (c *Enqueue) decode(r *reader) {
	c.Producer, c.Sequence = r.uint(), r.uint()
	c.Part, c.AckedBelow = uint32(r.uintMax(1<<32-1)), r.uint()
	c.Tasks = r.spare.take(int(r.uintMax(uint64(len(r.b) / minNewTask))))
	for i := range c.Tasks {
		c.Tasks[i].read(r)
	}
}

// minNewTask is the least number of bytes that a NewTask takes; it bounds what a hostile count can allocate.
const minNewTask = 5

func (c *OpenProducer) encode(b []byte) []byte { return appendBytes(b, c.Name) }
func (c *OpenProducer) decode(r *reader)       { c.Name = r.string() }

func (c *OpenSession) encode(b []byte) []byte {
	b = appendBytes(b, c.Worker)
	b = appendBytes(b, c.Pool)
	b = appendUint(b, uint64(len(c.Queues)))
	for _, q := range c.Queues {
		b = appendUint(appendBytes(b, q.Queue), uint64(q.Weight))
	}
	b = appendUint(b, uint64(len(c.Kinds)))
	for _, k := range c.Kinds {
		b = appendBytes(b, k)
	}
	return appendLabels(b, c.Labels)
}

func (c *OpenSession) decode(r *reader) {
	c.Worker, c.Pool = r.string(), r.string()
	c.Queues = make([]QueueWeight, r.count())
	for i := range c.Queues {
		c.Queues[i] = QueueWeight{Queue: r.string(), Weight: uint16(r.uintMax(1<<16 - 1))}
	}
	c.Kinds = make([]string, r.count())
	for i := range c.Kinds {
		c.Kinds[i] = r.string()
	}
	c.Labels = r.labels()
}

func (c *CloseSession) encode(b []byte) []byte { return appendUint(b, c.Session) }
func (c *CloseSession) decode(r *reader)       { c.Session = r.uint() }

func (c *ExpireSessions) encode(b []byte) []byte {
	b = appendUint(b, c.Term)
	b = appendUint(b, uint64(len(c.Sessions)))
	for _, s := range c.Sessions {
		b = appendUint(b, s.Session)
		b = appendUint(b, uint64(len(s.Started)))
		for _, t := range s.Started {
			b = appendUint(b, t)
		}
	}
	return b
}

func (c *ExpireSessions) decode(r *reader) {
	c.Term = r.uint()
	c.Sessions = make([]Expiry, r.count())
	for i := range c.Sessions {
		s := &c.Sessions[i]
		s.Session = r.uint()
		s.Started = make([]uint64, r.count())
		for j := range s.Started {
			s.Started[j] = r.uint()
		}
	}
}

func (c *MarkSilent) encode(b []byte) []byte {
	b = appendUint(b, c.Term)
	b = appendUint(b, uint64(len(c.Silences)))
	for _, s := range c.Silences {
		b = appendInt(appendUint(b, s.Session), s.For)
	}
	return b
}

func (c *MarkSilent) decode(r *reader) {
	c.Term = r.uint()
	c.Silences = make([]Silence, r.count())
	for i := range c.Silences {
		c.Silences[i] = Silence{Session: r.uint(), For: r.int()}
	}
}

func (c *Checksum) encode(b []byte) []byte { return appendUint(appendUint(b, c.Agreed), c.Hash) }
func (c *Checksum) decode(r *reader)       { c.Agreed, c.Hash = r.uint(), r.uint() }

func (c *RaiseFeatureLevel) encode(b []byte) []byte { return appendUint(b, uint64(c.Level)) }
func (c *RaiseFeatureLevel) decode(r *reader)       { c.Level = uint32(r.uintMax(1<<32 - 1)) }

func (c *Lease) encode(b []byte) []byte { return appendUint(appendUint(b, c.Session), uint64(c.Max)) }
func (c *Lease) decode(r *reader) {
	c.Session, c.Max = r.uint(), uint32(r.uintMax(1<<32-1))
}

func (c *Finish) encode(b []byte) []byte {
	b = appendUint(b, uint64(len(c.Outcomes)))
	for i := range c.Outcomes {
		o := &c.Outcomes[i]
		b = appendUint(b, uint64(o.ID))
		b = appendUint(b, o.Token)
		b = append(b, byte(o.Kind))
		b = appendUint(b, o.Session)
		b = appendBytes(b, o.Data)
		if o.Kind != OutcomeComplete {
			b = appendInt(b, o.Delay)
			b = append(b, byte(o.Revoke))
		}
	}
	return b
}

func (c *Finish) decode(r *reader) {
	c.Outcomes = make([]Outcome, r.uintMax(uint64(len(r.b)/minOutcome)))
	for i := range c.Outcomes {
		o := &c.Outcomes[i]
		o.ID, o.Token = ID(r.uint()), r.uint()
		o.Kind = OutcomeKind(r.byteMax(byte(outcomeCount - 1)))
		o.Session = r.uint()
		o.Data = r.bytes()
		if o.Kind != OutcomeComplete {
			o.Delay = r.int()
			o.Revoke = RevokeReason(r.byteMax(byte(revokeCount - 1)))
		}
	}
}

// minOutcome is the least number of bytes that an Outcome takes.
const minOutcome = 5

func (c *Progress) encode(b []byte) []byte {
	b = appendUint(b, uint64(len(c.Items)))
	for _, p := range c.Items {
		b = appendUint(appendUint(b, uint64(p.ID)), p.Token)
		b = appendBytes(append(b, p.Percent), p.Message)
	}
	return b
}

func (c *Progress) decode(r *reader) {
	c.Items = make([]ProgressItem, r.count())
	for i := range c.Items {
		c.Items[i] = ProgressItem{ID: ID(r.uint()), Token: r.uint(), Percent: r.byteMax(100), Message: r.string()}
	}
}

func (c *Cancel) encode(b []byte) []byte { return appendIDs(b, c.IDs) }
func (c *Cancel) decode(r *reader)       { c.IDs = r.ids() }
func (c *Retry) encode(b []byte) []byte  { return appendIDs(b, c.IDs) }
func (c *Retry) decode(r *reader)        { c.IDs = r.ids() }
func (c *Delete) encode(b []byte) []byte { return append(appendIDs(b, c.IDs), byte(c.Only)) }
func (c *Delete) decode(r *reader)       { c.IDs, c.Only = r.ids(), State(r.byteMax(byte(DeadLetter))) }
func (c *Reset) encode(b []byte) []byte  { return appendIDs(b, c.IDs) }
func (c *Reset) decode(r *reader)        { c.IDs = r.ids() }

func (c *DeleteFinished) encode(b []byte) []byte {
	b = appendUint(b, uint64(len(c.Refs)))
	for _, f := range c.Refs {
		b = appendUint(appendUint(appendUint(b, uint64(f.ID)), uint64(f.Queue)), f.Sequence)
	}
	return b
}

func (c *DeleteFinished) decode(r *reader) {
	c.Refs = make([]FinishedRef, r.count())
	for i := range c.Refs {
		c.Refs[i] = FinishedRef{ID: ID(r.uint()), Queue: uint32(r.uintMax(1<<32 - 1)), Sequence: r.uint()}
	}
}

func (c *Reschedule) encode(b []byte) []byte {
	b = appendUint(b, uint64(c.ID))
	b = appendInt(appendInt(b, c.RunAt), c.Delay)
	return append(appendBool(b, c.KeepTime), c.Priority)
}

func (c *Reschedule) decode(r *reader) {
	c.ID, c.RunAt, c.Delay, c.KeepTime, c.Priority = ID(r.uint()), r.int(), r.int(), r.bool(), r.byte()
	if c.Priority >= priorities && c.Priority != KeepPriority {
		r.fail()
	}
}

func (c *Move) encode(b []byte) []byte { return appendIDs(appendBytes(b, c.Queue), c.IDs) }
func (c *Move) decode(r *reader)       { c.Queue, c.IDs = r.string(), r.ids() }

func (s *QueueSettings) append(b []byte) []byte {
	b = append(appendUint(b, uint64(s.MaxAttempts)), s.MaxWorkerDeaths)
	b = appendInt(appendInt(b, s.Timeout), s.TTL)
	b = appendBackoff(b, s.Backoff)
	b = appendInt(b, s.RetentionAge)
	return appendUint(appendUint(b, s.RetentionBytes), s.RetentionTasks)
}

func (s *QueueSettings) read(r *reader) {
	s.MaxAttempts, s.MaxWorkerDeaths = uint16(r.uintMax(1<<16-1)), r.byte()
	s.Timeout, s.TTL, s.Backoff = r.int(), r.int(), r.backoff()
	s.RetentionAge, s.RetentionBytes, s.RetentionTasks = r.int(), r.uint(), r.uint()
}

func (c *SetQueue) encode(b []byte) []byte {
	return c.Settings.appendTags(c.Settings.append(appendUint(appendBytes(b, c.Queue), uint64(c.Fields))))
}

func (c *SetQueue) decode(r *reader) {
	c.Queue, c.Fields = r.string(), SettingsField(r.uintMax(1<<32-1))
	c.Settings.read(r)
	for len(r.b) > 0 {
		c.Settings.readTag(r.byte(), r)
	}
}

func (c *SetQueueMode) encode(b []byte) []byte { return append(appendBytes(b, c.Queue), byte(c.Mode)) }
func (c *SetQueueMode) decode(r *reader) {
	c.Queue, c.Mode = r.string(), QueueMode(r.byteMax(byte(queueModeCount-1)))
}

func (c *PurgeQueue) encode(b []byte) []byte { return appendBytes(b, c.Queue) }
func (c *PurgeQueue) decode(r *reader)       { c.Queue = r.string() }

func (*Tick) encode(b []byte) []byte { return b }
func (*Tick) decode(*reader)         {}

func (*ResumeCluster) encode(b []byte) []byte { return b }
func (*ResumeCluster) decode(*reader)         {}

func (c *InstallImage) encode(b []byte) []byte {
	return appendUint(appendUint(append(b, c.SHA256[:]...), c.Timeline), c.Term)
}

func (c *InstallImage) decode(r *reader) {
	if len(r.b) < len(c.SHA256) {
		r.fail()
		return
	}
	r.b = r.b[copy(c.SHA256[:], r.b):]
	c.Timeline, c.Term = r.uint(), r.uint()
}

func (c *Request) encode(b []byte) []byte { return AppendCommand(appendBytes(b, c.ID), c.Command) }

func (c *Request) decode(r *reader) {
	c.ID = r.string()
	if len(r.b) == 0 || opcode(r.b[0]) == opRequest { // never nested
		r.fail()
		return
	}
	inner, rest, err := readCommand(r.b, r.spare)
	if err != nil {
		r.fail()
		return
	}
	c.Command, r.b = inner, rest
}
