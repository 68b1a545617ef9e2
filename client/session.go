package client

import (
	"context"
	"slices"
	"sync"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// session is a producer's registration with the servers. They execute each of its sequence numbers once, and keep the
// answers above acked_below for when they are asked again (Raft dissertation, 6.3).
type session struct {
	id uint64

	mu      sync.Mutex // guards what follows
	next    uint64
	unacked []uint64 // sequences on their way, ascending
}

// begin assigns the next sequence.
func (s *session) begin() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.unacked = append(s.unacked, s.next)
	return s.next
}

// end says that a sequence will not be sent again.
func (s *session) end(sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := slices.BinarySearch(s.unacked, sequence); ok {
		s.unacked = slices.Delete(s.unacked, i, i+1)
	}
}

// ackedBelow is the lowest sequence whose answer may still be asked for.
func (s *session) ackedBelow() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.unacked) > 0 {
		return s.unacked[0]
	}
	return s.next + 1
}

// sessions hands out the current session and opens a new one when there is none.
type sessions struct {
	name string
	pool *pool

	mu      sync.Mutex // guards current, and is held while one opens
	current *session
}

// get returns the session, and opens it first where needed.
func (s *sessions) get(ctx context.Context) (*session, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return s.current, nil
	}
	var resp rowlockv1.OpenProducerResponse
	req := &rowlockv1.OpenProducerRequest{Name: s.name}
	if e := s.pool.once(ctx, rowlockv1.TaskService_OpenProducer_FullMethodName, req, &resp); e != nil {
		return nil, e
	}
	s.current = &session{id: resp.GetProducerId()}
	return s.current, nil
}

// forget drops a session that the servers don't know any more.
func (s *sessions) forget(old *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == old {
		s.current = nil
	}
}
