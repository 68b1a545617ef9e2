package rpc

import (
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/rowlock/rowlock/rpc/rowlockv1"
)

// A worker that doesn't read what it is sent gets no more, and goes on when it reads again.
func TestSlowWorker(t *testing.T) {
	m := start(t)
	const tasks = 160
	for range tasks / 8 {
		var batch []*pb.NewTask
		for range 8 {
			batch = append(batch, &pb.NewTask{Queue: "q", Payload: make([]byte, 240<<10)})
		}
		m.enqueue(batch...)
	}
	w := m.work(hello("q"), 4000)
	m.until("the outbox is full", func() bool {
		m.server.dispatch.mu.Lock()
		defer m.server.dispatch.mu.Unlock()
		return m.server.dispatch.streams[w.welcome.GetSessionId()].out.full.Load()
	})
	if n := m.metric("rowlock_leases"); n >= tasks {
		t.Errorf("a worker that reads nothing holds %v leases", n)
	}
	w.until(func() bool { return len(w.tasks) == tasks })
	if n := m.late(); n != 0 {
		t.Errorf("%v late wake-ups", n)
	}
}

// A member that no longer leads ends its streams and waiting calls; it takes them again when it leads.
func TestLeadershipEnds(t *testing.T) {
	m := start(t)
	w := m.work(hello("q"), 5)
	s := m.session("q")
	waiting := make(chan error)
	go func() {
		_, err := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: s, WaitSeconds: 30})
		waiting <- err
	}()
	takers := func() int {
		m.server.dispatch.mu.Lock()
		defer m.server.dispatch.mu.Unlock()
		return len(m.server.dispatch.takers)
	}
	m.until("both wait", func() bool { return takers() == 2 })
	m.server.dispatch.Leadership(false)
	if s := w.end(); s.Code() != codes.Unavailable || reasonOf(s) != "not_leader" {
		t.Errorf("the stream ended with %v", s)
	}
	if err := <-waiting; status.Code(err) != codes.Unavailable {
		t.Errorf("the waiting call ended with %v", err)
	}
	if _, err := m.workers.Lease(m.ctx(), &pb.LeaseRequest{SessionId: s}); status.Code(err) != codes.Unavailable {
		t.Errorf("a call of a member that doesn't lead: %v", err)
	}
	m.server.dispatch.Leadership(true)
	h := hello("q")
	h.SessionId = w.welcome.GetSessionId()
	again := m.work(h, 5)
	m.enqueue(some(1, "q")...)
	again.until(func() bool { return len(again.tasks) == 1 })
}

// Producers and workers at the same time: every task is run once, and nobody is overlooked.
func TestTraffic(t *testing.T) {
	m := start(t)
	const producers, workers, each = 8, 6, 300
	var group sync.WaitGroup
	for p := range producers {
		group.Go(func() {
			for i := range each {
				req := &pb.EnqueueRequest{Tasks: []*pb.NewTask{{Queue: fmt.Sprint("q", i%3), Kind: fmt.Sprint("k", p%2)}}}
				if out, err := m.tasks.Enqueue(m.ctx(), req); err != nil || out.GetResults()[0].GetError() != nil {
					t.Errorf("enqueue: %v, %v", out, err)
					return
				}
			}
		})
	}
	var mu sync.Mutex
	seen := map[string]int{}
	all := make(chan struct{})
	end := sync.OnceFunc(func() { close(all) })
	for i := range workers {
		h := hello("q0", "q1", "q2")
		if i%3 == 0 {
			h = hello(fmt.Sprint("q", i%2))
			h.Worker.Kinds = []string{"k0"}
		}
		w := m.work(h, uint32(1+i*5))
		group.Go(func() {
			go func() {
				<-all
				w.cancel()
			}()
			for w.next() == nil {
				var outcomes []*pb.Outcome
				mu.Lock()
				for _, l := range w.tasks {
					seen[l.GetId()]++
					outcomes = append(outcomes, completed(l, ""))
				}
				if len(seen) == producers*each && len(w.tasks) > 0 {
					end()
				}
				mu.Unlock()
				w.tasks = nil
				if len(outcomes) > 0 && w.stream.Send(&pb.WorkRequest{Outcomes: outcomes, Capacity: proto.Uint32(uint32(1 + i*5))}) != nil {
					return
				}
			}
		})
	}
	group.Wait()
	if len(seen) != producers*each {
		t.Errorf("%d tasks were leased, not %d", len(seen), producers*each)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("task %s was leased %d times", id, n)
		}
	}
	if n := m.late(); n != 0 {
		t.Errorf("%v late wake-ups", n)
	}
}

func TestLine(t *testing.T) {
	a, b, c := &taker{session: 1}, &taker{session: 2}, &taker{session: 3}
	l := &line{takers: []*taker{a, b, c}}
	visit := func(n int) (order []uint64) {
		l.each(func(t *taker) bool {
			order = append(order, t.session)
			return len(order) < n
		})
		return order
	}
	for _, want := range [][]uint64{{1, 2}, {3, 1}, {2, 3, 1}} {
		if got := visit(len(want)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("visited %v, not %v", got, want)
		}
	}
	l.remove(a)
	if got := visit(5); len(got) != 2 {
		t.Errorf("visited %v", got)
	}
	l.remove(b)
	l.remove(c)
	l.remove(c)
	if got := visit(5); got != nil {
		t.Errorf("visited %v", got)
	}
}
