package main

import "github.com/spf13/cobra"

func (p *program) operationCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "operation",
		Short: "Look at operations on many tasks, or end one",
		Long: `Look at operations on many tasks, or end one.

'rowlock dlq retry|purge' and 'rowlock task cancel|retry|delete' with --where, --queue or --all begin an operation. The
servers go on with it by themselves, whichever of them leads.`,
		Example: "  rowlock operation list\n  rowlock operation abort 000000000001A",
		GroupID: groupTasks,
	}
	cmd.AddCommand(p.operationListCommand(), p.operationGetCommand(), p.operationAbortCommand())
	return cmd
}
