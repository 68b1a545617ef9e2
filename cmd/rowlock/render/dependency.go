package render

import (
	"strings"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// Dependency is a task that another depends on, and when that runs.
type Dependency struct {
	TaskID string `json:"task_id"`
	When   string `json:"when"`
}

func dependencies(t *rowlockv1.Task) []Dependency {
	var out []Dependency
	for _, d := range t.GetDependencies() {
		out = append(out, Dependency{TaskID: d.GetTaskId(), When: d.GetWhen().String()})
	}
	return out
}

func parentFailure(t *rowlockv1.Task) string {
	if len(t.GetDependencies()) == 0 {
		return ""
	}
	return t.GetOnParentFailure().String()
}

// dependsOn says what a task depends on, or depended on where that is known.
func (t Task) dependsOn() string {
	if len(t.Dependencies) == 0 {
		return strings.Join(t.DependsOn, ", ")
	}
	var parts []string
	for _, d := range t.Dependencies {
		text := d.TaskID
		if d.When != rowlockv1.Dependency_success.String() {
			text += " (" + d.When + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func (t Task) workflow() string {
	if t.Ref == "" {
		return t.WorkflowID
	}
	return t.WorkflowID + ", as " + t.Ref
}
