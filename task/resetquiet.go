package task

// ResetQuiet is a Reset of those of the tasks that run and have shown no sign of progress since a time. It is held against the
// state when it is executed: a task that has shown progress, or runs anew, since the caller looked stays with its worker, and
// answers WrongState.
type ResetQuiet struct {
	IDs    []ID
	Before Time
}

func (*ResetQuiet) opcode() opcode { return opResetQuiet }

func (c *ResetQuiet) encode(b []byte) []byte { return appendInt(appendIDs(b, c.IDs), c.Before) }
func (c *ResetQuiet) decode(r *reader)       { c.IDs, c.Before = r.ids(), r.int() }

func (m *Machine) resetQuiet(c *ResetQuiet) Result {
	return m.each(c.IDs, None, func(s slot, r *record) Code {
		if r.state == Running && m.lastSign(r) >= c.Before {
			return WrongState
		}
		return m.reset(s, r)
	})
}

// lastSign is when a running task last showed progress; its start counts as that.
func (m *Machine) lastSign(r *record) Time { return max(r.started, m.coldOf(r).progress.At) }
