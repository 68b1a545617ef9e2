package rpc

import (
	"context"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// change is a call that changes many tasks: what it asks for, and what became of each.
type change struct {
	ids     []task.ID
	request string
	results []*pb.TaskResult
	gone    []int // the tasks that aren't live, by their place in ids
}

func newChange(ids []string, requestID string) (*change, error) {
	if len(ids) == 0 {
		return nil, invalid("ids is required: at least one task ID")
	}
	if err := checkRequestID(requestID); err != nil {
		return nil, err
	}
	list, err := taskIDs("", "ids", ids, maxIDs)
	if err != nil {
		return nil, err
	}
	c := &change{ids: list, request: requestID, results: make([]*pb.TaskResult, len(ids))}
	for i, id := range list {
		c.results[i] = &pb.TaskResult{Id: id.String()}
	}
	return c, nil
}

// propose replicates the command that concerns all tasks of the call.
func (c *change) propose(ctx context.Context, n Node, cmd task.Command) error {
	res, err := propose(ctx, n, once(c.request, cmd), false)
	if err != nil {
		return err
	}
	if len(res.Items) != len(c.ids) {
		return errMixedUp
	}
	for i, item := range res.Items {
		switch {
		case item.ID != c.ids[i]:
			return errMixedUp
		case item.Code == task.NotLive:
			c.gone = append(c.gone, i)
		case item.Code.Err() != nil:
			c.refuse(i, &taskError{id: item.ID, code: item.Code, state: item.State})
		}
	}
	return nil
}

func (c *change) refuse(i int, err error) { c.results[i].Error = partStatus(err) }

// lookUp reads the tasks that aren't live from the history and gives each to fn; those that aren't there either are
// refused.
func (c *change) lookUp(ctx context.Context, n Node, fn func(i int, t *task.Task)) error {
	if len(c.gone) == 0 {
		return nil
	}
	return n.Read(ctx, false, func(v *raftfsm.View) error {
		for _, i := range c.gone {
			t, ok, err := v.Task(c.ids[i])
			if err != nil {
				return err
			}
			if !ok {
				c.refuse(i, &taskError{id: c.ids[i], code: task.NotLive})
				continue
			}
			fn(i, &t)
		}
		return nil
	})
}

// refuseFinished refuses the tasks that have finished, except those in a state that the call wants anyway.
func (c *change) refuseFinished(ctx context.Context, n Node, wanted task.State) error {
	return c.lookUp(ctx, n, func(i int, t *task.Task) {
		if t.State != wanted {
			c.refuse(i, &taskError{id: t.ID, code: task.WrongState, state: t.State})
		}
	})
}

func (s *taskService) CancelTasks(ctx context.Context, req *pb.CancelTasksRequest) (*pb.CancelTasksResponse, error) {
	c, err := newChange(req.GetIds(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	if err := c.propose(ctx, s.node, &task.Cancel{IDs: c.ids}); err != nil {
		return nil, err
	}
	if err := c.refuseFinished(ctx, s.node, task.Cancelled); err != nil {
		return nil, err
	}
	return &pb.CancelTasksResponse{Results: c.results}, nil
}

func (s *taskService) MoveTasks(ctx context.Context, req *pb.MoveTasksRequest) (*pb.MoveTasksResponse, error) {
	c, err := newChange(req.GetIds(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	if err := checkQueue("", "queue", req.GetQueue()); err != nil {
		return nil, err
	}
	if err := c.propose(ctx, s.node, &task.Move{IDs: c.ids, Queue: req.GetQueue()}); err != nil {
		return nil, err
	}
	if err := c.refuseFinished(ctx, s.node, task.None); err != nil {
		return nil, err
	}
	return &pb.MoveTasksResponse{Results: c.results}, nil
}

func (s *taskService) ResetTasks(ctx context.Context, req *pb.ResetTasksRequest) (*pb.ResetTasksResponse, error) {
	c, err := newChange(req.GetIds(), req.GetRequestId())
	if err != nil {
		return nil, err
	}
	quiet, err := microseconds("", "older_than_seconds", req.GetOlderThanSeconds())
	if err != nil {
		return nil, err
	}
	var reset task.Command = &task.Reset{IDs: c.ids}
	if quiet > 0 && s.level() >= task.LevelFeatures {
		reset = &task.ResetQuiet{IDs: c.ids, Before: s.now().UnixMicro() - quiet}
	}
	if err := c.propose(ctx, s.node, reset); err != nil {
		return nil, err
	}
	if err := c.refuseFinished(ctx, s.node, task.None); err != nil {
		return nil, err
	}
	return &pb.ResetTasksResponse{Results: c.results}, nil
}

// level is the group's feature level.
func (s *taskService) level() (level uint32) {
	s.node.Machine(func(m *task.Machine) { level = m.FeatureLevel() })
	return level
}

func (s *taskService) RescheduleTask(ctx context.Context, req *pb.RescheduleTaskRequest) (*pb.RescheduleTaskResponse, error) {
	c, err := newChange([]string{req.GetId()}, req.GetRequestId())
	if err != nil {
		return nil, err
	}
	cmd := &task.Reschedule{ID: c.ids[0], Priority: task.KeepPriority}
	if req.Priority != nil {
		if err := checkPriority("", req.GetPriority()); err != nil {
			return nil, err
		}
		cmd.Priority = uint8(req.GetPriority())
	}
	if req.GetDelaySeconds() != 0 && req.GetRunAt() != nil {
		return nil, invalid("delay_seconds and run_at are both given: give one")
	}
	if cmd.Delay, err = microseconds("", "delay_seconds", req.GetDelaySeconds()); err != nil {
		return nil, err
	}
	if cmd.RunAt, err = moment("", "run_at", req.GetRunAt()); err != nil {
		return nil, err
	}
	// With nothing but a priority, the run time stays; with nothing at all, the task runs now.
	cmd.KeepTime = req.Priority != nil && req.GetDelaySeconds() == 0 && req.GetRunAt() == nil
	res, err := propose(ctx, s.node, once(c.request, cmd), false)
	if err != nil {
		return nil, err
	}
	if len(res.Items) != 1 || res.Items[0].ID != cmd.ID {
		return nil, errMixedUp
	}
	return &pb.RescheduleTaskResponse{}, s.single(ctx, res.Items[0])
}

// single is the outcome of a call for one task.
func (s *taskService) single(ctx context.Context, item task.Item) error {
	switch item.Code {
	case task.OK:
		return nil
	case task.NotLive:
		t, _, err := readTask(ctx, s.node, item.ID, false)
		if err != nil {
			return err
		}
		return &taskError{id: item.ID, code: task.WrongState, state: t.State}
	}
	return &taskError{id: item.ID, code: item.Code, state: item.State}
}
