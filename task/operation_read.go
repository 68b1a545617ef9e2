package task

import (
	"maps"
	"slices"
)

// view copies an operation.
func (o *operation) view() Operation {
	v := o.Operation
	v.States, v.Canary, v.Errors = slices.Clone(o.States), slices.Clone(o.Canary), slices.Clone(o.Errors)
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

// UnfinishedOperations is how many operations haven't ended.
func (m *Machine) UnfinishedOperations() int { return m.operations.unfinished }

// CanaryOf counts the tasks of an operation's canary that have ended, and those of them that are dead letters again.
func (m *Machine) CanaryOf(o *Operation) (ended, failed int) { return m.canary(o) }
