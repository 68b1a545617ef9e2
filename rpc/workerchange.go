package rpc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// maxWorkerTasks is how many tasks of a worker GetWorker shows.
const maxWorkerTasks = 100

// errDrained answers a call of Lease for a session that takes no more.
var errDrained = &fault{codes.FailedPrecondition, "session_draining", "an operator drains this session, which gets no more tasks: finish what it holds, then close it"}

// GetWorker shows a session and what it runs.
func (s *workerService) GetWorker(ctx context.Context, req *pb.GetWorkerRequest) (*pb.GetWorkerResponse, error) {
	out := &pb.GetWorkerResponse{}
	err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
		session, err := findWorker(v.Sessions(), req.GetWorker())
		if err != nil {
			return err
		}
		out.Worker = s.viewWorker(&session)
		for _, l := range v.SessionLeases(session.ID) {
			if len(out.Tasks) == maxWorkerTasks {
				break
			}
			t, ok, err := v.Task(l.ID)
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

// DrainWorker marks a session. Its stream is told when the mark is applied.
func (s *workerService) DrainWorker(ctx context.Context, req *pb.DrainWorkerRequest) (*pb.DrainWorkerResponse, error) {
	session, err := s.worker(ctx, req.GetWorker())
	if err != nil {
		return nil, err
	}
	res, err := propose(ctx, s.node, &task.DrainSession{Session: session.ID}, true)
	if err != nil {
		return nil, err
	}
	if res.Items[0].Code != task.OK {
		return nil, noWorker(req.GetWorker())
	}
	session.Draining = true
	return &pb.DrainWorkerResponse{Worker: s.viewWorker(&session)}, nil
}

// EvictWorker ends a session: what ends it for its worker ends it for an operator.
func (s *workerService) EvictWorker(ctx context.Context, req *pb.EvictWorkerRequest) (*pb.EvictWorkerResponse, error) {
	session, err := s.worker(ctx, req.GetWorker())
	if err != nil {
		return nil, err
	}
	if err := s.close(ctx, session.ID); err != nil {
		return nil, err
	}
	return &pb.EvictWorkerResponse{Worker: s.viewWorker(&session)}, nil
}

// worker finds the session that a call names.
func (s *workerService) worker(ctx context.Context, name string) (found task.Session, err error) {
	err = s.node.Read(ctx, false, func(v *raftfsm.View) error {
		found, err = findWorker(v.Sessions(), name)
		return err
	})
	return found, err
}

// findWorker takes a name for a session's ID first, then for a worker_id.
func findWorker(all []task.Session, name string) (task.Session, error) {
	if name == "" {
		return task.Session{}, invalid("worker is required: a session's ID, or a worker_id")
	}
	if id, err := strconv.ParseUint(name, 10, 64); err == nil {
		if i := slices.IndexFunc(all, func(s task.Session) bool { return s.ID == id }); i >= 0 {
			return all[i], nil
		}
	}
	var named []task.Session
	for _, s := range all {
		if s.Worker == name {
			named = append(named, s)
		}
	}
	switch len(named) {
	case 0:
		return task.Session{}, noWorker(name)
	case 1:
		return named[0], nil
	}
	const shown = 10
	ids := make([]string, 0, shown)
	for i := range named[:min(len(named), shown)] {
		ids = append(ids, strconv.FormatUint(named[i].ID, 10))
	}
	if len(named) > shown {
		ids = append(ids, "…")
	}
	return task.Session{}, &fault{codes.FailedPrecondition, "ambiguous", fmt.Sprintf(
		"%d sessions have the worker_id %q: name one by its ID: %s", len(named), clip(name), strings.Join(ids, ", "))}
}

func noWorker(name string) error {
	return notFound("no worker %q: no open session has this ID or worker_id", clip(name))
}

// drain tells the takers of a session that it gets no more. Needs mu.
func (d *dispatcher) drain(session uint64) {
	if w := d.streams[session]; w != nil {
		w.out.put(func(b *batch) { b.drain = true })
		d.drop(w.taker)
	}
	for t := range d.takers {
		if t.session == session { // a call of Lease that waits
			t.deliver(nil, errDrained)
			d.drop(t)
		}
	}
}

// drainIfMarked is for a stream that has just begun: the mark may be older than it.
func (d *dispatcher) drainIfMarked(session uint64) {
	marked := false
	d.node.Machine(func(m *task.Machine) { marked = m.SessionDrains(session) })
	if marked {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.drain(session)
	}
}
