package rpc

import (
	"context"
	"errors"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// attach opens a worker's session, or goes on with one, and makes the stream the session's.
func (s *workerService) attach(ctx context.Context, hello *pb.Hello) (*workStream, error) {
	open, err := openSession(hello.GetWorker())
	if err != nil {
		return nil, err
	}
	held, err := heldLeases(hello.GetHeld())
	if err != nil {
		return nil, err
	}
	welcome := &pb.Welcome{NodeId: s.nodeID, TtlSeconds: s.node.Sessions().TTL().Seconds()}
	w := &workStream{svc: s, out: newOutbox(), slots: make(chan struct{}, maxFinishing), ended: make(chan struct{})}
	if id := hello.GetSessionId(); id != 0 {
		switch err := s.resume(ctx, w, id, held); {
		case err == nil:
			welcome.SessionId = id
			return w, s.enter(w, welcome)
		case !errors.Is(err, task.UnknownSession):
			return nil, err
		}
		welcome.Fresh = true
	}
	res, err := propose(ctx, s.node, open, true)
	if err != nil {
		return nil, err
	}
	welcome.SessionId = uint64(res.Items[0].ID)
	w.serve(&task.Session{ID: welcome.GetSessionId(), Queues: open.Queues, Kinds: open.Kinds})
	return w, s.enter(w, welcome)
}

// serve makes the stream that of a session.
func (w *workStream) serve(s *task.Session) {
	w.session = s.ID
	w.taker = newTaker(s, w.deliver)
	w.taker.counted, w.taker.full, w.taker.size = true, &w.out.full, firstSize
}

// enter begins to serve a stream. An older stream of the same session ends.
func (s *workerService) enter(w *workStream, welcome *pb.Welcome) error {
	w.out.put(func(b *batch) { b.welcome = welcome })
	d := s.dispatch
	d.mu.Lock()
	if old := d.streams[w.session]; old != nil {
		old.end(errSuperseded)
		d.drop(old.taker)
	}
	d.streams[w.session] = w
	d.mu.Unlock()
	s.metrics.streams.Inc()
	if err := d.add(w.taker); err != nil {
		s.detach(w)
		return s.leading(err)
	}
	d.recount(w.taker)
	return nil
}

// detach stops serving a stream. Its session goes on until its TTL passes or another stream takes it up; what was about
// to be sent is given back.
func (s *workerService) detach(w *workStream) {
	w.end(nil)
	d := s.dispatch
	d.mu.Lock()
	if d.streams[w.session] == w {
		delete(d.streams, w.session)
	}
	d.drop(w.taker)
	d.mu.Unlock()
	s.metrics.streams.Dec()
	left := w.out.close()
	d.giveBack(w.session, left.tasks, task.NotRevoked)
}

// resume goes on with a session. The worker's list and ours must come to agree: what it has and we don't is revoked,
// what we have and it doesn't was lost with its last stream and is given back.
func (s *workerService) resume(ctx context.Context, w *workStream, id uint64, held []lease) error {
	s.supersede(id)
	var session task.Session
	var ours []task.LeaseRef
	err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
		var ok bool
		if session, ok = v.Session(id); !ok {
			return task.UnknownSession
		}
		ours = v.SessionLeases(id)
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.node.Sessions().Renew(id); err != nil {
		return s.renewal(err)
	}
	w.serve(&session)
	missing, foreign := compare(ours, held)
	s.dispatch.release(id, missing, task.NotRevoked)
	for _, l := range foreign {
		w.revoked(l.id, l.token, revokedUnknown)
	}
	w.taker.held = len(ours) - len(missing)
	s.markStarted(id, held)
	return nil
}

// supersede ends the session's older stream before the lists are compared, so that nothing more is granted to it.
func (s *workerService) supersede(session uint64) {
	d := s.dispatch
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.streams[session]; old != nil {
		old.end(errSuperseded)
		d.drop(old.taker)
	}
}

// leading names the leader in an error of the dispatcher.
func (s *workerService) leading(err error) error {
	if errors.Is(err, errNotLeading) {
		return notLeader(s.node)
	}
	return err
}
