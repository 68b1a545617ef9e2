package task

func (s *ScheduleSpec) append(b []byte) []byte {
	b = appendBytes(appendBytes(b, s.Expression), s.TimeZone)
	return appendInt(appendInt(appendInt(b, s.Jitter), s.Start), s.End)
}

func (s *ScheduleSpec) read(r *reader) {
	s.Expression, s.TimeZone = r.string(), r.string()
	s.Jitter, s.Start, s.End = r.int(), r.int(), r.int()
}

func (p *SchedulePolicy) append(b []byte) []byte {
	b = appendUint(append(b, byte(p.Misfire)), uint64(p.CatchUp))
	b = append(appendInt(b, p.Grace), byte(p.Overlap))
	return appendUint(b, uint64(p.Ledger))
}

func (p *SchedulePolicy) read(r *reader) {
	p.Misfire, p.CatchUp = MisfirePolicy(r.byteMax(byte(misfireCount-1))), uint32(r.uintMax(1<<32-1))
	p.Grace, p.Overlap = r.int(), OverlapPolicy(r.byteMax(byte(overlapCount-1)))
	p.Ledger = uint32(r.uintMax(1<<32 - 1))
}

func (c *PutSchedule) encode(b []byte) []byte {
	b = c.Spec.append(appendBytes(b, c.Name))
	b = c.Template.append(c.Policy.append(b))
	return appendInt(appendInt(appendBool(b, c.Paused), c.Next), c.Due)
}

func (c *PutSchedule) decode(r *reader) {
	c.Name = r.string()
	c.Spec.read(r)
	c.Policy.read(r)
	c.Template.read(r)
	c.Paused, c.Next, c.Due = r.bool(), r.int(), r.int()
}

func (c *DeleteSchedule) encode(b []byte) []byte  { return appendBytes(b, c.Name) }
func (c *DeleteSchedule) decode(r *reader)        { c.Name = r.string() }
func (c *TriggerSchedule) encode(b []byte) []byte { return appendBytes(b, c.Name) }
func (c *TriggerSchedule) decode(r *reader)       { c.Name = r.string() }

func (c *SetSchedulePaused) encode(b []byte) []byte {
	return appendInt(appendInt(appendBool(appendBytes(b, c.Name), c.Paused), c.Next), c.Due)
}

func (c *SetSchedulePaused) decode(r *reader) {
	c.Name, c.Paused, c.Next, c.Due = r.string(), r.bool(), r.int(), r.int()
}

func (c *BackfillSchedule) encode(b []byte) []byte {
	b = appendUint(appendBytes(b, c.Name), uint64(len(c.Nominals)))
	for _, n := range c.Nominals {
		b = appendInt(b, n)
	}
	return b
}

func (c *BackfillSchedule) decode(r *reader) {
	c.Name = r.string()
	c.Nominals = make([]Time, r.count())
	for i := range c.Nominals {
		c.Nominals[i] = r.int()
	}
}

// minScheduleTick is the least number of bytes that a ScheduleTick takes.
const minScheduleTick = 6

func (c *FireSchedules) encode(b []byte) []byte {
	b = appendUint(b, uint64(len(c.Ticks)))
	for i := range c.Ticks {
		t := &c.Ticks[i]
		b = appendUint(appendBytes(b, t.Schedule), t.Revision)
		b = appendInt(appendInt(appendInt(b, t.Nominal), t.Next), t.Due)
		if b = appendUint(b, uint64(t.Missed)); t.Missed != 0 {
			b = appendInt(b, t.Last)
		}
	}
	return b
}

func (c *FireSchedules) decode(r *reader) {
	c.Ticks = make([]ScheduleTick, r.uintMax(uint64(len(r.b)/minScheduleTick)))
	for i := range c.Ticks {
		t := &c.Ticks[i]
		t.Schedule, t.Revision = r.string(), r.uint()
		t.Nominal, t.Next, t.Due = r.int(), r.int(), r.int()
		if t.Missed = uint32(r.uintMax(1<<32 - 1)); t.Missed != 0 {
			t.Last = r.int()
		}
	}
}
