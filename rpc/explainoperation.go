package rpc

import (
	"fmt"
	"slices"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
	"github.com/rowlock/rowlock/task/filter"
)

// operationsAhead are the unfinished bulk operations that have yet to visit a task, as far as their filters select it.
func operationsAhead(v *raftfsm.View, t *task.Task) []task.Operation {
	return slices.DeleteFunc(v.UnfinishedOperations(), func(op task.Operation) bool {
		return op.Finished() || t.ID >= op.ID || uint64(t.ID) <= op.Cursor.A || !slices.Contains(op.States, t.State) ||
			op.Queue != "" && op.Queue != t.Queue || op.Kind != "" && op.Kind != t.Kind
	})
}

// explainOperations says which of them are going to change the task. It isn't called under the member's lock: filters have
// to be compiled.
func explainOperations(ops []task.Operation, t *task.Task, now time.Time) (out []*pb.Reason) {
	for i := range ops {
		op := &ops[i]
		f, err := filter.Compile(op.Filter)
		if err != nil { // a later version's: the leader stops it
			continue
		}
		if yes, err := f.Match(t, now.UnixMicro()); err == nil && yes {
			out = append(out, &pb.Reason{Code: "operation", Message: fmt.Sprintf(
				"is what operation %s (%s, %s) is going to %s unless it changes before its turn", op.ID, op.Action, op.State, op.Action)})
		}
	}
	return out
}
