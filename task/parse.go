package task

// ParseReason reads the name of a reason for which a task is a dead letter.
func ParseReason(name string) (Reason, bool) {
	for r := ReasonFailed; r <= ReasonDependency; r++ {
		if reasonNames[r] == name {
			return r, true
		}
	}
	return NoReason, false
}

// ParseCause reads the name of a cause.
func ParseCause(name string) (Cause, bool) {
	for c := range causeCount {
		if causeNames[c] == name {
			return c, true
		}
	}
	return 0, false
}

// LiveState is the state of a live task; None: there is none with the ID.
func (m *Machine) LiveState(id ID) State {
	if s := m.index.get(id); s != 0 {
		return m.tasks.at(s).state
	}
	return None
}
