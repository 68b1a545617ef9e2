package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/test/process"
)

//go:embed hash.sh
var hashScript []byte

const (
	queue       = "hash"
	maxAttempts = 3
)

// demo is one run.
type demo struct {
	binary      string
	source      string // the directory to make tasks of
	most        int    // files
	concurrency int
	members     int // 1: a single node
	out         io.Writer

	work   string // the temporary directory
	group  *group
	client *client.Client
}

// play goes through the scenes.
func (d *demo) play(ctx context.Context) (err error) {
	start := time.Now()
	list, err := items(d.source, d.most)
	if err != nil {
		return err
	}
	if d.group, err = d.startGroup(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.group.end(err != nil)) }()
	if d.client, err = client.New(client.Config{Addrs: d.group.addrs}); err != nil {
		return err
	}
	defer d.client.Close()

	if err := d.enqueue(ctx, list); err != nil {
		return err
	}
	worker, err := d.startWorker()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end(worker)) }()
	began := time.Now()
	outage, err := d.job(ctx, worker, len(list))
	if err != nil {
		return err
	}
	rate := float64(len(list)) / time.Since(began).Seconds()
	if err := d.checkAll(ctx, list); err != nil {
		return err
	}
	if err := d.repair(ctx, worker, list); err != nil {
		return err
	}
	if err := d.checkGroup(ctx, list, outage); err != nil {
		return err
	}
	d.say("All is right: %d files hashed by %d programs at a time, %.0f a second; %d failed once and were retried, %d were dead letters until they were mended. %.1f s in all.",
		len(list), d.concurrency, rate, count(list, kindFlaky), count(list, kindMissing), time.Since(start).Seconds())
	if outage != nil {
		d.say("The failover took %.2f s.", outage.length.Seconds())
	}
	return nil
}

// job lets the worker do all tasks. The leader of a group is killed in the middle.
func (d *demo) job(ctx context.Context, worker *process.Process, total int) (*outage, error) {
	if len(d.group.nodes) == 1 {
		return nil, d.watch(ctx, worker, total, total)
	}
	if err := d.watch(ctx, worker, total, total/3); err != nil {
		return nil, err
	}
	outage, err := d.failover(ctx, worker, total)
	if err != nil {
		return nil, err
	}
	return outage, d.watch(ctx, worker, total, total)
}

// enqueue hands all items over, with the command line.
func (d *demo) enqueue(ctx context.Context, list []item) error {
	lines, err := taskFile(list)
	if err != nil {
		return err
	}
	path := filepath.Join(d.work, "tasks.jsonl")
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		return err
	}
	if _, err := d.rowlock(ctx, "queue", "set", queue, "--max-attempts", strconv.Itoa(maxAttempts), "--retry-delays", "100ms,300ms"); err != nil {
		return err
	}
	began := time.Now()
	ids, err := d.rowlock(ctx, "enqueue", queue, "--from-file", path)
	if err != nil {
		return err
	}
	if accepted := len(strings.Fields(ids)); accepted != len(list) {
		return fmt.Errorf("%d of %d tasks were accepted", accepted, len(list))
	}
	d.say("Enqueued %d tasks in %.2f s: one for each file of %s, %d of which will fail once, and %d that name files that aren't there",
		len(list), time.Since(began).Seconds(), d.source, count(list, kindFlaky), count(list, kindMissing))
	return nil
}

// startWorker starts `rowlock worker --exec` with the program.
func (d *demo) startWorker() (*process.Process, error) {
	if err := os.WriteFile(filepath.Join(d.work, "hash.sh"), hashScript, 0o600); err != nil {
		return nil, err
	}
	d.say("Starting a worker that runs sha256sum, %d at a time", d.concurrency)
	return process.Start(d.binary, process.Options{
		Dir:  d.work,
		Args: []string{"worker", "--addr", d.group.join(), "--queues", queue, "--concurrency", strconv.Itoa(d.concurrency), "--exec", "exec sh hash.sh"},
	})
}

// watch shows the progress until so many tasks have completed or are dead.
func (d *demo) watch(ctx context.Context, worker *process.Process, total, until int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for shown := -1; ; {
		q, err := d.client.Queues().Get(ctx, queue)
		if err != nil {
			return err
		}
		ended := int(q.CompletedTotal + q.DeadLetter)
		if share := 20 * ended / total; share != shown { // at most 20 lines
			shown = share
			d.say("  %6d of %d done, %d running, %d waiting for a retry, %d dead", q.CompletedTotal, total, q.Running, q.Scheduled, q.DeadLetter)
		}
		if ended >= until {
			return nil
		}
		select {
		case <-tick.C:
		case <-worker.Exited():
			return fmt.Errorf("the worker ended:\n%s", worker.Stderr)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// repair puts the missing files in their place and retries the dead letters, as an operator would.
func (d *demo) repair(ctx context.Context, worker *process.Process, list []item) error {
	table, err := d.rowlock(ctx, "dlq", "list", "--queue", queue)
	if err != nil {
		return err
	}
	d.say("Dead letters, by `rowlock dlq list`:\n%s", strings.TrimSpace(table))
	for _, i := range list {
		if i.kind == kindMissing {
			if err := os.WriteFile(filepath.Join(d.work, i.path), []byte("here now: "+i.path), 0o600); err != nil {
				return err
			}
		}
	}
	d.say("The files are put in their place: `rowlock dlq retry --queue %s`", queue)
	if _, err := d.rowlock(ctx, "dlq", "retry", "--queue", queue, "--yes"); err != nil {
		return err
	}
	if err := d.watch(ctx, worker, len(list), len(list)); err != nil {
		return err
	}
	return d.checkRepaired(ctx, list)
}

// rowlock runs a command against the servers and returns what it printed.
func (d *demo) rowlock(ctx context.Context, args ...string) (string, error) {
	code, stdout, stderr, err := process.Run(ctx, d.binary, process.Options{Args: args, Env: []string{"ROWLOCK_ADDR=" + d.group.join()}})
	if err == nil && code != 0 {
		err = fmt.Errorf("rowlock %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout, err
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// end stops a process in the orderly way, which must work.
func end(p *process.Process) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	code, err := p.Wait(ctx)
	if err != nil {
		return errors.Join(err, p.Kill())
	}
	if code != 0 {
		return fmt.Errorf("exit code %d after SIGTERM:\n%s", code, p.Stderr)
	}
	return nil
}
