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
	welcome := &pb.Welcome{NodeId: s.nodeID, TtlSeconds: s.node.Sessions().TTL().Seconds(), SessionId: hello.GetSessionId()}
	if welcome.GetSessionId() != 0 {
		w, err := s.resume(ctx, welcome.GetSessionId(), held)
		switch {
		case err == nil:
			return s.enter(w, welcome)
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
	w := s.newStream(&task.Session{ID: welcome.GetSessionId(), Queues: open.Queues, Kinds: open.Kinds})
	return s.enter(w, welcome)
}

// newStream makes a stream that of a session: from now on it is told of revocations. An older stream of the session ends,
// and nothing more is granted to it.
func (s *workerService) newStream(session *task.Session) *workStream {
	w := &workStream{
		svc: s, session: session.ID, out: newOutbox(), slots: make(chan struct{}, maxFinishing), ended: make(chan struct{}),
	}
	w.taker = newTaker(session, w.deliver)
	w.taker.counted, w.taker.full, w.taker.size = true, &w.out.full, firstSize
	d := s.dispatch
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.streams[w.session]; old != nil {
		old.end(errSuperseded)
		d.drop(old.taker)
	}
	d.streams[w.session] = w
	s.metrics.streams.Inc()
	return w
}

// enter begins to serve a stream.
func (s *workerService) enter(w *workStream, welcome *pb.Welcome) (*workStream, error) {
	w.out.put(func(b *batch) { b.welcome = welcome })
	if err := s.dispatch.add(w.taker); err != nil {
		s.detach(w)
		return nil, s.leading(err)
	}
	s.dispatch.recount(w.taker)
	s.dispatch.drainIfMarked(w.session)
	return w, nil
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
func (s *workerService) resume(ctx context.Context, id uint64, held []lease) (*workStream, error) {
	var session task.Session
	known := false
	s.node.Machine(func(m *task.Machine) { session, known = m.Session(id) })
	switch {
	case !s.dispatch.leads():
		return nil, notLeader(s.node)
	case !known:
		return nil, task.UnknownSession
	}
	w := s.newStream(&session)
	if err := s.agree(ctx, w, held); err != nil {
		s.detach(w)
		return nil, err
	}
	return w, nil
}

// agree makes the two lists one. The older stream has ended by now, so that what it may have been granted is on ours.
func (s *workerService) agree(ctx context.Context, w *workStream, held []lease) error {
	var ours []task.LeaseRef
	err := s.node.Read(ctx, false, func(v *raftfsm.View) error {
		ours = v.SessionLeases(w.session)
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.node.Sessions().Renew(w.session); err != nil {
		return s.renewal(err)
	}
	missing, foreign := compare(ours, held)
	s.dispatch.release(w.session, missing, task.NotRevoked)
	for _, l := range foreign {
		w.revoked(l.id, l.token, revokedUnknown)
	}
	s.dispatch.setHeld(w.taker, len(ours)-len(missing))
	s.markStarted(w.session, held)
	w.remindStopping()
	return nil
}

// leading names the leader in an error of the dispatcher.
func (s *workerService) leading(err error) error {
	if errors.Is(err, errNotLeading) {
		return notLeader(s.node)
	}
	return err
}
