package rpc

import (
	"context"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// taskService implements rowlock.v1.TaskService.
type taskService struct {
	pb.UnimplementedTaskServiceServer
	node   Node
	limits Limits
	now    func() time.Time
}

func (s *taskService) OpenProducer(ctx context.Context, req *pb.OpenProducerRequest) (*pb.OpenProducerResponse, error) {
	if err := checkLength("", "name", req.GetName(), maxName); err != nil {
		return nil, err
	}
	res, err := propose(ctx, s.node, &task.OpenProducer{Name: req.GetName()}, false)
	if err != nil {
		return nil, err
	}
	return &pb.OpenProducerResponse{ProducerId: uint64(res.Items[0].ID), IdleTtlSeconds: seconds(task.ProducerTTL)}, nil
}

func (s *taskService) GetTask(ctx context.Context, req *pb.GetTaskRequest) (*pb.GetTaskResponse, error) {
	id, err := taskID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	lag := lagOf(s.node, req)
	t, at, err := readTask(ctx, s.node, id, req.GetStale())
	if err != nil {
		return nil, err
	}
	return &pb.GetTaskResponse{Task: viewTask(&t, req.GetOmitPayload()), Lag: lag, Position: at.String()}, nil
}

// readTask reads one task, live or finished, with its payload, and the position behind which the events are that came later.
func readTask(ctx context.Context, n Node, id task.ID, stale bool) (t task.Task, at task.Position, err error) {
	err = n.Read(ctx, stale, func(v *raftfsm.View) error {
		at = task.EndOf(v.Index())
		var ok bool
		if t, ok, err = v.Task(id); err != nil {
			return err
		}
		if !ok {
			return &taskError{id: id, code: task.NotLive}
		}
		return nil
	})
	return t, at, err
}
