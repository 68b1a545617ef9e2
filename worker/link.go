package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

const (
	// helloTime is how long a server has to answer a Hello.
	helloTime      = 5 * time.Second
	firstReconnect = 20 * time.Millisecond
	// A group that lost its leader has another within seconds, and a long pause would outlast it: pauses are at most
	// soonReconnect for soonAttempts, which is some eight seconds, and at most maxReconnect from then on.
	soonReconnect = 250 * time.Millisecond
	soonAttempts  = 45
	maxReconnect  = 2 * time.Second
)

// link keeps the worker connected: one stream after another, in the same session where the servers still have it.
type link struct {
	config  Config
	service rowlockv1.WorkerServiceClient
	info    *rowlockv1.WorkerInfo
	ledger  *ledger
	heart   *heart
	wake    <-chan struct{} // there is something to send
	welcome func()          // is called after each welcome
	leave   <-chan struct{} // closed: say goodbye
	drain   func()          // is called when an operator drains the worker; more than once

	session uint64
}

// errNoAnswer is why a stream is given up; it makes the client go on to the next address.
var errNoAnswer = fmt.Errorf("%w: no answer to a heartbeat", client.ErrUnavailable)

// run connects, and connects again, until ctx is done, or goodbye was said. It returns an error if the servers refuse
// the worker before it ever had a session.
func (k *link) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		welcomed, err := k.connect(ctx)
		switch {
		case ctx.Err() != nil || k.leaving():
			return nil //nolint:nilerr // the stream had to end
		case errors.Is(err, client.ErrClosed), k.session == 0 && final(err):
			return fmt.Errorf("worker: %w", err)
		}
		if welcomed {
			attempt = 0
		}
		pause := reconnectPause(attempt)
		if telling(attempt) {
			k.config.Logger.Warn("no connection to the servers", "lost", welcomed, "attempt", attempt+1, "error", err, "retry_ms", pause.Milliseconds())
		}
		select {
		case <-time.After(pause):
		case <-k.leave:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// telling reports whether a failed attempt is worth a line in the log. Attempts come several a second, so that a failover is
// short; of a longer outage the log has the first ones, then fewer and fewer, down to one in about a quarter of a minute.
func telling(attempt int) bool {
	const seldom = 64
	return attempt%seldom == 0 || attempt < seldom && attempt&(attempt-1) == 0
}

func (k *link) leaving() bool {
	select {
	case <-k.leave:
		return true
	default:
		return false
	}
}

// final reports whether the servers will never take this worker.
func final(err error) bool {
	return errors.Is(err, client.ErrInvalid) || errors.Is(err, client.ErrDenied)
}

// reconnectPause doubles; the upper half is random, so that workers which were cut off together don't return together.
func reconnectPause(attempt int) time.Duration {
	limit := soonReconnect
	if attempt >= soonAttempts {
		limit = maxReconnect
	}
	d := min(firstReconnect<<min(attempt, 20), limit)
	return d/2 + rand.N(d/2+1)
}

// connect opens a stream and serves it until it ends.
func (k *link) connect(ctx context.Context) (welcomed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stream, err := k.service.Work(ctx)
	if err != nil {
		return false, err
	}
	first, err := k.hello(stream, cancel)
	if err != nil {
		return false, err
	}
	sender := make(chan struct{})
	go func() {
		defer close(sender)
		k.send(stream)
	}()
	watcher := make(chan struct{})
	go func() {
		defer close(watcher)
		k.watch(ctx, cancel)
	}()
	for resp := first; err == nil; resp, err = stream.Recv() {
		k.absorb(resp)
	}
	cancel(nil)
	<-sender
	<-watcher
	if cause := context.Cause(ctx); errors.Is(cause, errNoAnswer) {
		err = cause
	}
	return true, err
}

// hello opens or goes on with the session.
func (k *link) hello(stream rowlockv1.WorkerService_WorkClient, cancel context.CancelCauseFunc) (*rowlockv1.WorkResponse, error) {
	guard := time.AfterFunc(helloTime, func() { cancel(errNoAnswer) })
	defer guard.Stop()
	hello := &rowlockv1.Hello{Worker: k.info, SessionId: k.session}
	if k.session != 0 {
		_, hello.Held = k.ledger.list()
	}
	sent := time.Now()
	if err := stream.Send(&rowlockv1.WorkRequest{Hello: hello}); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	resp, err := stream.Recv() // has the reason of a failed Send
	if err != nil {
		return nil, err
	}
	welcome := resp.GetWelcome()
	if welcome == nil || welcome.GetTtlSeconds() <= 0 {
		return nil, errors.New("worker: the server did not say welcome")
	}
	fresh := welcome.GetFresh() || welcome.GetSessionId() != k.session
	k.config.Logger.Info("connected", "session", welcome.GetSessionId(), "node", welcome.GetNodeId(), "fresh", fresh)
	k.session = welcome.GetSessionId()
	k.heart.welcome(sent, time.Duration(welcome.GetTtlSeconds()*float64(time.Second)))
	k.ledger.reattach(fresh)
	k.ledger.connected()
	k.welcome()
	return resp, nil
}

// absorb takes in a message.
func (k *link) absorb(m *rowlockv1.WorkResponse) {
	k.ledger.acknowledge(m.GetAcked())
	k.ledger.refuse(m.GetRefused())
	k.ledger.revoke(m.GetRevoked())
	k.ledger.receive(m.GetTasks(), time.Now())
	k.ledger.stop(m.GetStopping()) // behind the tasks: one of them may be meant
	if m.GetDrain() {
		k.drain()
	}
	if b := m.GetBeat(); b != nil {
		k.heart.answered(b.GetSequence(), b.GetWantList())
		if b.GetWantList() {
			k.ledger.nudge()
		}
	}
}

// send sends what there is until the stream ends. While one message is being sent, the next fills.
func (k *link) send(stream rowlockv1.WorkerService_WorkClient) {
	var m rowlockv1.WorkRequest
	for {
		select {
		case <-k.wake:
		case <-k.leave:
			m.Reset()
			m.Goodbye = true
			if stream.Send(&m) == nil {
				_ = stream.CloseSend() // the end of the stream tells
			}
			return
		case <-stream.Context().Done():
			return
		}
		runtime.Gosched() // handlers that are about to finish join this message
		some := k.ledger.fill(&m)
		m.Beat = k.beat()
		if !some && m.Beat == nil {
			continue
		}
		if stream.Send(&m) != nil {
			return // Recv has the reason
		}
	}
}

// beat returns the heartbeat to send now; nil: none.
func (k *link) beat() *rowlockv1.Beat {
	sequence, list, due := k.heart.due(time.Now())
	if !due {
		return nil
	}
	b := &rowlockv1.Beat{Sequence: sequence, HasList: list}
	if list {
		b.Digest, b.Held = k.ledger.list()
	} else {
		b.Digest = k.ledger.sum()
	}
	return b
}
