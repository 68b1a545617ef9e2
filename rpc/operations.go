package rpc

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

const (
	maxRate            = 1_000_000 // tasks per second
	minCanaryWait      = 1         // seconds
	maxCanaryWait      = 24 * 3600
	defaultCanaryWait  = 300
	defaultCanaryShare = 10 // percent
	// countExamples is how many tasks CountOperation shows.
	countExamples = 5
	// listOperations is the kind of the cursors of ListOperations.
	listOperations byte = 40
)

// operationService implements rowlock.v1.OperationService.
type operationService struct {
	pb.UnimplementedOperationServiceServer
	node Node
	now  func() time.Time
}

func (s *operationService) StartOperation(ctx context.Context, req *pb.StartOperationRequest) (*pb.StartOperationResponse, error) {
	sel, err := s.selection(ctx, req.GetAction(), req.GetSelection())
	if err != nil {
		return nil, err
	}
	plan, err := operationPlan(sel, req)
	if err != nil {
		return nil, err
	}
	if plan.CanaryWait > 0 && plan.Expected == 0 {
		counted := newSearch(s.node, sel.scan(), sel.filter, s.now())
		if _, err := counted.all(ctx, func(*task.Task) { plan.Expected++ }); err != nil {
			return nil, err
		}
	}
	res, err := propose(ctx, s.node, once(req.GetRequestId(), &task.StartOperation{Plan: plan}), false)
	if err != nil {
		return nil, err
	}
	if len(res.Items) != 1 {
		return nil, errMixedUp
	}
	op, err := s.read(ctx, res.Items[0].ID)
	if err != nil {
		return nil, err
	}
	return &pb.StartOperationResponse{Operation: op}, nil
}

// selection checks a selection. A queue that it names must be there: a typing mistake shall not look like an empty set.
func (s *operationService) selection(ctx context.Context, action pb.Operation_Action, in *pb.Selection) (*selection, error) {
	sel, err := newSelection(action, in)
	if err == nil {
		err = s.queueThere(ctx, sel.queue)
	}
	return sel, err
}

func (s *operationService) queueThere(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	return s.node.Read(ctx, false, func(v *raftfsm.View) error {
		if _, ok := v.Queue(name); !ok {
			return notFound("no queue %q", name)
		}
		return nil
	})
}

func operationPlan(sel *selection, req *pb.StartOperationRequest) (plan task.OperationPlan, err error) {
	plan = task.OperationPlan{
		Action: sel.action, Queue: sel.queue, Kind: sel.kind, States: sel.states, Filter: sel.filter.String(),
		Name: req.GetName(), Expected: req.GetExpected(), Rate: req.GetRate(),
	}
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return plan, err
	}
	if err := checkLength("", "name", plan.Name, maxName); err != nil {
		return plan, err
	}
	if plan.Rate > maxRate {
		return plan, invalid("rate must be at most %d tasks per second, or 0 for as fast as possible, not %d", maxRate, plan.Rate)
	}
	if req.GetCanary() == nil {
		return plan, nil
	}
	return plan, setCanary(&plan, req.GetCanary())
}

func setCanary(plan *task.OperationPlan, in *pb.Canary) error {
	if plan.Action != task.OperationRetry {
		return invalid("canary is for retry: what is cancelled or deleted can't fail again")
	}
	wait := in.GetWaitSeconds()
	if wait == 0 {
		wait = defaultCanaryWait
	}
	if !(wait >= minCanaryWait && wait <= maxCanaryWait) {
		return invalid("canary.wait_seconds must be %d to %d", minCanaryWait, maxCanaryWait)
	}
	share := float64(defaultCanaryShare)
	if in.MaxFailedPercent != nil {
		share = in.GetMaxFailedPercent()
	}
	if !(share >= 0 && share <= 100) {
		return invalid("canary.max_failed_percent must be 0 to 100")
	}
	plan.CanaryWait, plan.CanaryFailures = task.Duration(wait*1e6), uint16(math.Round(share*10))
	return nil
}

func (s *operationService) CountOperation(ctx context.Context, req *pb.CountOperationRequest) (*pb.CountOperationResponse, error) {
	sel, err := s.selection(ctx, req.GetAction(), req.GetSelection())
	if err != nil {
		return nil, err
	}
	out := &pb.CountOperationResponse{}
	counted := newSearch(s.node, sel.scan(), sel.filter, s.now())
	out.Complete, err = counted.all(ctx, func(t *task.Task) {
		if out.Matched++; len(out.GetExamples()) < countExamples {
			out.Examples = append(out.Examples, viewTask(t, true))
		}
	})
	if err != nil {
		return nil, err
	}
	out.Visited, out.Failed = counted.visited, counted.failed
	return out, nil
}

// operationID parses the ID of an operation, which looks like a task's.
func operationID(s string) (task.ID, error) {
	if s == "" {
		return 0, invalid("id is required: an operation's ID")
	}
	id, err := task.ParseID(s)
	if err != nil {
		return 0, invalid("id %q is no operation's ID: want 13 characters of Crockford base32, as 'rowlock operation list' shows them", clip(s))
	}
	return id, nil
}

func noOperation(id task.ID) error { return notFound("no operation %s, or it ended too long ago", id) }

func (s *operationService) read(ctx context.Context, id task.ID) (out *pb.Operation, err error) {
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		op, ok := v.Operation(id)
		if !ok {
			return noOperation(id)
		}
		out = viewOperation(&op)
		return nil
	})
	return out, err
}

func (s *operationService) GetOperation(ctx context.Context, req *pb.GetOperationRequest) (*pb.GetOperationResponse, error) {
	id, err := operationID(req.GetId())
	if err != nil {
		return nil, err
	}
	op, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return &pb.GetOperationResponse{Operation: op}, nil
}

func (s *operationService) ListOperations(ctx context.Context, req *pb.ListOperationsRequest) (*pb.ListOperationsResponse, error) {
	limit, err := pageLimit(req.GetLimit())
	if err != nil {
		return nil, err
	}
	query := queryHash(nil)
	if req.GetUnfinished() {
		query = queryHash(nil, "unfinished")
	}
	at, err := parseCursor(req.GetCursor(), listOperations, query)
	if err != nil {
		return nil, err
	}
	out := &pb.ListOperationsResponse{}
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		ops := v.Operations(task.ID(at.a), limit)
		if req.GetUnfinished() {
			ops = unfinishedBefore(v, task.ID(at.a), limit)
		}
		for i := range ops {
			out.Operations = append(out.Operations, viewOperation(&ops[i]))
		}
		if len(ops) == limit {
			at.a = uint64(ops[limit-1].ID)
			out.NextCursor = at.String()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// unfinishedBefore is a page of the operations that haven't ended, the newest first.
func unfinishedBefore(v *raftfsm.View, before task.ID, limit int) []task.Operation {
	ops := slices.DeleteFunc(v.UnfinishedOperations(), func(op task.Operation) bool { return before != 0 && op.ID >= before })
	slices.Reverse(ops)
	return ops[:min(limit, len(ops))]
}

func (s *operationService) AbortOperation(ctx context.Context, req *pb.AbortOperationRequest) (*pb.AbortOperationResponse, error) {
	id, err := operationID(req.GetId())
	if err != nil {
		return nil, err
	}
	if err := checkRequestID(req.GetRequestId()); err != nil {
		return nil, err
	}
	res, err := submitTogether(ctx, s.node, []task.Command{once(req.GetRequestId(), &task.AbortOperation{ID: id})}, false)
	if err != nil {
		return nil, err
	}
	switch code := res[0].Code; code {
	case task.OK, task.WrongState:
		op, err := s.read(ctx, id)
		if err == nil && code != task.OK {
			err = &operationError{op}
		}
		if err != nil {
			return nil, err
		}
		return &pb.AbortOperationResponse{Operation: op}, nil
	case task.NoSuchOperation:
		return nil, noOperation(id)
	default:
		return nil, code
	}
}
