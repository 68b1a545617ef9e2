package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) queueSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set QUEUE",
		Short: "Change a queue's settings: its tasks' defaults, its limits, how it is shared, what is kept",
		Long: `Change a queue's settings: the defaults of its tasks, its limits, how it is shared out between fair keys, how many
there may be, where they go when they die, and how long finished ones are kept.

Only the settings that are named change; 0 gives one its built-in default back. A queue that doesn't exist comes into being.`,
		Example: "  rowlock queue set mail --max-attempts 5 --backoff-initial 2s --timeout 1m\n  rowlock queue set mail --retry-delays 1s,10s,1m --retention 168h\n  rowlock queue set mail --max-running 50 --rate 100/s --key-max-running 5 --fair-weight acme=3\n  rowlock queue set mail --max-tasks 100000 --max-bytes 1GiB --dead-letter-queue mail-dead",
		Args:    args(1, 1),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	set := &queueSet{}
	set.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request, err := set.request(cmd.Flags(), args[0])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			if err := set.backoff.complete(ctx, c, cmd.Flags(), request); err != nil {
				return err
			}
			answer, err := c.queues.SetQueue(ctx, request)
			if err != nil {
				return err
			}
			return p.printQueue(out, answer.GetQueue())
		})
	}
	return cmd
}

// queueSet are the flags of 'queue set'.
type queueSet struct {
	settings  rowlockv1.QueueSettings
	timeout   time.Duration
	ttl       time.Duration
	retention time.Duration
	backoff   backoffFlags
	limits    limitFlags
	maxBytes  byteSize
}

func (s *queueSet) add(flags *pflag.FlagSet) {
	flags.Uint32Var(&s.settings.MaxAttempts, "max-attempts", 0, "failed attempts after which a task is dead")
	flags.Uint32Var(&s.settings.MaxWorkerDeaths, "max-worker-deaths", 0, "workers that may die while running a task")
	flags.DurationVar(&s.timeout, "timeout", 0, "how long an attempt may take; 0 is no limit")
	flags.DurationVar(&s.ttl, "ttl", 0, "a task that hasn't started after this long is dead; 0 is no limit")
	flags.DurationVar(&s.retention, "retention", 0, "how long finished tasks are kept")
	flags.Var((*byteSize)(&s.settings.RetentionBytes), "retention-bytes", "how many bytes of finished tasks are kept, such as 512MiB")
	flags.Uint64Var(&s.settings.RetentionTasks, "retention-tasks", 0, "how many finished tasks are kept; 0 is no limit")
	flags.Uint64Var(&s.settings.MaxTasks, "max-tasks", 0, "how many live tasks there may be, dead letters aside; beyond it new ones are refused; 0 is no limit")
	flags.Var(&s.maxBytes, "max-bytes", "how many bytes of payloads they may have, such as 512MiB; 0 is no limit")
	flags.StringVar(&s.settings.DeadLetterQueue, "dead-letter-queue", "", `another queue, to which tasks go that die in this one; "" is none`)
	s.backoff.add(flags)
	s.limits.add(flags)
}

// request names the settings whose flags were given.
func (s *queueSet) request(flags *pflag.FlagSet, name string) (*rowlockv1.SetQueueRequest, error) {
	s.settings.MaxBytes = uint64(s.maxBytes)
	request := &rowlockv1.SetQueueRequest{Name: name, Settings: &s.settings, RequestId: requestID()}
	for _, d := range []struct {
		flag  string
		value time.Duration
		field *float64
	}{
		{"timeout", s.timeout, &s.settings.TimeoutSeconds},
		{"ttl", s.ttl, &s.settings.TtlSeconds},
		{"retention", s.retention, &s.settings.RetentionSeconds},
	} {
		if d.value < 0 {
			return nil, usagef("--%s %s: want 0s or more", d.flag, d.value)
		}
		if d.value > 0 && d.value < time.Millisecond {
			return nil, usagef("--%s %s: want at least 1ms, or 0s for the built-in default", d.flag, d.value)
		}
		*d.field = d.value.Seconds()
	}
	for _, f := range []struct{ flag, field string }{
		{"max-attempts", "max_attempts"},
		{"max-worker-deaths", "max_worker_deaths"},
		{"timeout", "timeout_seconds"},
		{"ttl", "ttl_seconds"},
		{"retention", "retention_seconds"},
		{"retention-bytes", "retention_bytes"},
		{"retention-tasks", "retention_tasks"},
		{"max-tasks", "max_tasks"},
		{"max-bytes", "max_bytes"},
		{"dead-letter-queue", "dead_letter_queue"},
	} {
		if flags.Changed(f.flag) {
			request.Fields = append(request.Fields, f.field)
		}
	}
	if s.backoff.changed(flags) {
		backoff, err := s.backoff.value(flags)
		if err != nil {
			return nil, err
		}
		s.settings.Backoff = backoff
		request.Fields = append(request.Fields, "backoff")
	}
	if err := s.limits.apply(flags, request); err != nil {
		return nil, err
	}
	if len(request.Fields) == 0 {
		return nil, usagef("say what to change; 'rowlock queue set --help' lists the settings")
	}
	return request, nil
}

// complete keeps the parts of the queue's backoff that no flag names: the API changes it as a whole.
func (b *backoffFlags) complete(ctx context.Context, c *connection, flags *pflag.FlagSet, request *rowlockv1.SetQueueRequest) error {
	backoff := request.GetSettings().GetBackoff()
	if backoff == nil || flags.Changed("retry-delays") {
		return nil
	}
	answer, err := c.queues.GetQueue(ctx, &rowlockv1.GetQueueRequest{Name: request.GetName()})
	if errors.Is(err, client.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	old := answer.GetQueue().GetSettings().GetBackoff()
	if !flags.Changed("backoff-initial") {
		backoff.InitialSeconds = old.GetInitialSeconds()
	}
	if !flags.Changed("backoff-maximum") {
		backoff.MaximumSeconds = old.GetMaximumSeconds()
	}
	if !flags.Changed("backoff-multiplier") {
		backoff.Multiplier = old.GetMultiplier()
	}
	return nil
}
