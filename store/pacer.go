package store

import (
	"context"
	"io"
	"math"
	"sync"
	"time"
)

// Pacer keeps those who copy the state in bulk, as backups do, from slowing down a member at work. All that share one
// get so many bytes a second together: the more of the time the log is being written, the fewer, and never fewer than the
// pacer's rate, so that a copy comes to its end however busy the member is. One that rests doesn't hold them up.
//
// The measure is the log because every acknowledged write waits for it, on a follower too, and because it feels
// whatever a copy takes from others: when the processor or the disk has less time for the log, its writes take longer, and
// the copy slows down.
type Pacer struct {
	rate float64                           // bytes a second that it always gets; 0: it isn't held up
	busy func(now time.Time) time.Duration // for how long the log has been written until now, all writes together; nil: always
	now  func() time.Time

	mu     sync.Mutex // guards the rest
	looked time.Time  // when busy was last asked,
	seen   time.Duration
	share  float64       // and of the time before, for how much of it the log was written: 0 to 1
	paid   time.Time     // when what was let through so far is paid for
	waits  time.Duration // all of them together
}

const (
	// DefaultBackupRate is what a backup gets from a member whose log is written without a pause, in bytes a second.
	DefaultBackupRate = 4 << 20
	// MinBackupRate is the least that can be asked for.
	MinBackupRate = 1 << 20

	// paceStep is about how many bytes pass at a time: few, so that nobody waits for long behind them.
	paceStep = 128 << 10
	// paceLook is how often the pacer looks at the log, and paceStale how old a look may be before it says nothing any more.
	paceLook  = 50 * time.Millisecond
	paceStale = time.Second
	// paceLate is what a copy may make up for: on a busy machine whoever waits is woken late, and must get the rate all the same.
	paceLate = 50 * time.Millisecond
	// restingShare is the share of the time below which a log counts as at rest: housekeeping writes some entries a second.
	restingShare = 1.0 / 64
	// spoolSpeed is how many times faster than all else the state file is copied beside itself. While that goes on the file
	// can't use its free pages again, and what is copied costs less than what is sent: nothing is packed.
	spoolSpeed = 8
)

// NewPacer returns one for those who copy the state beside a log. rate: bytes a second at least; 0: nobody is held up. Without
// a log the rate is all that they ever get.
func NewPacer(rate int64, log *LogStore) *Pacer {
	p := &Pacer{rate: float64(rate), now: time.Now}
	if log != nil {
		p.busy = log.written.until
	}
	return p
}

// Wait waits until n bytes more may be copied, or ctx is done. A nil Pacer holds nobody up.
func (p *Pacer) Wait(ctx context.Context, n int) error {
	if p == nil || p.rate <= 0 {
		return ctx.Err()
	}
	due := p.admit(n)
	if due <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(due)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Waited is for how long all have been held up together.
func (p *Pacer) Waited() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits
}

// atLeast is how many bytes pass in a time however busy the log is.
func (p *Pacer) atLeast(d time.Duration) int64 {
	if p == nil || p.rate <= 0 {
		return math.MaxInt64
	}
	return int64(min(p.rate*d.Seconds(), math.MaxInt64/2))
}

// admit enters n bytes and returns when they may pass: when all that came before is paid for.
func (p *Pacer) admit(n int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.look(now)
	if p.share < restingShare {
		p.paid = now
		return 0
	}
	if early := now.Add(-paceLate); p.paid.Before(early) {
		p.paid = early
	}
	due := max(p.paid.Sub(now), 0)
	p.waits += due
	p.paid = p.paid.Add(time.Duration(float64(n) * p.share / p.rate * float64(time.Second)))
	return due
}

// look measures how busy the log is. A log that gets busier slows the next piece down, and one that gets quieter does so
// little by little: the load comes in bursts. Who begins after a pause counts on a busy log. Needs mu.
func (p *Pacer) look(now time.Time) {
	span := now.Sub(p.looked)
	if !p.looked.IsZero() && span < paceLook {
		return
	}
	if p.busy == nil {
		p.share = 1
		return
	}
	seen := p.busy(now)
	if p.looked.IsZero() || span > paceStale {
		p.share = 1
	} else {
		share := min(float64(seen-p.seen)/float64(span), 1)
		p.share = max(share, (p.share+share)/2)
	}
	p.looked, p.seen = now, seen
}

// pacedWriter lets through what it may, a piece at a time, until its context is done.
type pacedWriter struct {
	ctx   context.Context //nolint:containedctx // an io.Writer has no other way to get one
	to    io.Writer
	pace  *Pacer
	speed int // how many bytes count as one
	owed  int // bytes that were written and not yet entered
}

func (w *pacedWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if w.owed += len(b); w.owed >= paceStep*w.speed {
		if err := w.pace.Wait(w.ctx, w.owed/w.speed); err != nil {
			return 0, err
		}
		w.owed = 0
	}
	return w.to.Write(b)
}

// pacedReader reads what it may, until its context is done.
type pacedReader struct {
	ctx  context.Context //nolint:containedctx // an io.Reader has no other way to get one
	from io.Reader
	pace *Pacer
}

// Paced reads no faster than the pacer allows, until ctx is done.
func Paced(ctx context.Context, from io.Reader, p *Pacer) io.Reader {
	return &pacedReader{ctx: ctx, from: from, pace: p}
}

func (r *pacedReader) Read(b []byte) (int, error) {
	b = b[:min(len(b), paceStep)]
	if err := r.pace.Wait(r.ctx, len(b)); err != nil {
		return 0, err
	}
	return r.from.Read(b)
}
