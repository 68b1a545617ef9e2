package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/rowlock/rowlock/client"
)

// clock is how moments are shown.
const clock = "15:04:05.000"

// run is one run.
type run struct {
	config
	ctx    context.Context // ends at the first breach, with it as the cause
	cancel context.CancelCauseFunc
	began  time.Time

	group  *group
	client *client.Client // of audits and unary workers
	ledger *ledger
	tally  *tally
	dest   string // of backups and archives

	resumed   time.Time       // when the group was last resumed: moments before are in other timelines
	timelines map[string]bool // that restores have begun
	beside    int             // groups that were restored beside

	mu  sync.Mutex // guards out
	out io.Writer
}

func newRun(ctx context.Context, c config, out io.Writer) *run {
	r := &run{config: c, began: time.Now(), ledger: newLedger(), tally: newTally(), dest: filepath.Join(c.dir, "archives"), timelines: map[string]bool{}, out: out}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	return r
}

// say writes a line with the time since the beginning.
func (r *run) say(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%7.1f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// breach ends the run because of what must not be.
func (r *run) breach(err error) { r.cancel(err) }

// play does all of it.
func (r *run) play() (err error) {
	r.say("chaos %s in %s", r.flags(), r.dir)
	logs := filepath.Join(r.dir, "logs")
	for _, dir := range []string{logs, r.dest} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
	}
	r.group, err = newGroup(r.binary, filepath.Join(r.dir, "group"), logs,
		"--archive-to", r.dest, "--archive-every", "1s", "--session-ttl", "6s", "--vacuum-min-size", "1MiB")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.group.end()) }()
	if err := r.group.start(r.ctx, 0, 1, 2); err != nil {
		return err
	}
	if err := r.group.whole(r.ctx); err != nil {
		return err
	}
	if r.client, err = client.New(client.Config{Addrs: r.group.api(0)}); err != nil {
		return err
	}
	defer r.client.Close()
	l, err := r.startLoad(r.ctx)
	if l != nil {
		defer l.end()
	}
	r.resumed = time.Now() // no restore takes the schedule away
	if err == nil {
		err = r.steps()
	}
	if err == nil {
		err = r.finish(l)
	}
	if cause := context.Cause(r.ctx); cause != nil {
		return cause // what ended the run, rather than what followed from that
	}
	return err
}

// steps does steps until the time is over, or the plan is done.
func (r *run) steps() error {
	for n := 0; ; n++ {
		random := rand.New(rand.NewPCG(r.seed, uint64(n)))
		s := pick(random)
		if len(r.plan) > 0 {
			if n == len(r.plan) {
				return nil
			}
			s = stepNamed(r.plan[n])
		}
		if time.Since(r.began) >= r.length {
			return nil
		}
		if !pause(r.ctx, time.Duration(300+random.IntN(2200))*time.Millisecond) {
			return context.Cause(r.ctx)
		}
		if err := s.do(r, random); err != nil {
			return fmt.Errorf("step %d, %s: %w", n, s.name, err)
		}
		r.tally.add(s.name)
		if err := r.group.alive(); err != nil {
			return fmt.Errorf("behind step %d, %s: %w", n, s.name, err)
		}
	}
}

// summarize tells what was done.
func (r *run) summarize() {
	accepted, completed := r.ledger.counts()
	r.say("%d enqueues and %d completions are in the ledger; done:", accepted, completed)
	r.tally.print(r.out)
}
