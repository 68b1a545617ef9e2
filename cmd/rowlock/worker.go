package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/cmd/rowlock/taskfile"
	"github.com/rowlock/rowlock/worker"
	"github.com/rowlock/rowlock/worker/exec"
	"github.com/rowlock/rowlock/worker/webhook"
)

func (p *program) workerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker --queues Q[=WEIGHT],… (--exec CMD | --http URL)",
		Short: "Take tasks and run a program, or call a URL, for each",
		Long: `Take tasks and run a program, or call a URL, for each.

--exec runs CMD by /bin/sh -c with the payload on stdin and ROWLOCK_TASK_ID, ROWLOCK_QUEUE, ROWLOCK_KIND, ROWLOCK_ATTEMPT
and ROWLOCK_TOKEN set, for a schedule's task ROWLOCK_SCHEDULE and ROWLOCK_NOMINAL_TIME, for a batch's tasks and callbacks
ROWLOCK_BATCH_ID, and for a task that depends on others ROWLOCK_PARENTS_FILE. Exit code 0 is done, and stdout the result; 100
is a failure for good; 75 puts the task back for 30 s without burning an attempt; any other is retried, and the tail of
stderr is the error.

--http posts the payload to URL. 2xx is done; 429 and 503 put the task back (Retry-After); other 4xx are failures for
good; anything else is retried.

SIGTERM stops it in an orderly way: it takes nothing more, lets what runs go on for --grace-period, and gives back the
rest without burning an attempt. A second signal ends it at once.`,
		Example: `  rowlock worker --queues mail --exec ./send.sh
  rowlock worker --queues mail=3,reports=1 --concurrency 8 --http http://127.0.0.1:8080/tasks`,
		GroupID: groupRun,
		Args:    args(0, 0),
	}
	connect, log := p.clientFlags(cmd.Flags()), p.logFlags(cmd)
	var flags workerFlags
	flags.add(cmd.Flags())
	cmd.Flags().StringSliceVar(&flags.queues, "queues", nil, "queues to serve, with weights where given: Q[=WEIGHT],…")
	settings(cmd.Flags(), "queues")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		logger, err := log.logger()
		if err != nil {
			return err
		}
		if len(flags.queues) == 0 {
			return usagef("say with --queues which queues to serve")
		}
		config, handler, err := flags.config(logger)
		if err != nil {
			return err
		}
		if handler == nil {
			return usagef("say with --exec or --http what to do with the tasks")
		}
		reach, err := connect.config()
		if err != nil {
			return err
		}
		reach.Logger = logger
		return runWorker(cmd.Context(), reach, config, flags.kinds, handler)
	}
	return cmd
}

// runWorker runs a worker until ctx ends.
func runWorker(ctx context.Context, reach client.Config, config worker.Config, kinds []string, handler worker.HandlerFunc) (err error) {
	c, err := client.New(reach)
	if err != nil {
		return usagef("%s", strings.TrimPrefix(err.Error(), "client: "))
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	w, err := worker.New(c, config)
	if err != nil {
		return usagef("%s", strings.TrimPrefix(err.Error(), "worker: "))
	}
	if len(kinds) == 0 {
		kinds = []string{worker.AnyKind}
	}
	for _, kind := range kinds {
		w.HandleFunc(kind, handler)
	}
	announce, stop := context.WithCancel(ctx)
	announced := make(chan struct{})
	go func() {
		defer close(announced)
		select {
		case <-w.Ready():
			config.Logger.Info("working", "worker", w.Name(), "addr", strings.Join(reach.Addrs, ","),
				"queues", strings.Join(slices.Sorted(maps.Keys(config.Queues)), ","), "concurrency", config.Concurrency)
		case <-announce.Done():
		}
	}()
	err = w.Run(ctx)
	stop()
	<-announced
	if errors.Is(err, worker.ErrDrained) {
		config.Logger.Info("drained: this worker ends, and comes back if something starts it again", "worker", w.Name(), "error", err)
		return nil
	}
	return err
}

// workerFlags describe a worker; 'rowlock dev' has them too.
type workerFlags struct {
	queues      []string
	kinds       []string
	concurrency int
	exec        string
	url         string
	pool        string
	name        string
	labels      map[string]string
	grace       time.Duration
}

func (f *workerFlags) add(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.kinds, "kinds", nil, "serve these kinds of tasks only")
	flags.IntVar(&f.concurrency, "concurrency", 16, "tasks to run at once")
	flags.StringVar(&f.exec, "exec", "", "run this command for each task")
	flags.StringVar(&f.url, "http", "", "call this URL for each task")
	flags.StringVar(&f.pool, "pool", "", "pool, which tasks can require")
	flags.StringVar(&f.name, "name", "", "worker_id that operators see (default: host name and process ID)")
	flags.StringToStringVar(&f.labels, "labels", nil, "labels, key=value,…, which tasks can require")
	flags.DurationVar(&f.grace, "grace-period", 20*time.Second, "how long running tasks may go on when it stops")
	settings(flags, "kinds", "concurrency", "exec", "http", "pool", "name", "labels", "grace-period")
}

// config returns the worker's configuration and its handler; nil: neither --exec nor --http was given.
func (f *workerFlags) config(logger *slog.Logger) (worker.Config, worker.HandlerFunc, error) {
	config := worker.Config{Concurrency: f.concurrency, Name: f.name, Pool: f.pool, Labels: f.labels, GracePeriod: f.grace, Logger: logger}
	if config.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return config, nil, usagef("name the worker with --name: the host's name can't be read (%s)", err)
		}
		config.Name = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if f.concurrency < 1 {
		return config, nil, usagef("--concurrency %d: want at least 1", f.concurrency)
	}
	if f.grace < 0 {
		return config, nil, usagef("--grace-period %s: want 0s or more", f.grace)
	}
	if f.grace == 0 {
		config.GracePeriod = -1
	}
	var err error
	if config.Queues, err = parseQueues(f.queues); err != nil {
		return config, nil, err
	}
	var handler worker.HandlerFunc
	switch {
	case f.exec != "" && f.url != "":
		return config, nil, usagef("--exec and --http exclude each other")
	case f.exec != "":
		handler, err = exec.Handler(exec.Config{Command: f.exec, Logger: config.Logger})
	case f.url != "":
		if handler, err = webhook.Handler(webhook.Config{URL: f.url}); err != nil {
			return config, nil, usagef("--http: %s", strings.TrimPrefix(err.Error(), "webhook: "))
		}
	}
	if err != nil {
		return config, nil, usagef("--exec: %s", err)
	}
	return config, handler, nil
}

// parseQueues reads Q[=WEIGHT].
func parseQueues(queues []string) (map[string]int, error) {
	weights := map[string]int{}
	for _, q := range queues {
		name, text, weighted := strings.Cut(q, "=")
		weight := 1
		if weighted {
			var err error
			if weight, err = strconv.Atoi(text); err != nil || weight < 1 {
				return nil, usagef("--queues %q: want a weight from 1, such as %s=3", q, name)
			}
		}
		if !taskfile.QueueName(name) {
			return nil, usagef("--queues %q: a queue's name is up to 128 letters, digits, '.', '_' and '-', beginning with a letter or digit", q)
		}
		if _, twice := weights[name]; twice {
			return nil, usagef("--queues names %q twice", name)
		}
		weights[name] = weight
	}
	return weights, nil
}
