package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tasks, page by page",
		Long: `List tasks, page by page: live ones by their IDs, finished ones in the order in which they finished.

Without --state these are all live tasks. Live and finished states can't be mixed in one list.`,
		Example: "  rowlock task list --queue mail --state pending,scheduled\n  rowlock task list --state completed --limit 20 -o json",
		Args:    args(0, 0),
	}
	connect, out, page := p.clientFlags(cmd.Flags()), p.outputFlag(cmd), listingFlags(cmd)
	request := &rowlockv1.ListTasksRequest{}
	flags := cmd.Flags()
	flags.StringVar(&request.Queue, "queue", "", "only this queue's")
	flags.StringVar(&request.Kind, "kind", "", "only this kind")
	flags.StringVar(&request.WorkerId, "worker", "", "only those that this worker runs or ran")
	flags.StringVar(&request.Where, "where", "", `only those for which this filter is true, such as 'age > duration("1h")'; see docs/guides/filters.md`)
	flags.StringVar(&request.BatchId, "batch", "", "only those of this batch")
	states := flags.StringSlice("state", nil, "only these states: "+strings.Join(stateNames(), ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if request.States, err = parseStates(*states); err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			return p.listTasks(ctx, cmd, c.tasks, out, page, request)
		})
	}
	return cmd
}
