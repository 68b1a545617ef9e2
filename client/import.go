package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// maxImportBytes is how many bytes of tasks one request of an import has at most; the servers take 4 MiB.
const maxImportBytes = 3 << 20

// Imported is what became of a task that was to be put back.
type Imported struct {
	ID string `json:"id"`
	// State is the one in which the task was put back, or that of the task that is in its way.
	State State `json:"state,omitempty"`
	// HolderID is the task that has its unique key.
	HolderID string `json:"holder_id,omitempty"`
	Err      error  `json:"-"`
}

// ImportOption changes how an import goes on.
type ImportOption func(*rowlockv1.ImportTasksRequest)

// ReplaceExisting lets imported tasks take the place of live ones with their IDs that aren't running and on which no others depend.
// Without it they are refused: ErrConflict.
func ReplaceExisting() ImportOption {
	return func(r *rowlockv1.ImportTasksRequest) { r.OnConflict = rowlockv1.ImportTasksRequest_replace }
}

// RerunFinished imports completed and cancelled tasks too, as pending ones. Without it they are refused: ErrState.
func RerunFinished() ImportOption {
	return func(r *rowlockv1.ImportTasksRequest) { r.Rerun = true }
}

// DryRun says what would become of each task if it were alone, and changes nothing.
func DryRun() ImportOption {
	return func(r *rowlockv1.ImportTasksRequest) { r.DryRun = true }
}

// Import puts tasks back under their own IDs, as Get or List returned them, with their payloads. A task that is there, live or in
// the history, is refused, so that an import can be repeated. There is an Imported for each task, in their order, and the error is
// a PartialError if any of them was refused. Give parents with their children, or before them.
func (c *Client) Import(ctx context.Context, tasks []*TaskInfo, options ...ImportOption) ([]Imported, error) {
	out := make([]Imported, 0, len(tasks))
	partial := PartialError{Total: len(tasks)}
	for len(tasks) > 0 {
		req := &rowlockv1.ImportTasksRequest{RequestId: rand.Text()}
		for _, option := range options {
			option(req)
		}
		size := 0
		for _, t := range tasks {
			p := t.proto()
			size += proto.Size(p) + 8
			if len(req.Tasks) == maxChange || len(req.Tasks) > 0 && size > maxImportBytes {
				break
			}
			req.Tasks = append(req.Tasks, p)
		}
		resp, err := c.tasks.ImportTasks(ctx, req)
		if err != nil {
			return out, err
		}
		if len(resp.GetResults()) != len(req.GetTasks()) {
			return out, unknown(fmt.Errorf("%d results for %d tasks", len(resp.GetResults()), len(req.GetTasks())))
		}
		for _, r := range resp.GetResults() {
			it := Imported{ID: r.GetId(), State: stateOf(r.GetState()), HolderID: r.GetHolderId(), Err: fromPart(r.GetError(), r.GetHolderId())}
			if it.Err != nil {
				partial.add(it.Err)
			}
			out = append(out, it)
		}
		tasks = tasks[len(req.GetTasks()):]
	}
	return out, partial.orNil()
}

// proto is the API's task with all that an import takes.
func (t *TaskInfo) proto() *rowlockv1.Task {
	p := &rowlockv1.Task{
		Id: t.ID, Queue: t.Queue, Kind: t.Kind, State: t.State.proto(), Priority: bounded(t.Priority), Payload: t.Payload,
		PayloadBytes: bounded(t.PayloadBytes), Labels: t.Labels, FairKey: t.FairKey, SingletonKey: t.SingletonKey, StickyKey: t.StickyKey,
		Require: t.Require, UniqueKey: t.UniqueKey, UniqueWindowSeconds: t.UniqueWindow.Seconds(), TraceContext: t.TraceContext,
		Attempt: bounded(t.Attempt), MaxAttempts: bounded(t.MaxAttempts), RetryCount: bounded(t.RetryCount),
		WorkerDeaths: bounded(t.WorkerDeaths), MaxWorkerDeaths: bounded(t.MaxWorkerDeaths), EnqueuedAt: stampOf(t.EnqueuedAt),
		RunAt: stampOf(t.RunAt), FinishedAt: stampOf(t.FinishedAt), ExpiresAt: stampOf(t.ExpiresAt), TimeoutSeconds: t.Timeout.Seconds(),
		Reason: t.Reason, RetryOf: t.RetryOf, DependsOn: t.DependsOn, OriginQueue: t.OriginQueue,
	}
	if b := t.Backoff; !b.IsZero() {
		p.Backoff = b.proto()
	}
	for _, d := range t.Dependencies {
		p.Dependencies = append(p.Dependencies, &rowlockv1.Dependency{TaskId: d.TaskID, When: d.When.proto()})
	}
	if t.OnParentFailure != "" {
		p.OnParentFailure = rowlockv1.ParentFailure(rowlockv1.ParentFailure_value[t.OnParentFailure])
	}
	for _, e := range t.Errors {
		p.Errors = append(p.Errors, &rowlockv1.TaskError{
			At: stampOf(e.At), Attempt: bounded(e.Attempt), Cause: e.Cause, Message: e.Message, WorkerId: e.WorkerID,
		})
	}
	return p
}

// stampOf makes the API's time; nil for the zero time.
func stampOf(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
