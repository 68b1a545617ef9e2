package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
	"github.com/rowlock/rowlock/task/filter"
)

func (p *program) dlqCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "dlq",
		Short:   "Look at dead letters, retry or purge them",
		Example: "  rowlock dlq groups --queue mail\n  rowlock dlq retry --queue mail",
		GroupID: groupTasks,
	}
	cmd.AddCommand(p.dlqListCommand(), p.dlqGroupsCommand(), p.dlqGetCommand(), p.dlqRetryCommand(), p.dlqPurgeCommand(), p.dlqExportCommand())
	return cmd
}

// deadLetters selects dead letters: by their IDs, of a queue, of a group, by a filter, or all.
type deadLetters struct {
	queue string
	kind  string
	where string
	group string
	all   bool
}

func (d *deadLetters) add(flags *pflag.FlagSet) {
	flags.StringVar(&d.queue, "queue", "", "the dead letters of this queue")
	flags.StringVar(&d.kind, "kind", "", "only those of this kind")
	flags.StringVar(&d.where, "where", "", `those for which this filter is true, such as 'error.contains("timeout")'; see docs/guides/filters.md`)
	flags.StringVar(&d.group, "group", "", "those whose error has this fingerprint, as 'rowlock dlq groups' shows it")
	flags.BoolVar(&d.all, "all", false, "the dead letters of all queues")
}

// check refuses a selection that is empty or contradicts itself.
func (d *deadLetters) check(ids []string) error {
	switch {
	case len(ids) > 0 && (d.all || d.queue != "" || d.kind != "" || d.where != "" || d.group != ""):
		return usagef("give either IDs, or a selection by --where, --group, --queue or --all")
	case d.all && d.queue != "":
		return usagef("--all and --queue exclude each other")
	case len(ids) == 0 && !d.all && d.queue == "" && d.where == "" && d.group == "":
		return usagef("say which dead letters: IDs, --where FILTER, --group FINGERPRINT, --queue QUEUE, or --all")
	}
	return d.checkGroup()
}

func (d *deadLetters) checkGroup() error {
	if d.group == "" {
		return nil
	}
	if _, err := filter.ParsePrint(d.group); err != nil {
		return usagef("--group: %s", err)
	}
	return nil
}

// filter is what all that is given comes down to.
func (d *deadLetters) filter() string {
	switch {
	case d.group == "":
		return d.where
	case d.where == "":
		return fmt.Sprintf("fingerprint == %q", d.group)
	}
	return fmt.Sprintf("fingerprint == %q && (%s)", d.group, d.where)
}

func (d *deadLetters) selection() client.Selection {
	return client.Selection{Queue: d.queue, Kind: d.kind, States: []client.State{client.DeadLetter}, Where: d.filter()}
}

// describe says which ones, behind "the 12 dead letters".
func (d *deadLetters) describe() string {
	text := " in all queues"
	if d.queue != "" {
		text = " in queue " + d.queue
	}
	if d.kind != "" {
		text = " of kind " + d.kind + text
	}
	if d.group != "" {
		text += " of group " + d.group
	}
	if d.where != "" {
		text += " that match"
	}
	return text
}

func (d *deadLetters) request() *rowlockv1.ListTasksRequest {
	return &rowlockv1.ListTasksRequest{
		Queue: d.queue, Kind: d.kind, Where: d.filter(), States: []rowlockv1.Task_State{rowlockv1.Task_dead_letter}, OmitPayload: true,
	}
}

// deadLetterChange is what dlq retry and dlq purge do.
type deadLetterChange struct {
	operate
	dead deadLetters
}

// runE is the command. change changes dead letters by their IDs.
func (d *deadLetterChange) runE(connect *clientFlags, out *output, change func(c *connection) bulk) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := d.dead.check(args); err != nil {
			return err
		}
		if len(args) == 0 {
			return connect.run(cmd, func(ctx context.Context, c *connection) error {
				return d.run(ctx, cmd, c, out, d.dead.selection(), d.dead.describe())
			})
		}
		if err := d.onlyIDs(cmd); err != nil {
			return err
		}
		ids, err := d.p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return d.direct(ctx, c, out, ids, change(c)) })
	}
}

// direct changes the dead letters with these IDs.
func (d *deadLetterChange) direct(ctx context.Context, c *connection, out *output, ids []string, change bulk) error {
	for _, id := range ids {
		if _, err := c.deadLetter(ctx, id, true); err != nil {
			return err
		}
	}
	// Whoever names dead letters to retry has chosen them.
	if d.destroys {
		if err := d.confirm.ask(true, "%s %s", d.verb, render.Count(len(ids), "dead letter")); err != nil {
			return err
		}
	}
	return change.run(ctx, out, ids)
}
