package rpc

import (
	"fmt"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// operationActions and operationStates are the API's words for the machine's.
var (
	operationActions = [...]pb.Operation_Action{
		task.OperationCancel: pb.Operation_cancel,
		task.OperationRetry:  pb.Operation_retry,
		task.OperationDelete: pb.Operation_delete,
	}
	operationStates = [...]pb.Operation_State{
		task.OperationRunning: pb.Operation_running,
		task.OperationWaiting: pb.Operation_waiting_canary,
		task.OperationDone:    pb.Operation_done,
		task.OperationAborted: pb.Operation_aborted,
		task.OperationStopped: pb.Operation_stopped,
	}
)

// viewOperation is an operation as the API shows it.
func viewOperation(op *task.Operation) *pb.Operation {
	out := &pb.Operation{
		Id: op.ID.String(), Action: operationActions[op.Action], Name: op.Name, Rate: op.Rate, State: operationStates[op.State],
		Selection: &pb.Selection{Queue: op.Queue, Kind: op.Kind, Where: op.Filter},
		Expected:  op.Expected, Visited: op.Visited, Matched: op.Matched, Changed: op.Changed, Skipped: op.Skipped, Failed: op.Failed,
		StartedAt: timestamp(op.StartedAt), UpdatedAt: timestamp(op.UpdatedAt), EndedAt: timestamp(op.EndedAt), NextAt: timestamp(op.NextAt),
		Stage: uint32(op.Stage), CanaryTasks: op.CanaryTasks, CanaryFailed: op.CanaryFailed, Message: operationMessage(op),
	}
	for _, st := range op.States {
		out.Selection.States = append(out.Selection.States, states[st])
	}
	if op.CanaryWait > 0 {
		percent := float64(op.CanaryFailures) / 10
		out.Canary = &pb.Canary{WaitSeconds: seconds(op.CanaryWait), MaxFailedPercent: &percent}
	}
	for _, e := range op.Errors {
		out.Errors = append(out.Errors, &pb.OperationError{TaskId: e.ID.String(), Error: partStatus(operationFault(e))})
	}
	return out
}

// operationMessage says why an operation stopped.
func operationMessage(op *task.Operation) string {
	switch {
	case op.Why != "":
		return op.Why
	case op.State == task.OperationStopped:
		return fmt.Sprintf("of %s that were retried first %d became dead letters again, and at most %g%% may",
			countOf(op.CanaryTasks, "task"), op.CanaryFailed, float64(op.CanaryFailures)/10)
	}
	return ""
}

// operationFault is why an operation didn't change a task.
func operationFault(e task.OperationError) error {
	if e.Code == task.Invalid {
		return invalid("the filter couldn't be evaluated for this task: it costs too much, or the payload can't be read")
	}
	return &taskError{id: e.ID, code: e.Code, state: e.State}
}

// operationError refuses to abort what has ended.
type operationError struct{ op *pb.Operation }

func (e *operationError) Error() string {
	return fmt.Sprintf("operation %s has ended already: it is %s", e.op.GetId(), e.op.GetState())
}

func (e *operationError) Unwrap() error { return task.WrongState }
