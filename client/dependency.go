package client

import "github.com/rowlock/rowlock/rpc/rowlockv1"

// When says which end of a task lets another run that depends on it.
type When string

// The kinds of dependencies.
const (
	OnSuccess When = "success" // it has completed
	// OnFailure: it went to the dead letter queue, or was cancelled or deleted. If it completes, the other is cancelled with the
	// reason not_needed.
	OnFailure When = "failure"
	OnEnd     When = "any" // it has ended, however
)

func (w When) proto() rowlockv1.Dependency_When {
	return rowlockv1.Dependency_When(rowlockv1.Dependency_When_value[string(w)])
}

// Dependency is a task that another depends on.
type Dependency struct {
	TaskID string `json:"task_id"`
	When   When   `json:"when"`
}

func dependenciesOf(list []*rowlockv1.Dependency) []Dependency {
	var out []Dependency
	for _, d := range list {
		out = append(out, Dependency{TaskID: d.GetTaskId(), When: When(d.GetWhen().String())})
	}
	return out
}

// DependsOnFailure lets the task run only if all these fail: compensation. See OnFailure.
func DependsOnFailure(ids ...string) Option { return dependencies(OnFailure, ids) }

// DependsOnEnd lets the task run when all these have ended, however.
func DependsOnEnd(ids ...string) Option { return dependencies(OnEnd, ids) }

func dependencies(when When, ids []string) Option {
	return func(t *rowlockv1.NewTask) {
		for _, id := range ids {
			t.Dependencies = append(t.Dependencies, &rowlockv1.Dependency{TaskId: id, When: when.proto()})
		}
	}
}

// CancelOnParentFailure cancels the task when one that must complete first can't any more; without it, the task goes to the dead
// letter queue. The reason is dependency_failed in both cases.
func CancelOnParentFailure() Option {
	return func(t *rowlockv1.NewTask) { t.OnParentFailure = rowlockv1.ParentFailure_cancel }
}

// After lets a task of a graph wait until these tasks of the same graph have completed.
func After(refs ...string) Option { return members(OnSuccess, refs) }

// AfterFailure lets a task of a graph run only if these tasks of the same graph fail. See OnFailure.
func AfterFailure(refs ...string) Option { return members(OnFailure, refs) }

// AfterEnd lets a task of a graph run when these tasks of the same graph have ended, however.
func AfterEnd(refs ...string) Option { return members(OnEnd, refs) }

func members(when When, refs []string) Option {
	return func(t *rowlockv1.NewTask) {
		for _, ref := range refs {
			t.Dependencies = append(t.Dependencies, &rowlockv1.Dependency{Ref: ref, When: when.proto()})
		}
	}
}
