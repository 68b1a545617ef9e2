package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

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
	flags.add(cmd.Flags())
	cmd.Flags().StringSliceVar(&flags.queues, "queues", []string{client.DefaultQueue}, "queues that --exec or --http serves, with weights where given: Q[=WEIGHT],…")
	settings(cmd.Flags(), "queues")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		logger, err := serve.log.logger()
		if err != nil {
			return err
		}
		config, handler, err := flags.config(logger)
		if err != nil {
			return err
		}
		var inside *insideWorker
		if handler != nil {
			inside = &insideWorker{config: config, kinds: flags.kinds, handler: handler}
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

// insideWorker is a worker within the process of a server.
type insideWorker struct {
	config  worker.Config
	kinds   []string
	handler worker.HandlerFunc
}
