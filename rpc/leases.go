package rpc

import (
	"errors"
	"time"

	"github.com/rowlock/rowlock/raftfsm"
	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task"
)

// revokedUnknown is what a worker is told of a lease that it lists and the machine doesn't know as its.
const revokedUnknown = "unknown"

// unlistedFor is how long a lease must be missing from a worker's lists before it counts as lost on its way.
const unlistedFor = 5 * time.Second

// lease is a lease as its worker lists it.
type lease struct {
	id      task.ID
	token   uint64
	started bool
}

func heldLeases(list []*pb.HeldLease) ([]lease, error) {
	if len(list) > maxHeld {
		return nil, invalid("held has %d leases, but a worker holds at most %d", len(list), maxHeld)
	}
	out := make([]lease, len(list))
	for i, h := range list {
		id, err := task.ParseID(h.GetTaskId())
		if err != nil {
			return nil, invalid("held[%d].task_id %q is %v", i, clip(h.GetTaskId()), err)
		}
		out[i] = lease{id, h.GetToken(), h.GetStarted()}
	}
	return out, nil
}

// compare returns the leases that the machine knows and the worker doesn't list, and the other way round.
func compare(ours []task.LeaseRef, held []lease) (missing []task.LeaseRef, foreign []lease) {
	listed := make(map[uint64]task.ID, len(held))
	for _, h := range held {
		listed[h.token] = h.id
	}
	for _, l := range ours {
		if id, ok := listed[l.Token]; ok && id == l.ID {
			delete(listed, l.Token)
			continue
		}
		missing = append(missing, l)
	}
	for _, h := range held {
		if _, left := listed[h.token]; left {
			foreign = append(foreign, h)
		}
	}
	return missing, foreign
}

// unlisted remembers since when leases have been missing from a worker's lists.
type unlisted struct{ since map[uint64]time.Time }

// sift takes the leases that a list lacks and returns those that have been lacking for long enough.
func (u *unlisted) sift(missing []task.LeaseRef, now time.Time) (lost []task.LeaseRef) {
	since := make(map[uint64]time.Time, len(missing))
	for _, l := range missing {
		first, known := u.since[l.Token]
		if !known {
			first = now
		}
		if now.Sub(first) >= unlistedFor {
			lost = append(lost, l)
			continue
		}
		since[l.Token] = first
	}
	u.since = since
	return lost
}

// markStarted tells the lessor which tasks have been started: only these count a worker's death.
func (s *workerService) markStarted(session uint64, held []lease) {
	var tokens []uint64
	for _, h := range held {
		if h.started {
			tokens = append(tokens, h.token)
		}
	}
	if len(tokens) > 0 {
		s.node.Sessions().MarkStarted(session, tokens)
	}
}

// reconcile compares a worker's list with the machine's. Leases that have long been missing are released; the worker's
// that aren't its are returned.
func (s *workerService) reconcile(session uint64, held []lease, u *unlisted) (foreign []lease, err error) {
	var ours []task.LeaseRef
	known := false
	s.node.Machine(func(m *task.Machine) {
		_, known = m.Session(session)
		ours = m.SessionLeases(session)
	})
	if !known {
		return nil, task.UnknownSession
	}
	missing, foreign := compare(ours, held)
	s.dispatch.release(session, u.sift(missing, s.now()), task.RevokedUnlisted)
	s.markStarted(session, held)
	return foreign, nil
}

// beat answers a heartbeat.
func (w *workStream) beat(b *pb.Beat) error {
	s := w.svc
	if err := s.node.Sessions().Renew(w.session); err != nil {
		return s.renewal(err)
	}
	ack := &pb.BeatAck{Sequence: b.GetSequence()}
	if b.GetHasList() {
		held, err := heldLeases(b.GetHeld())
		if err != nil {
			return err
		}
		foreign, err := s.reconcile(w.session, held, &w.unlisted)
		if err != nil {
			return err
		}
		for _, l := range foreign {
			w.revoked(l.id, l.token, revokedUnknown)
		}
	} else {
		s.node.Machine(func(m *task.Machine) {
			_, digest, ok := m.SessionHeld(w.session)
			ack.WantList = ok && digest != b.GetDigest()
		})
	}
	s.dispatch.recount(w.taker)
	w.remindStopping()
	w.out.put(func(b *batch) { b.beat = ack })
	return nil
}

// renewal names what a failed renewal means to a worker.
func (s *workerService) renewal(err error) error {
	if errors.Is(err, raftfsm.ErrUnknownSession) {
		return task.UnknownSession
	}
	return err
}
