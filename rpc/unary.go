package rpc

import (
	"context"
	"math"
	"time"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// unlistedOf returns what is remembered of a session that uses the unary calls.
func (s *workerService) unlistedOf(session uint64) *unlisted {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.unlisted[session]
	if u == nil {
		u = &unlisted{}
		s.unlisted[session] = u
	}
	return u
}

// forget drops what is remembered of sessions; nil: of all.
func (s *workerService) forget(sessions []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sessions == nil {
		clear(s.unlisted)
	}
	for _, id := range sessions {
		delete(s.unlisted, id)
	}
}

// Lease takes tasks, and waits for the first if there is none. The session is kept by Heartbeat, not by this.
func (s *workerService) Lease(ctx context.Context, req *pb.LeaseRequest) (*pb.LeaseResponse, error) {
	if err := checkLease(req); err != nil {
		return nil, err
	}
	var (
		session task.Session
		known   bool
	)
	s.node.Machine(func(m *task.Machine) { session, known = m.Session(req.GetSessionId()) })
	switch {
	case !s.dispatch.leads():
		return nil, notLeader(s.node)
	case !known:
		return nil, task.UnknownSession
	case session.Draining:
		return nil, errDrained
	}
	call := newLeaseCall()
	t := newTaker(&session, call.deliver)
	t.capacity, t.requestID = int(max(req.GetMaxTasks(), 1)), req.GetRequestId()
	g, err := s.await(ctx, t, call, time.Duration(req.GetWaitSeconds()*float64(time.Second)))
	if err != nil {
		return nil, err
	}
	return s.leased(session.ID, g)
}

func checkLease(req *pb.LeaseRequest) error {
	if err := checkSession(req.GetSessionId()); err != nil {
		return err
	}
	if req.GetMaxTasks() > maxLeaseCall {
		return invalid("max_tasks must be 1 to %d, not %d", maxLeaseCall, req.GetMaxTasks())
	}
	if w := req.GetWaitSeconds(); math.IsNaN(w) || w < 0 || w > maxLeaseWait {
		return invalid("wait_seconds must be 0 to %d", maxLeaseWait)
	}
	return checkRequestID(req.GetRequestId())
}

// await waits for tasks. When the time is over it still waits for a command in flight, as what that brings would have to
// be given back.
func (s *workerService) await(ctx context.Context, t *taker, call *leaseCall, wait time.Duration) ([]task.Leased, error) {
	if wait == 0 || t.requestID != "" { // a repeated call is answered even if nothing is pending now
		s.dispatch.attempt(t)
	}
	if wait > 0 {
		if err := s.dispatch.add(t); err != nil {
			return nil, s.leading(err)
		}
	}
	defer s.dispatch.remove(t)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case g := <-call.got:
			return g.tasks, g.err
		case <-timer.C:
			call.last()
			if s.dispatch.retire(t) || !call.giveUp() {
				continue // an answer is on its way
			}
			return nil, nil
		case <-ctx.Done():
			if call.giveUp() {
				return nil, ctx.Err()
			}
			g := <-call.got
			s.dispatch.giveBack(t.session, g.tasks, task.NotRevoked)
			return nil, ctx.Err()
		}
	}
}

// leased answers with the tasks. Those that would make the answer too large are given back.
func (s *workerService) leased(session uint64, tasks []task.Leased) (*pb.LeaseResponse, error) {
	out := &pb.LeaseResponse{}
	size := 0
	for i := range tasks {
		if size += leasedBytes(&tasks[i]); i > 0 && size > maxReply {
			s.dispatch.giveBack(session, tasks[i:], task.NotRevoked)
			break
		}
		out.Tasks = append(out.Tasks, leasedTask(&tasks[i]))
	}
	return out, nil
}

func (s *workerService) Complete(ctx context.Context, req *pb.CompleteRequest) (*pb.CompleteResponse, error) {
	o, err := unaryOutcome(req.GetTaskId(), req.GetToken())
	if err != nil {
		return nil, err
	}
	if err := s.completed(&o, req.GetResult()); err != nil {
		return nil, err
	}
	_, err = s.finish(ctx, o)
	return &pb.CompleteResponse{}, err
}

func (s *workerService) Fail(ctx context.Context, req *pb.FailRequest) (*pb.FailResponse, error) {
	o, err := unaryOutcome(req.GetTaskId(), req.GetToken())
	if err != nil {
		return nil, err
	}
	if err := failed(&o, req.GetFailure()); err != nil {
		return nil, err
	}
	state, err := s.finish(ctx, o)
	return &pb.FailResponse{State: states[state]}, err
}

func (s *workerService) Snooze(ctx context.Context, req *pb.SnoozeRequest) (*pb.SnoozeResponse, error) {
	o, err := unaryOutcome(req.GetTaskId(), req.GetToken())
	if err != nil {
		return nil, err
	}
	o.Kind = task.OutcomeSnooze
	if o.Delay, err = microseconds("", "delay_seconds", req.GetDelaySeconds()); err != nil {
		return nil, err
	}
	_, err = s.finish(ctx, o)
	return &pb.SnoozeResponse{}, err
}

func (s *workerService) Release(ctx context.Context, req *pb.ReleaseRequest) (*pb.ReleaseResponse, error) {
	o, err := unaryOutcome(req.GetTaskId(), req.GetToken())
	if err != nil {
		return nil, err
	}
	o.Kind = task.OutcomeRelease
	_, err = s.finish(ctx, o)
	return &pb.ReleaseResponse{}, err
}

func unaryOutcome(id string, token uint64) (o task.Outcome, err error) {
	if o.ID, err = taskID("task_id", id); err != nil {
		return o, err
	}
	if o.Token = token; token == 0 {
		return o, invalid("token is required: the lease's token")
	}
	return o, nil
}

// finish records one outcome and returns the task's state after it.
func (s *workerService) finish(ctx context.Context, o task.Outcome) (task.State, error) {
	res, err := propose(ctx, s.node, &task.Finish{Outcomes: []task.Outcome{o}}, true)
	if err != nil {
		return task.None, err
	}
	switch item := res.Items[0]; item.Code {
	case task.OK:
		return item.State, nil
	case task.NotLive, task.StaleToken:
		return s.recorded(ctx, &o)
	default:
		return task.None, &taskError{id: o.ID, code: item.Code, state: item.State}
	}
}
