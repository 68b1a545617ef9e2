package rpc

import (
	"context"
	"fmt"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// workflowService implements rowlock.v1.WorkflowService.
type workflowService struct {
	pb.UnimplementedWorkflowServiceServer
	node   Node
	limits Limits
}

func (s *workflowService) EnqueueGraph(ctx context.Context, req *pb.EnqueueGraphRequest) (*pb.EnqueueGraphResponse, error) {
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	if err := checkLength("", "name", req.GetName(), maxName); err != nil {
		return nil, err
	}
	tasks, err := s.limits.newGraph(req.GetTasks())
	if err != nil {
		return nil, err
	}
	cmd := &task.EnqueueGraph{Name: req.GetName(), Tasks: tasks}
	if n := len(task.AppendCommand(nil, cmd)); n > maxGraphBytes {
		return nil, invalid("tasks takes %d bytes with its labels and dependencies, but a graph may take at most %d: make it smaller, or several", n, maxGraphBytes)
	}
	res, err := s.proposeGraph(ctx, req.GetRequestId(), cmd)
	if err != nil {
		return nil, onceMore(err, req.GetRequestId() != "")
	}
	if len(res.Items) != len(tasks) {
		return nil, errMixedUp
	}
	out := &pb.EnqueueGraphResponse{WorkflowId: res.Items[0].ID.String(), TaskIds: make(map[string]string, len(tasks))}
	for i := range tasks {
		out.TaskIds[tasks[i].Ref] = res.Items[i].ID.String()
	}
	return out, nil
}

// proposeGraph proposes a graph, again with what the history says while it depends on tasks that finish meanwhile.
func (s *workflowService) proposeGraph(ctx context.Context, requestID string, cmd *task.EnqueueGraph) (task.Result, error) {
	for round := 1; ; round++ {
		results, err := submit(ctx, s.node, []task.Command{once(requestID, cmd)}, false)
		if err != nil {
			return task.Result{}, err
		}
		res := results[0]
		switch {
		case res.Code == task.ResolveAgain && round < maxRounds:
			if err := s.resolve(ctx, cmd.Tasks); err != nil {
				return res, err
			}
		case res.Code != task.OK && len(res.Items) == 1:
			return res, graphRefusal(cmd.Tasks, &res.Items[0])
		default:
			return res, res.Code.Err()
		}
	}
}

func (s *workflowService) resolve(ctx context.Context, tasks []task.NewTask) error {
	return s.node.Read(ctx, false, func(v *raftfsm.View) error {
		k := newKinReader(v, maxCarried)
		for i := range tasks {
			refusal, err := k.resolve(&tasks[i])
			if err != nil {
				return err
			}
			if refusal != nil {
				return &memberError{ref: tasks[i].Ref, err: refusal}
			}
		}
		return nil
	})
}

// memberError is a refusal of a graph because of one of its tasks.
type memberError struct {
	ref   string
	field string // "": the error names it
	err   error
}

func (e *memberError) Error() string {
	if e.field == "" {
		return fmt.Sprintf("task %q: %v", e.ref, e.err)
	}
	return fmt.Sprintf("task %q: %s: %v", e.ref, e.field, e.err)
}
func (e *memberError) Unwrap() error { return e.err }

// graphRefusal says which field of which task is in the way.
func graphRefusal(tasks []task.NewTask, item *task.Item) error {
	if item.Other == 0 || item.Other > uint64(len(tasks)) {
		return item.Code
	}
	field := "queue"
	switch item.Code {
	case task.NoSuchBatch, task.BatchClosed:
		return &memberError{ref: tasks[item.Other-1].Ref, err: &batchError{code: item.Code}}
	case task.UniqueTaken:
		field = "unique_key"
	case task.DependencyFailed:
		field = "dependencies"
		if item.ID != 0 {
			field = "unique_key, which the graph depends on and would replace"
		}
	}
	return &memberError{ref: tasks[item.Other-1].Ref, field: field, err: &taskError{id: item.ID, code: item.Code}}
}

func (s *workflowService) GetWorkflow(ctx context.Context, req *pb.GetWorkflowRequest) (*pb.GetWorkflowResponse, error) {
	id, err := taskID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	out := &pb.GetWorkflowResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		w, ok := v.Workflow(id)
		if !ok {
			return noWorkflow(id)
		}
		out.Workflow = viewWorkflow(&w)
		if !req.GetWithTasks() {
			return nil
		}
		for member := w.ID; member < w.ID+task.ID(w.Tasks); member++ {
			t, ok, err := v.Task(member)
			if err != nil {
				return err
			}
			if ok {
				out.Tasks = append(out.Tasks, viewTask(&t, true))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func noWorkflow(id task.ID) error {
	return notFound("no workflow %s: its ID is that of its first task, and it is remembered for 24 h after its tasks have ended", id)
}

func viewWorkflow(w *task.Workflow) *pb.Workflow {
	c := &w.Counts
	state := pb.Workflow_completed
	switch {
	case c.Waiting+c.Running > 0:
		state = pb.Workflow_running
	case c.DeadLetter > 0:
		state = pb.Workflow_failed
	case w.Cancelled:
		state = pb.Workflow_cancelled
	}
	return &pb.Workflow{
		Id: w.ID.String(), Name: w.Name, State: state, Tasks: w.Tasks, CreatedAt: timestamp(w.CreatedAt), EndedAt: timestamp(w.EndedAt),
		Counts: &pb.WorkflowCounts{
			Waiting: c.Waiting, Running: c.Running, Completed: c.Completed, Cancelled: c.Cancelled, DeadLetter: c.DeadLetter, Deleted: c.Deleted,
		},
		Cancelling: w.Cancelling,
	}
}

func (s *workflowService) ListWorkflows(ctx context.Context, req *pb.ListWorkflowsRequest) (*pb.ListWorkflowsResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	at, err := parseCursor(req.GetCursor(), listWorkflows, 0)
	if err != nil {
		return nil, err
	}
	out := &pb.ListWorkflowsResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		list := v.Workflows(task.ID(at.a), limit)
		for i := range list {
			out.Workflows = append(out.Workflows, viewWorkflow(&list[i]))
		}
		if len(list) == limit {
			at.a = uint64(list[limit-1].ID)
			out.NextCursor = at.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *workflowService) CancelWorkflow(ctx context.Context, req *pb.CancelWorkflowRequest) (*pb.CancelWorkflowResponse, error) {
	id, err := taskID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	results, err := submit(ctx, s.node, []task.Command{once(req.GetRequestId(), &task.CancelWorkflow{ID: id})}, false)
	if err != nil {
		return nil, err
	}
	switch res := results[0]; {
	case res.Code == task.NoSuchWorkflow:
		return nil, noWorkflow(id)
	case res.Code != task.OK:
		return nil, res.Code
	case len(res.Items) != 1 || res.Items[0].ID != id:
		return nil, errMixedUp
	default:
		return &pb.CancelWorkflowResponse{Tasks: uint32(res.Items[0].Other)}, nil
	}
}
