package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

// hanging passes connections on to a server until it hangs: then they stay open, and nothing passes.
type hanging struct {
	addr string
	hung chan struct{}
}

func startHanging(t *testing.T, to string) *hanging {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hanging{addr: l.Addr().String(), hung: make(chan struct{})}
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			mu.Lock()
			open = append(open, near, far)
			mu.Unlock()
			go h.pass(near, far)
			go h.pass(far, near)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			c.Close()
		}
	})
	return h
}

func (h *hanging) pass(from io.Reader, to io.Writer) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-h.hung:
			continue
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// A server that hangs with its connections open is given up long before AttemptTimeout; one that is slow isn't.
func TestNoSignOfLife(t *testing.T) {
	f := startFake(t)
	h := startHanging(t, f.addr)
	c := newClient(t, client.Config{Addrs: []string{h.addr, f.addr}, AttemptTimeout: time.Hour})
	if _, err := c.Enqueue(t.Context(), raw("a")); err != nil {
		t.Fatal(err)
	}
	close(h.hung)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Enqueue(ctx, raw("b")); err != nil || f.count("b") != 1 {
		t.Errorf("%d tasks, %v", f.count("b"), err)
	}
}

// A stream that is given up for that ends as one whose server isn't available, not as one that its caller has cancelled.
func TestNoSignOfLifeOfStream(t *testing.T) {
	f := startFake(t)
	h := startHanging(t, f.addr)
	c := newClient(t, client.Config{Addrs: []string{h.addr}})
	if _, err := c.Enqueue(t.Context(), raw("a")); err != nil {
		t.Fatal(err)
	}
	close(h.hung)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := rowlockv1.NewRestoreServiceClient(c.Conn()).RestoreCluster(ctx)
	if err == nil {
		_, err = stream.CloseAndRecv()
	}
	if !errors.Is(err, client.ErrUnavailable) {
		t.Errorf("%v, want it to be %v", err, client.ErrUnavailable)
	}
}
