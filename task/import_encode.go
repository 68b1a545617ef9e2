package task

// minImport is the least number of bytes that an ImportedTask takes.
const minImport = minNewTask + 12

func (c *ImportTasks) encode(b []byte) []byte {
	b = appendUint(appendUint(appendBool(b, c.Replace), uint64(c.Next)), c.Imports)
	b = appendUint(b, uint64(len(c.Tasks)))
	for i := range c.Tasks {
		b = c.Tasks[i].append(b)
	}
	return b
}

func (c *ImportTasks) decode(r *reader) {
	c.Replace, c.Next, c.Imports = r.bool(), ID(r.uint()), r.uint()
	c.Tasks = make([]ImportedTask, r.uintMax(uint64(len(r.b)/minImport)))
	for i := range c.Tasks {
		c.Tasks[i].read(r)
	}
}

func (t *ImportedTask) append(b []byte) []byte {
	b = t.NewTask.append(appendUint(b, uint64(t.ID)))
	b = append(b, byte(t.State), byte(t.Reason), byte(t.Found), t.Deaths)
	b = appendInt(appendInt(appendInt(b, t.EnqueuedAt), t.ExpiresAt), t.DiedAt)
	b = appendUint(appendUint(b, uint64(t.Attempt)), uint64(t.Failures))
	return appendBytes(appendErrors(b, t.Errors), t.Origin)
}

func (t *ImportedTask) read(r *reader) {
	t.ID = ID(r.uint())
	t.NewTask.read(r)
	t.State, t.Reason = State(r.byteMax(byte(stateCount-1))), Reason(r.byteMax(byte(reasonCount-1)))
	t.Found, t.Deaths = State(r.byteMax(byte(stateCount-1))), r.byte()
	t.EnqueuedAt, t.ExpiresAt, t.DiedAt = r.int(), r.int(), r.int()
	t.Attempt, t.Failures = uint16(r.uintMax(1<<16-1)), uint16(r.uintMax(1<<16-1))
	t.Errors = r.errors()
	t.Origin = r.string()
}

func (i *imports) append(b []byte) []byte { return appendUint(append(b, recordVersion), i.count) }

func (i *imports) read(b []byte) error {
	r := reader{b: b}
	if r.byte() != recordVersion {
		return errCorrupt
	}
	i.count = r.uint()
	return r.done()
}

// hash is their part in the state hash, which they have from the first one on.
func (i *imports) hash(m *Machine) uint64 {
	if i.count == 0 {
		return 0
	}
	m.scratch = i.append(m.scratch[:0])
	return hashOf(uint64(KindImport)<<56, m.scratch)
}
