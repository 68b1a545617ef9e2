package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) taskWatchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [ID…]",
		Short: "Show what happens to tasks, as it happens",
		Long: `Show what happens to tasks, as it happens, one event a line, until you press Ctrl-C or --count events came. It goes on by
itself when a member stops. With -o json each line is a JSON object, with its position, from which --after goes on.

--state selects events that bring a task to this state. --after oldest begins with all that the member at --addr
still knows.`,
		Example: "  rowlock task watch --queue mail\n  rowlock task watch --state dead_letter -o json\n  rowlock task watch 000000000001A --after 1234",
		Args:    args(0, -1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	var query client.WatchQuery
	var names []string
	var count int
	flags := cmd.Flags()
	flags.StringVar(&query.Queue, "queue", "", "only this queue's")
	flags.StringVar(&query.Kind, "kind", "", "only this kind")
	flags.StringSliceVar(&names, "state", nil, "only what brings a task to one of these states, with commas")
	flags.BoolVar(&query.Progress, "progress", false, "workers' signs of progress too")
	flags.StringVar(&query.After, "after", "", "begin behind this position, or with the oldest there is (default: now)")
	flags.IntVar(&count, "count", 0, "stop after this many events (default: never)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if count < 0 {
			return usagef("--count %d: want 1 or more", count)
		}
		states, err := parseStates(names)
		if err != nil {
			return err
		}
		for _, s := range states {
			query.States = append(query.States, client.State(s.String()))
		}
		if len(args) > 0 {
			if query.IDs, err = p.taskIDs(args); err != nil {
				return err
			}
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error { return p.watchTasks(ctx, c, out, query, count) })
	}
	return cmd
}

// watchTasks prints events until count of them came, unless that is 0, or the user has seen enough.
func (p *program) watchTasks(ctx context.Context, c *connection, out *output, query client.WatchQuery, count int) error {
	n := 0
	for event, err := range c.Watch(ctx, query) {
		if ctx.Err() != nil {
			return nil // that is how it ends
		}
		if err != nil {
			return err
		}
		if err := p.printEvent(out, event); err != nil {
			return err
		}
		if n++; n == count {
			return nil
		}
	}
	return nil
}

func (p *program) printEvent(out *output, e *client.Event) error {
	if !out.people() {
		return render.Line(p.stdout, out.format, e)
	}
	_, err := fmt.Fprintf(p.stdout, "%s  %s  %s  %s\n", e.At.Local().Format("15:04:05.000"), e.TaskID, e.Queue, eventText(e))
	return err
}

// eventText tells an event in a few words.
func eventText(e *client.Event) string {
	var words []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	switch {
	case e.Type == client.Moved:
		add(true, "moved here from %s, %s", e.FromQueue, e.To)
	case e.Type == client.Progressed:
		add(true, "%d%%", e.Percent)
	case e.From == "":
		add(true, "new, %s", e.To)
	case e.To == "":
		add(true, "deleted, was %s", e.From)
	default:
		add(true, "%s -> %s", e.From, e.To)
	}
	add(e.Reason != "", "(%s)", e.Reason)
	add(e.Attempt > 0, "attempt %d", e.Attempt)
	add(e.RetryCount > 0, "%s", render.Count(e.RetryCount, "failed attempt"))
	add(e.Kind != "", "kind %s", e.Kind)
	return strings.Join(words, "  ")
}
