package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) scheduleBackfillCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backfill NAME --from TIME",
		Short: "Make the tasks of ticks of the past, whatever the overlap policy says",
		Example: `  rowlock schedule backfill nightly --from 2026-11-01T00:00:00Z --dry-run
  rowlock schedule backfill nightly --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z`,
		Args: args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	request := &rowlockv1.BackfillScheduleRequest{}
	from := cmd.Flags().String("from", "", "ticks from this time on, such as 2026-11-01T00:00:00Z")
	to := cmd.Flags().String("to", "", "ticks up to this time (default now)")
	cmd.Flags().Uint32Var(&request.MaxTicks, "max", 100, "refuse the call if there are more ticks, at most 2000")
	cmd.Flags().BoolVar(&request.DryRun, "dry-run", false, "tell the ticks, and make no task")
	cmd.Flags().StringVar(&request.RequestId, "request-id", "", "names the call: one with the same ID within 24 h is executed once (default: a random one)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *from == "" {
			return usagef("say from when on with --from, such as --from 2026-11-01T00:00:00Z")
		}
		var err error
		if request.From, err = timeFlag("from", *from); err != nil {
			return err
		}
		if request.To, err = timeFlag("to", *to); err != nil {
			return err
		}
		if request.MaxTicks == 0 {
			return usagef("--max 0: want 1 to 2000")
		}
		if request.RequestId == "" {
			request.RequestId = requestID()
		}
		if request.To == nil {
			request.To = timestamppb.New(p.now()) // the same if the call has to be sent again
			if request.From.AsTime().After(request.To.AsTime()) {
				return usagef("--from %s is in the future: a backfill makes up for the past", *from)
			}
		}
		request.Name = args[0]
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.schedules.BackfillSchedule(ctx, request)
			if err != nil {
				return err
			}
			return p.printBackfill(out, answer.GetResults(), request.GetDryRun())
		})
	}
	return cmd
}

// printBackfill prints what became of each tick. Where a task was refused, the command has failed.
func (p *program) printBackfill(out *output, results []*rowlockv1.BackfillResult, dryRun bool) error {
	page := list(out, render.Backfill)
	if err := page.Page(render.NewBackfill(results)); err != nil {
		return err
	}
	if err := page.Close("No ticks in this time."); err != nil {
		return err
	}
	refused := 0
	for _, r := range results {
		if r.GetError() != nil {
			refused++
		}
	}
	if refused > 0 {
		return &exitError{code: exitRefused, text: fmt.Sprintf("%d of %s made no task", refused, render.Count(len(results), "tick"))}
	}
	if dryRun && out.people() {
		fmt.Fprintf(p.stderr, "Dry run: without --dry-run, this makes %s.\n", render.Count(len(results), "task"))
	}
	return nil
}
