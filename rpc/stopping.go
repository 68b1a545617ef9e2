package rpc

import (
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// stop asks the worker to end an attempt. It keeps the lease until it has.
func (w *workStream) stop(l task.LeaseRef) {
	w.out.put(func(b *batch) { b.stopping = append(b.stopping, stopRequest(l)) })
}

// remindStopping asks again for what the worker was asked for and hasn't done: it may have been asked by another leader, or on an older
// stream.
func (w *workStream) remindStopping() {
	for _, l := range w.svc.stopping(w.session) {
		w.stop(l)
	}
}

// stopping are the leases of a session whose attempts are to end.
func (s *workerService) stopping(session uint64) (leases []task.LeaseRef) {
	s.node.Machine(func(m *task.Machine) { leases = m.Stopping(session) })
	return leases
}

func stopRequest(l task.LeaseRef) *pb.StopRequest {
	return &pb.StopRequest{TaskId: l.ID.String(), Token: l.Token}
}
