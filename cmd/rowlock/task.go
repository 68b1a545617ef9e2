package main

import "github.com/spf13/cobra"

func (p *program) taskCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "task",
		Short:   "Look at tasks and change them",
		Example: "  rowlock task list --queue mail --state pending\n  rowlock task explain 000000000001A",
		GroupID: groupTasks,
	}
	cmd.AddCommand(
		p.taskGetCommand(), p.taskListCommand(), p.taskExplainCommand(), p.taskCancelCommand(), p.taskRetryCommand(),
		p.taskRescheduleCommand(), p.taskMoveCommand(), p.taskDeleteCommand(),
		p.taskWaitCommand(), p.taskWatchCommand(), p.taskExportCommand(),
	)
	return cmd
}
