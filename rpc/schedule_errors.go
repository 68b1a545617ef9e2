package rpc

import (
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/rowlock/rowlock/task"
)

// scheduleError is a refusal by the machine that concerns a schedule.
type scheduleError struct {
	name string
	code task.Code
	id   task.ID // the task that is in the way; 0: none
}

func (e *scheduleError) Error() string {
	switch e.code {
	case task.NoSuchSchedule:
		return fmt.Sprintf("no schedule %q", e.name)
	case task.ScheduleOverlap:
		if e.id == 0 {
			return fmt.Sprintf("a tick of schedule %q waits already, and its overlap policy lets only one wait", e.name)
		}
		return fmt.Sprintf("task %s of schedule %q hasn't ended, and its overlap policy lets no other start", e.id, e.name)
	case task.UniqueTaken:
		return fmt.Sprintf("the unique key is taken by task %s", e.id)
	}
	return fmt.Sprintf("schedule %q: %s", e.name, e.code.Error())
}

func (e *scheduleError) Unwrap() error { return e.code }

// scheduleStatus is what callers see of it.
func scheduleStatus(e *scheduleError) *status.Status {
	c := codeStatus[e.code]
	meta := map[string]string{"schedule": e.name}
	if e.id != 0 {
		meta["task_id"] = e.id.String()
	}
	return withInfo(c.code, c.reason, e.Error(), meta)
}
