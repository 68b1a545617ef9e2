package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) schedulePutCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "put NAME QUEUE (--cron EXPRESSION | --every DURATION)",
		Short: "Create a schedule, or replace it: each of its ticks enqueues a task in QUEUE",
		Long: `Create a schedule, or replace it: each of its ticks enqueues a task in QUEUE.

--cron takes five fields (minute, hour, day of the month, month, day of the week), six with the second in front, or @hourly,
@daily, @weekly, @monthly, @yearly. They are read on the clock of --zone. A local time that the clock skips in spring fires
when it is put forward; one that comes twice in autumn fires once. Expressions whose hour is * go by the time that passes.

The task has the flags of 'rowlock enqueue' that aren't about one call. In its payload {{nominal_time}} becomes the tick's time (RFC 3339, UTC),
{{nominal_unix}} the same in seconds since 1970, and {{schedule}} the schedule's name.

A tick that is late by more than --grace, as after a time without a leader, is missed: --misfire fire-once fires the last
such tick in place of all, skip fires none, and --catch-up N fires up to N, the last ones.

While a task of an earlier tick hasn't ended, --overlap skip skips a tick, allow makes another task, queue-one lets one tick
wait, terminate cancels the earlier task and starts at once, and cancel asks its worker to stop and waits until it has. A schedule that is paused stays paused.`,
		Example: `  rowlock schedule put nightly reports --cron '30 2 * * *' --zone Europe/Berlin --kind build --payload '{"for":"{{nominal_time}}"}'
  rowlock schedule put poll mail --every 90s --jitter 10s --overlap skip --timeout 1m
  rowlock schedule put month-end books --cron '0 6 1 * *' --catch-up 3 --dry-run`,
		Args: args(2, 2),
	}
	connect, out := p.clientFlags(cmd.Flags()), p.outputFlag(cmd)
	var put schedulePut
	put.add(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		request, err := put.request(p, cmd.Flags(), args[0], args[1])
		if err != nil {
			return err
		}
		return connect.run(cmd, func(ctx context.Context, c *connection) error {
			answer, err := c.schedules.PutSchedule(ctx, request)
			if err != nil {
				return err
			}
			return p.printSchedule(out, answer.GetSchedule())
		})
	}
	return cmd
}

// schedulePut are the flags of 'schedule put'.
type schedulePut struct {
	task    taskFlags
	cron    string
	zone    string
	start   string
	end     string
	misfire string
	overlap string
	every   time.Duration
	jitter  time.Duration
	grace   time.Duration
	catchUp uint32
	history uint32
	paused  bool
	dryRun  bool
}

func (s *schedulePut) add(flags *pflag.FlagSet) {
	flags.StringVar(&s.cron, "cron", "", "when it fires, such as '30 2 * * mon-fri' or @hourly")
	flags.DurationVar(&s.every, "every", 0, "instead of --cron: fire once in every so many whole seconds")
	flags.StringVar(&s.zone, "zone", "", "time zone of --cron, such as Europe/Berlin (default UTC)")
	flags.DurationVar(&s.jitter, "jitter", 0, "spread ticks by up to this much, always before the next")
	flags.StringVar(&s.start, "start", "", "no tick before this time, such as 2030-01-31T08:00:00Z")
	flags.StringVar(&s.end, "end", "", "no tick after this time")
	flags.StringVar(&s.misfire, "misfire", "", "what missed ticks do: fire-once, skip or catch-up (default fire-once)")
	flags.Uint32Var(&s.catchUp, "catch-up", 0, "let up to so many missed ticks fire, at most 1000")
	flags.DurationVar(&s.grace, "grace", 0, "how late a tick may be before it is missed (default 1m)")
	flags.StringVar(&s.overlap, "overlap", "", "while an earlier task hasn't ended: skip, allow, queue-one, terminate or cancel (default skip)")
	flags.Uint32Var(&s.history, "history", 0, "how many ticks the history keeps, at most 1000 (default 100)")
	flags.BoolVar(&s.paused, "paused", false, "pause it too")
	flags.BoolVar(&s.dryRun, "dry-run", false, "check it and show its next times, and store nothing")
	s.task.add(flags)
	for _, name := range notOfSchedules {
		_ = flags.MarkHidden(name)
	}
}

// notOfSchedules are flags of 'enqueue' that make no sense for what a schedule makes, again and again.
var notOfSchedules = []string{"at", "depends-on", "depends-on-failure", "depends-on-end", "cancel-on-parent-failure", "batch"}

func (s *schedulePut) request(p *program, flags *pflag.FlagSet, name, queue string) (*rowlockv1.PutScheduleRequest, error) {
	if err := atMostOne(flags, "cron", "every"); err != nil {
		return nil, err
	}
	for _, flag := range notOfSchedules {
		if flags.Changed(flag) {
			return nil, usagef("--%s is not for schedules: each tick makes a task of its own", flag)
		}
	}
	for _, flag := range []string{"history", "catch-up"} { // 0 would quietly be the default
		if f := flags.Lookup(flag); f.Changed && f.Value.String() == "0" {
			return nil, usagef("--%s 0: want 1 to 1000; leave it out for the default", flag)
		}
	}
	spec := &rowlockv1.ScheduleSpec{Expression: s.cron, TimeZone: s.zone}
	switch {
	case flags.Changed("every") && s.every < time.Second, s.every%time.Second != 0:
		return nil, usagef("--every %s: want whole seconds, at least 1s", s.every)
	case s.every > 0:
		spec.Expression = "@every " + s.every.String()
	case strings.TrimSpace(s.cron) == "":
		return nil, usagef("say when it fires with --cron or --every")
	}
	request := &rowlockv1.PutScheduleRequest{
		Name: name, Spec: spec, HistoryTicks: s.history, Paused: s.paused, DryRun: s.dryRun, RequestId: requestID(),
		Misfire: &rowlockv1.Misfire{CatchUpTicks: s.catchUp},
	}
	var err error
	if spec.StartAt, err = timeFlag("start", s.start); err != nil {
		return nil, err
	}
	if spec.EndAt, err = timeFlag("end", s.end); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
		field *float64
	}{{"jitter", s.jitter, &spec.JitterSeconds}, {"grace", s.grace, &request.Misfire.GraceSeconds}} {
		if d.value < 0 || flags.Changed(d.flag) && d.value == 0 && d.flag == "grace" {
			return nil, usagef("--%s %s: want more than 0", d.flag, d.value)
		}
		*d.field = d.value.Seconds()
	}
	if err := s.policies(flags, request); err != nil {
		return nil, err
	}
	request.Task, err = s.task.task(p, flags, queue)
	return request, err
}

// policies reads --misfire and --overlap, whose words have hyphens where the API's have underscores.
func (s *schedulePut) policies(flags *pflag.FlagSet, request *rowlockv1.PutScheduleRequest) error {
	word := func(value string) string { return strings.ReplaceAll(strings.ToLower(value), "-", "_") }
	if s.misfire == "" && flags.Changed("catch-up") {
		s.misfire = "catch-up"
	}
	if s.misfire != "" {
		number, ok := rowlockv1.Misfire_Policy_value[word(s.misfire)]
		if !ok {
			return usagef("--misfire %q: want fire-once, skip or catch-up", s.misfire)
		}
		request.Misfire.Policy = rowlockv1.Misfire_Policy(number)
	}
	if s.overlap != "" {
		number, ok := rowlockv1.Overlap_Policy_value[word(s.overlap)]
		if !ok {
			return usagef("--overlap %q: want skip, allow, queue-one, terminate or cancel", s.overlap)
		}
		request.Overlap = rowlockv1.Overlap_Policy(number)
	}
	catchUp := request.GetMisfire().GetPolicy() == rowlockv1.Misfire_catch_up
	switch {
	case catchUp && s.catchUp == 0:
		return usagef("--misfire catch-up needs --catch-up N, how many missed ticks fire at most")
	case !catchUp && s.catchUp > 0:
		return usagef("--catch-up is for --misfire catch-up")
	}
	return nil
}

// timeFlag reads a flag that is a time; nil where it isn't given.
func timeFlag(flag, value string) (*timestamppb.Timestamp, error) {
	if value == "" {
		return nil, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return nil, usagef("--%s %q: want a time such as 2030-01-31T08:00:00Z", flag, value)
	}
	return timestamppb.New(t), nil
}
