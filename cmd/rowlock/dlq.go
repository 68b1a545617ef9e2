package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dlq",
		Short:   "Look at dead letters, retry or purge them",
		Example: "  rowlock dlq list --queue mail\n  rowlock dlq retry --queue mail",
		GroupID: groupTasks,
	}
	cmd.AddCommand(p.dlqListCommand(), p.dlqGetCommand(), p.dlqRetryCommand(), p.dlqPurgeCommand())
	return cmd
}

// deadLetters selects dead letters: by their IDs, of a queue, or all.
type deadLetters struct {
	queue string
	kind  string
	all   bool
}

func (d *deadLetters) add(flags *pflag.FlagSet) {
	flags.StringVar(&d.queue, "queue", "", "the dead letters of this queue")
	flags.StringVar(&d.kind, "kind", "", "only those of this kind")
	flags.BoolVar(&d.all, "all", false, "the dead letters of all queues")
}

// check refuses a selection that is empty or contradicts itself.
func (d *deadLetters) check(ids []string) error {
	switch {
	case len(ids) > 0 && (d.all || d.queue != "" || d.kind != ""):
		return usagef("give either IDs, or --queue or --all")
	case d.all && d.queue != "":
		return usagef("--all and --queue exclude each other")
	case len(ids) == 0 && !d.all && d.queue == "":
		return usagef("say which dead letters: IDs, --queue QUEUE, or --all")
	}
	return nil
}

// count is how many there are, whatever their kind.
func (d *deadLetters) count(ctx context.Context, c *connection) (n uint64, err error) {
	if d.queue != "" {
		answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: d.queue})
		return answer.GetQueue().GetDeadLetter(), err
	}
	for cursor, more := "", true; more; more = cursor != "" {
		answer, err := c.queues.ListQueues(ctx, &rowlockv1.ListQueuesRequest{Limit: pageSize, Cursor: cursor})
		if err != nil {
			return 0, err
		}
		for _, q := range answer.GetQueues() {
			n += q.GetDeadLetter()
		}
		cursor = answer.GetNextCursor()
	}
	return n, nil
}

// describe says which ones, of n of all kinds, in a sentence.
func (d *deadLetters) describe(n int) string {
	what := "the " + plural(n, "dead letter")
	if d.kind != "" {
		what = fmt.Sprintf("those of kind %s of the %s", d.kind, plural(n, "dead letter"))
	}
	if d.queue != "" {
		return what + " in queue " + d.queue
	}
	return what + " in all queues"
}

func (d *deadLetters) request() *rowlockv1.ListTasksRequest {
	return &rowlockv1.ListTasksRequest{Queue: d.queue, Kind: d.kind, States: []rowlockv1.Task_State{rowlockv1.Task_dead_letter}, OmitPayload: true}
}

// deadLetterChange is what dlq retry and dlq purge do.
type deadLetterChange struct {
	dead     *deadLetters
	confirm  *confirmation
	verb     string // in "This will … the 12 dead letters in queue mail."
	destroys bool
}

// run changes the dead letters with these IDs, or else those selected.
func (d *deadLetterChange) run(ctx context.Context, c *connection, out *output, ids []string, change bulk) error {
	if len(ids) > 0 {
		for _, id := range ids {
			if _, err := c.deadLetter(ctx, id, true); err != nil {
				return err
			}
		}
		// Whoever names dead letters to retry has chosen them.
		if d.destroys {
			if err := d.confirm.ask(true, "%s %s", d.verb, plural(len(ids), "dead letter")); err != nil {
				return err
			}
		}
		return change.run(ctx, out, ids)
	}
	n, err := d.dead.count(ctx, c)
	if err != nil {
		return err
	}
	if err := d.confirm.ask(d.destroys, "%s %s", d.verb, d.dead.describe(int(n))); err != nil {
		return err
	}
	done, err := out.p.sweep(ctx, c, d.dead.request(), change, int64(n))
	if err != nil {
		return err
	}
	return out.p.printCount(out, change.done, done)
}
