package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/render"
)

func (p *program) dlqGroupsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "Group dead letters by what they failed with",
		Long: `Group dead letters by what they failed with: by queue, kind and the fingerprint of the last error, which is equal for
errors that differ in nothing but numbers, names and places.

'rowlock dlq retry --group FINGERPRINT' and 'rowlock dlq purge --group FINGERPRINT' act on one group.`,
		Example: "  rowlock dlq groups --queue mail\n  rowlock dlq groups --where 'finished_age < duration(\"1h\")' -o json",
		Args:    args(0, 0),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	var sel client.Selection
	cmd.Flags().StringVar(&sel.Queue, "queue", "", "only this queue's")
	cmd.Flags().StringVar(&sel.Kind, "kind", "", "only this kind")
	cmd.Flags().StringVar(&sel.Where, "where", "", "only those for which this filter is true; see docs/guides/filters.md")
	limit := cmd.Flags().Int("limit", 100, "print at most this many, the largest, up to 1000")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if *limit < 1 || *limit > pageSize {
			return usagef("--limit %d: want 1 to %d", *limit, pageSize)
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.DeadLetterGroups(ctx, sel, *limit)
			if err != nil {
				return err
			}
			page := list(out, render.Groups(p.now()))
			if err := page.Page(answer.Groups); err != nil {
				return err
			}
			if err := page.Close("No dead letters."); err != nil {
				return err
			}
			p.sayTotals(answer)
			return nil
		})
	}
	return cmd
}

// sayTotals tells on stderr what the list leaves out.
func (p *program) sayTotals(a *client.DeadLetterGroups) {
	if n := uint64(len(a.Groups)); n < a.GroupsTotal {
		fmt.Fprintf(p.stderr, "These are the largest %d of %s, of %s in all.\n", n, render.Count(a.GroupsTotal, "group"), render.Count(a.TasksTotal, "dead letter"))
	}
	if !a.Complete {
		fmt.Fprintf(p.stderr, "There was no time to look at all dead letters: %d were counted; --call-timeout gives more, up to 30s.\n", a.TasksTotal)
	}
}
