package task

import (
	"maps"
	"slices"
)

// view copies an operation.
func (o *operation) view() Operation {
	v := o.Operation
	v.States, v.Errors = slices.Clone(o.States), slices.Clone(o.Errors)
	v.Canary, v.CanarySetbacks = slices.Clone(o.Canary), slices.Clone(o.CanarySetbacks)
	return v
}

// Operation returns a bulk operation; false: there is none, or it ended too long ago.
func (m *Machine) Operation(id ID) (Operation, bool) {
	o := m.operations.all[id]
	if o == nil {
		return Operation{}, false
	}
	return o.view(), true
}

// Operations returns up to limit operations, the newest first, of those before an ID; 0: of all.
func (m *Machine) Operations(before ID, limit int) []Operation {
	ids := slices.Sorted(maps.Keys(m.operations.all))
	var out []Operation
	for i := len(ids) - 1; i >= 0 && len(out) < limit; i-- {
		if before == 0 || ids[i] < before {
			out = append(out, m.operations.all[ids[i]].view())
		}
	}
	return out
}

// UnfinishedOperations returns those that haven't ended, the oldest first.
func (m *Machine) UnfinishedOperations() []Operation {
	if m.operations.unfinished == 0 {
		return nil
	}
	var out []Operation
	for _, id := range slices.Sorted(maps.Keys(m.operations.all)) {
		if o := m.operations.all[id]; !o.State.Ended() {
			out = append(out, o.view())
		}
	}
	return out
}

// NewestOperation is the operation that was started last; 0: none is kept.
func (m *Machine) NewestOperation() ID { return m.operations.newest }

// CanaryOf counts the tasks of an operation's canary that have ended or failed again, and those that have failed again.
func (m *Machine) CanaryOf(o *Operation) (known, failed int) { return m.canary(o) }
