package worker_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

// flakyProxy passes connections on to a server, and cuts all of them again and again.
type flakyProxy struct {
	listener net.Listener
	server   string
	done     chan struct{}
	running  sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

func startFlakyProxy(t *testing.T, server string) *flakyProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &flakyProxy{listener: listener, server: server, done: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.running.Go(p.accept)
	p.running.Go(p.cut)
	t.Cleanup(p.stop)
	return p
}

func (p *flakyProxy) stop() {
	close(p.done)
	p.listener.Close()
	p.cutAll()
	p.running.Wait()
}

func (p *flakyProxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.server)
		if err != nil {
			from.Close()
			continue
		}
		p.mu.Lock()
		p.conns[from], p.conns[to] = struct{}{}, struct{}{}
		p.mu.Unlock()
		p.running.Go(func() { p.pass(from, to) })
		p.running.Go(func() { p.pass(to, from) })
	}
}

// pass ends both connections when one ends.
func (p *flakyProxy) pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

// cut lets connections live for 20 to 120 ms, and little by little for longer: on a busy machine nothing passes in so short a time.
func (p *flakyProxy) cut() {
	for begin := time.Now(); ; {
		select {
		case <-time.After(20*time.Millisecond + rand.N(100*time.Millisecond) + time.Since(begin)/50):
			p.cutAll()
		case <-p.done:
			return
		}
	}
}

func (p *flakyProxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

// Through a network that breaks all the time, every task that was enqueued is there once and is completed, and what a
// handler did counts once.
func TestFlakyNetwork(t *testing.T) {
	addr, err := server.Addr()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{Addrs: []string{startFlakyProxy(t, addr).listener.Addr().String()}, RetryFor: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	name := fmt.Sprint("flaky-", time.Now().UnixNano()) // a new one each time that the test runs
	w, err := worker.New(c, worker.Config{Queues: map[string]int{name: 1}})
	if err != nil {
		t.Fatal(err)
	}
	w.HandleFunc(worker.AnyKind, func(_ context.Context, t *worker.RawTask) error { return t.SetResult(t.ID) })
	stop := start(w)
	const producers, each = 16, 50
	var mu sync.Mutex
	ids := make(map[string]bool)
	var calls sync.WaitGroup
	for g := range producers {
		calls.Go(func() {
			for i := range each {
				r, err := c.Enqueue(t.Context(), client.Raw("job", fmt.Append(nil, g, i)), client.Queue(name))
				if err != nil {
					t.Errorf("Enqueue: %v", err)
					return
				}
				mu.Lock()
				ids[r.ID] = true
				mu.Unlock()
				<-time.After(rand.N(10 * time.Millisecond))
			}
		})
	}
	calls.Wait()

	steady := connect()
	defer steady.Close()
	for id := range ids {
		task, err := steady.Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if task.State != client.Completed || string(task.Result) != fmt.Sprintf("%q", id) || task.RetryCount != 0 || task.WorkerDeaths != 0 {
			t.Errorf("task %s: %s, result %s, %d retries, %d deaths", id, task.State, task.Result, task.RetryCount, task.WorkerDeaths)
		}
	}
	stop()
	queue, err := steady.Queues().Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != producers*each || queue.EnqueuedTotal != producers*each || queue.CompletedTotal != producers*each {
		t.Errorf("%d IDs, %d enqueued, %d completed, want %d", len(ids), queue.EnqueuedTotal, queue.CompletedTotal, producers*each)
	}
	t.Logf("the worker connected %d times, %d outcomes were refused", w.Stats().Connects, w.Stats().Refused)
}
