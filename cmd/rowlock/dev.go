package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/rowlock/rowlock/client"
	"github.com/rowlock/rowlock/worker"
)

func (p *program) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run one node to develop against or to play with",
		Long: `Run one node to develop against or to play with. It keeps the same promises as a server.

Without --data-dir the data is in a temporary directory, which is removed at the end. With --exec or --http it works on
the tasks of --queues itself, as 'rowlock worker' would.`,
		Example: `  rowlock dev
  rowlock dev --data-dir ./rowlock-data --exec 'cat; echo' --queues hello`,
		GroupID: groupRun,
		Args:    args(0, 0),
	}
	serve := p.serveFlags(cmd)
	var flags workerFlags
	flags.addInside(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		logger, err := serve.log.logger()
		if err != nil {
			return err
		}
		inside, err := flags.inside(logger)
		if err != nil {
			return err
		}
		if serve.dataDir == "" {
			if serve.dataDir, err = os.MkdirTemp("", "rowlock-dev-"); err != nil {
				return fmt.Errorf("making a temporary data directory: %w", err)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(serve.dataDir)) }()
		}
		return p.serve(cmd.Context(), serve, memberFlags{nodeID: "dev", bootstrapExpect: 1, maxVoters: 1}, inside)
	}
	return cmd
}

// addInside adds the flags of a worker within the process of a server.
func (f *workerFlags) addInside(flags *pflag.FlagSet) {
	f.add(flags)
	flags.StringSliceVar(&f.queues, "queues", []string{client.DefaultQueue}, "queues that --exec or --http serves, with weights where given: Q[=WEIGHT],…")
	settings(flags, "queues")
}

// inside is the worker of the flags; nil: neither --exec nor --http was given.
func (f *workerFlags) inside(logger *slog.Logger) (*insideWorker, error) {
	config, handler, err := f.config(logger)
	if err != nil || handler == nil {
		return nil, err
	}
	return &insideWorker{config: config, kinds: f.kinds, handler: handler}, nil
}

// insideWorker is a worker within the process of a server.
type insideWorker struct {
	config  worker.Config
	kinds   []string
	handler worker.HandlerFunc
}
