package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) stuckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "stuck",
		Short:   "Find running tasks without progress, and take them from their workers",
		Example: "  rowlock stuck list --older-than 30m\n  rowlock stuck reset --older-than 30m --yes",
		GroupID: groupTasks,
	}
	cmd.AddCommand(p.stuckListCommand(), p.stuckResetCommand())
	return cmd
}

// stuckFlags select running tasks without a sign of progress.
type stuckFlags struct {
	queue     string
	worker    string
	olderThan time.Duration
}

func (s *stuckFlags) add(flags *pflag.FlagSet) {
	flags.DurationVar(&s.olderThan, "older-than", 30*time.Minute, "no sign of progress for this long")
	flags.StringVar(&s.queue, "queue", "", "only this queue's")
	flags.StringVar(&s.worker, "worker", "", "only those of this worker")
}

func (s *stuckFlags) request() (*rowlockv1.ListTasksRequest, error) {
	if s.olderThan < 0 {
		return nil, usagef("--older-than %s: want 0s or more", s.olderThan)
	}
	return &rowlockv1.ListTasksRequest{
		Queue: s.queue, WorkerId: s.worker, States: []rowlockv1.Task_State{rowlockv1.Task_running},
		OlderThanSeconds: s.olderThan.Seconds(), OmitPayload: true,
	}, nil
}
