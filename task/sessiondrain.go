package task

// DrainSession has a session take no more: what it holds it finishes, and nothing else is leased to it. The mark stays until
// the session ends, whoever leads. Items[0].Code is UnknownSession for one that has ended; a repeat changes nothing.
type DrainSession struct{ Session uint64 }

func (*DrainSession) opcode() opcode { return opDrainSession }

func (c *DrainSession) encode(b []byte) []byte { return appendUint(b, c.Session) }
func (c *DrainSession) decode(r *reader)       { c.Session = r.uint() }

// drainSession marks a session. Nothing waits for it from then on; what is reserved for it already is anybody's as soon as that
// time is over.
func (m *Machine) drainSession(c *DrainSession) Result {
	item := Item{ID: ID(c.Session)}
	s, ok := m.sessions.get(c.Session)
	switch {
	case !ok:
		item.Code = UnknownSession
	case !s.draining:
		s.draining = true
		m.unstickAll(s)
		m.touchSession(s)
		m.effects.Drained = append(m.effects.Drained, s.id)
	}
	return Result{Items: []Item{item}}
}

// room is how many more leases the session may get.
func (s *session) room() uint32 {
	if s.draining {
		return 0
	}
	return maxSessionLeases - min(s.running, maxSessionLeases)
}
