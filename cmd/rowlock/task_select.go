package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
)

// taskChange is a command that changes tasks: those with the IDs that it is given, or all that its flags select.
type taskChange struct {
	operate
	queue  string
	kind   string
	states []string
	where  string
	all    bool
}

// add gives a command the flags that select tasks.
func (t *taskChange) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&t.where, "where", "", `the tasks for which this filter is true, such as 'error.contains("timeout")'; see docs/guides/filters.md`)
	flags.StringVar(&t.queue, "queue", "", "the tasks of this queue")
	flags.StringVar(&t.kind, "kind", "", "only those of this kind")
	flags.StringSliceVar(&t.states, "state", nil, "only those in these states: "+strings.Join(t.covered(), ", "))
	flags.BoolVar(&t.all, "all", false, "the tasks of all queues")
	t.operate.add(cmd)
}

// covered are the states whose tasks the action may change, as the API has them.
func (t *taskChange) covered() []string {
	switch t.action {
	case client.CancelAction:
		return []string{"scheduled", "blocked", "pending", "running", "dead_letter"}
	case client.RetryAction:
		return []string{"scheduled", "dead_letter"}
	}
	return []string{"scheduled", "blocked", "pending", "dead_letter", "completed", "cancelled"}
}

func (t *taskChange) selects() bool {
	return t.all || t.queue != "" || t.kind != "" || t.where != "" || len(t.states) > 0
}

// runE is the command. direct changes tasks by their IDs.
func (t *taskChange) runE(connect *clientFlags, out *output, direct func(ctx context.Context, c *connection, ids []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && !t.selects():
			return usagef("say which tasks: IDs, or a selection by --where, --queue, --state or --all")
		case len(args) == 0:
			return connect.run(cmd, func(ctx context.Context, c *connection) error { return t.change(ctx, cmd, c, out) })
		case t.selects():
			return usagef("give either IDs, or a selection by --where, --queue, --state or --all")
		}
		if err := t.onlyIDs(cmd); err != nil {
			return err
		}
		ids, err := t.p.taskIDs(args)
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return direct(ctx, c, ids) })
	}
}

func (t *taskChange) change(ctx context.Context, cmd *cobra.Command, c *connection, out *output) error {
	if _, err := parseStates(t.states); err != nil {
		return err
	}
	sel := client.Selection{Queue: t.queue, Kind: t.kind, Where: t.where}
	for _, st := range t.states {
		sel.States = append(sel.States, client.State(strings.ToLower(st)))
	}
	in := " in all queues"
	if t.queue != "" {
		in = " in queue " + t.queue
	}
	if t.where != "" || t.kind != "" || len(t.states) > 0 {
		in += " that match"
	}
	return t.run(ctx, cmd, c, out, sel, in)
}
