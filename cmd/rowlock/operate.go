package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

// operate is a command's way to change all tasks that its flags select, by an operation on the server.
type operate struct {
	p       *program
	confirm *confirmation
	action  client.Action
	verb    string // in "This will … the 12 dead letters in queue mail."
	done    string // the word for a success, such as "retried"
	noun    string // of what it changes
	// destroys: where nobody can be asked, it wants --yes.
	destroys bool

	rate      int
	name      string
	dryRun    bool
	wait      bool
	noWait    bool
	canary    bool
	wantWait  time.Duration
	maxFailed float64
}

// add gives a command the flags of its operation.
func (o *operate) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&o.rate, "rate", 0, "change at most this many tasks per second; 0: as fast as possible")
	flags.StringVar(&o.name, "name", "", "who does this or what for, for 'rowlock operation list'")
	flags.BoolVar(&o.dryRun, "dry-run", false, "count the tasks that match, show five, and change nothing")
	flags.BoolVar(&o.wait, "wait", true, "wait until all is done; Ctrl-C stops the waiting, not the operation")
	flags.BoolVar(&o.noWait, "no-wait", false, "print the operation and return at once")
	if o.action == client.RetryAction {
		flags.BoolVar(&o.canary, "canary", false, "retry one task first, then 1% of them, and stop if they fail again")
		flags.DurationVar(&o.wantWait, "canary-wait", 5*time.Minute, "how long to wait at most for the tasks of the canary to end or to fail")
		flags.Float64Var(&o.maxFailed, "canary-max-failed", 10, "percentage of them that may fail again")
	}
}

// onlyIDs refuses the operation's flags where tasks are given by their IDs.
func (o *operate) onlyIDs(cmd *cobra.Command) error {
	for _, name := range []string{"rate", "name", "dry-run", "wait", "no-wait", "canary", "canary-wait", "canary-max-failed"} {
		if cmd.Flags().Changed(name) {
			return usagef("--%s is for --where, --queue or --all: tasks that are given by their IDs are changed at once", name)
		}
	}
	return nil
}

func (o *operate) check(cmd *cobra.Command) error {
	if o.rate < 0 || o.rate > math.MaxInt32 {
		return usagef("--rate %d: want a number of tasks per second, or 0", o.rate)
	}
	if !o.canary && (cmd.Flags().Changed("canary-wait") || cmd.Flags().Changed("canary-max-failed")) {
		return usagef("--canary-wait and --canary-max-failed are for --canary")
	}
	return nil
}

func (o *operate) options() []client.OperationOption {
	options := []client.OperationOption{client.Rate(o.rate), client.Named(o.name)}
	if o.canary {
		options = append(options, client.WithCanary(client.Canary{Wait: o.wantWait, MaxFailed: o.maxFailed / 100}))
	}
	return options
}

// run counts, asks, starts the operation and follows it. where says in words which tasks are meant.
func (o *operate) run(ctx context.Context, cmd *cobra.Command, c *connection, out *output, sel client.Selection, where string) error {
	if err := o.check(cmd); err != nil {
		return err
	}
	count := &client.OperationCount{}
	if o.dryRun || o.canary || !o.confirm.yes {
		var err error
		if count, err = c.Operations().Count(ctx, o.action, sel); err != nil {
			return err
		}
	}
	if o.dryRun {
		return o.printCount(out, count, where)
	}
	if count.Matched > 0 {
		if err := o.confirm.ask(o.destroys, "%s %s%s", o.verb, o.amount(count), where); err != nil {
			return err
		}
	}
	op, err := c.Operations().Start(ctx, o.action, sel, append(o.options(), client.Expecting(count.Matched))...)
	if err != nil {
		return err
	}
	if o.noWait || !o.wait {
		return o.p.printOperation(out, op)
	}
	if op, err = o.p.follow(ctx, c, op.ID, count.Matched); err != nil {
		return err
	}
	return o.report(out, op)
}

// amount is how many tasks match, in words.
func (o *operate) amount(n *client.OperationCount) string {
	text := "the " + render.Count(int(n.Matched), o.noun)
	if !n.Complete {
		text = fmt.Sprintf("at least %s (there was no time to count all)", render.Count(int(n.Matched), o.noun))
	}
	return text
}

func (o *operate) printCount(out *output, n *client.OperationCount, where string) error {
	if out.people() {
		fmt.Fprintf(out.p.stdout, "This would %s %s%s.\n", o.verb, o.amount(n), where)
		if len(n.Examples) == 0 {
			return nil
		}
	}
	return out.print(n, func(t *render.Table) {
		t.Head("id", "queue", "kind", "state", "error")
		for _, x := range n.Examples {
			text := x.Reason
			if len(x.Errors) > 0 {
				text = x.Errors[len(x.Errors)-1].Message
			}
			t.Row(x.ID, x.Queue, x.Kind, string(x.State), text)
		}
	})
}

// follow waits until an operation has ended, with a progress bar for people. Whoever stops waiting is told how to go on.
func (p *program) follow(ctx context.Context, c *connection, id string, expected uint64) (*client.OperationInfo, error) {
	total := int64(expected)
	if total == 0 {
		total = -1
	}
	bar, last := p.progress(total, "operation "+id, "tasks"), uint64(0)
	defer bar.stop()
	op, err := c.Operations().Wait(ctx, id, func(op *client.OperationInfo) {
		bar.add(int(op.Matched - last))
		last = op.Matched
	})
	if err != nil {
		bar.stop()
		fmt.Fprintf(p.stderr, "Operation %s goes on: see 'rowlock operation get %s', or end it with 'rowlock operation abort %s'.\n", id, id, id)
	}
	return op, err
}

// report prints what an operation that has ended did, and fails if that isn't what was asked for.
func (o *operate) report(out *output, op *client.OperationInfo) error {
	if err := out.print(op, func(t *render.Table) {
		text := "tasks " + o.done
		if op.Changed == 1 {
			text = "task " + o.done
		}
		if op.Skipped > 0 {
			text += fmt.Sprintf(", %d skipped as another call had changed them", op.Skipped)
		}
		if op.Failed > 0 {
			text += fmt.Sprintf(", %d failed", op.Failed)
		}
		t.Row(op.Changed, text)
	}); err != nil {
		return err
	}
	switch {
	case op.State == client.OperationAborted:
		return &exitError{code: exitFailed, text: fmt.Sprintf("operation %s was aborted", op.ID)}
	case op.State == client.OperationStopped:
		return &exitError{code: exitFailed, text: fmt.Sprintf("operation %s stopped: %s", op.ID, op.Message)}
	case len(op.Errors) > 0:
		e := op.Errors[0]
		return &exitError{code: exitFailed, text: fmt.Sprintf("%s failed, the first: task %s: %s", render.Count(int(op.Failed), "task"), e.TaskID, e.Message)}
	}
	return nil
}
