package rpc

import (
	"context"
	"errors"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// batchService implements rowlock.v1.BatchService.
type batchService struct {
	pb.UnimplementedBatchServiceServer
	node   Node
	limits Limits
}

const (
	maxCallbackPayload = 16 << 10
	// maxCallbackSize is how many bytes the callbacks of a batch may have together, as sizeOf measures them: it leaves room for
	// their framing.
	maxCallbackSize = task.MaxBatchCallbackBytes - 4<<10
)

func (s *batchService) CreateBatch(ctx context.Context, req *pb.CreateBatchRequest) (*pb.CreateBatchResponse, error) {
	if err := checkLength("", "name", req.GetName(), maxName); err != nil {
		return nil, err
	}
	idle, err := idleTimeout(req.GetIdleTimeoutSeconds())
	if err != nil {
		return nil, err
	}
	cmd := &task.CreateBatch{Name: req.GetName(), IdleTimeout: idle}
	size := 0
	for k, c := range []struct {
		field string
		from  *pb.NewTask
	}{
		task.CallbackSuccess:  {"on_success", req.GetOnSuccess()},
		task.CallbackDeath:    {"on_death", req.GetOnDeath()},
		task.CallbackComplete: {"on_complete", req.GetOnComplete()},
	} {
		if c.from == nil {
			continue
		}
		t := &task.NewTask{}
		if err := s.callback(t, c.from); err != nil {
			return nil, invalid("%s.%v", c.field, err)
		}
		cmd.Callbacks[k] = t
		size += sizeOf(t)
	}
	if size > maxCallbackSize {
		return nil, invalid("on_success, on_death and on_complete take %d bytes, but may take at most %d together", size, maxCallbackSize)
	}
	item, err := s.propose(ctx, 0, req.GetRequestId(), cmd)
	if err != nil {
		return nil, err
	}
	b, err := s.read(ctx, item.ID, false)
	return &pb.CreateBatchResponse{Batch: b}, err
}

// idleTimeout checks how long a batch may be left open; 0: as long as the machine says.
func idleTimeout(given float64) (task.Duration, error) {
	idle, err := microseconds("", "idle_timeout_seconds", given)
	if err != nil {
		return 0, err
	}
	if least := task.Duration(1e6); idle != 0 && (idle < least || idle > task.MaxBatchIdle) {
		return 0, invalid("idle_timeout_seconds must be 1 to %.0f (366 days), or left out for 7 days, but is %v", seconds(task.MaxBatchIdle), given)
	}
	return idle, nil
}

// callback checks and converts the template of a callback.
func (s *batchService) callback(out *task.NewTask, t *pb.NewTask) error {
	limits := s.limits
	limits.PayloadBytes = min(limits.PayloadBytes, maxCallbackPayload)
	switch {
	case t.GetBatchId() != "":
		return invalid("batch_id is set, but a callback is in no batch: leave it out")
	case len(t.GetDependsOn()) > 0:
		return invalid("depends_on is set, but a callback waits for its batch only: leave it out")
	case len(t.GetDependencies()) > 0:
		return invalid("dependencies is set, but a callback waits for its batch only: leave it out")
	case t.GetOnParentFailure() != pb.ParentFailure_parent_failure_default:
		return invalid("on_parent_failure is set, but a callback waits for its batch only: leave it out")
	}
	return limits.newTask(out, t)
}

func (s *batchService) GetBatch(ctx context.Context, req *pb.GetBatchRequest) (*pb.GetBatchResponse, error) {
	id, err := batchID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	lag := lagOf(s.node, req)
	b, err := s.read(ctx, id, req.GetStale())
	if err != nil {
		return nil, err
	}
	return &pb.GetBatchResponse{Batch: b, Lag: lag}, nil
}

func (s *batchService) ListBatches(ctx context.Context, req *pb.ListBatchesRequest) (*pb.ListBatchesResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	at, err := parseCursor(req.GetCursor(), listBatches, 0)
	if err != nil {
		return nil, err
	}
	out := &pb.ListBatchesResponse{Lag: lagOf(s.node, req)}
	err = s.node.Read(ctx, req.GetStale(), func(v *raftfsm.View) error {
		list := v.Batches(task.ID(at.a), limit)
		for i := range list {
			out.Batches = append(out.Batches, viewBatch(&list[i]))
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

func (s *batchService) CloseBatch(ctx context.Context, req *pb.CloseBatchRequest) (*pb.CloseBatchResponse, error) {
	id, err := batchID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	if _, err := s.propose(ctx, id, req.GetRequestId(), &task.CloseBatch{ID: id}); err != nil {
		return nil, err
	}
	b, err := s.read(ctx, id, false)
	return &pb.CloseBatchResponse{Batch: b}, err
}

func (s *batchService) CancelBatch(ctx context.Context, req *pb.CancelBatchRequest) (*pb.CancelBatchResponse, error) {
	id, err := batchID("id", req.GetId())
	if err != nil {
		return nil, err
	}
	item, err := s.propose(ctx, id, req.GetRequestId(), &task.CancelBatch{ID: id})
	if err != nil {
		return nil, err
	}
	b, err := s.read(ctx, id, false)
	return &pb.CancelBatchResponse{Batch: b, Tasks: item.Other}, err
}

// propose replicates a command whose result is one item. A request_id that was used for another batch, or another call, is
// found by the answer on record.
func (s *batchService) propose(ctx context.Context, id task.ID, requestID string, c task.Command) (task.Item, error) {
	if err := checkRequestID(requestID); err != nil {
		return task.Item{}, err
	}
	res, err := propose(ctx, s.node, once(requestID, c), false)
	var code task.Code
	switch {
	case errors.As(err, &code):
		return task.Item{}, &batchError{id: id, code: code}
	case err != nil:
		return task.Item{}, err
	case len(res.Items) != 1 || res.Items[0].Code != task.OK || id != 0 && res.Items[0].ID != id:
		return task.Item{}, errMixedUp
	}
	return res.Items[0], nil
}

func (s *batchService) read(ctx context.Context, id task.ID, stale bool) (out *pb.Batch, err error) {
	err = s.node.Read(ctx, stale, func(v *raftfsm.View) error {
		b, ok := v.Batch(id)
		if !ok {
			return &batchError{id: id, code: task.NoSuchBatch}
		}
		out = viewBatch(&b)
		return nil
	})
	return out, err
}

// batchID parses the ID of a batch, which looks like a task's.
func batchID(field, s string) (task.ID, error) {
	if s == "" {
		return 0, invalid("%s is required: a batch's ID", field)
	}
	id, err := task.ParseID(s)
	if err != nil {
		return 0, invalid("%s %q is not a batch ID: want the 13 characters that CreateBatch answered with", field, clip(s))
	}
	return id, nil
}
