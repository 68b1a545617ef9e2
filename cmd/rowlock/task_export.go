package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rowlock/rowlock/cmd/rowlock/render"
	"github.com/rowlock/rowlock/rpc/rowlockv1"
)

func (p *program) taskExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write tasks as JSON lines, with their payloads",
		Long: `Write tasks as JSON lines, one task a line, with all that is known of them: the fields that 'rowlock task get -o json'
prints. Payloads and results are exact: as JSON where that is the same byte for byte, else in payload_base64 and result_base64.

Without --state these are all live tasks; completed and cancelled ones are read from the history, behind the live ones. The
tasks are read page by page, each page as of its own moment. 'rowlock backup import' puts such a file back.

An export that is interrupted says with which --cursor it goes on.`,
		Example: `  rowlock task export --queue mail >mail.jsonl
  rowlock task export --state completed,cancelled --to history.jsonl
  rowlock task export --where 'age > duration("24h")' | jq -r .id`,
		Args: args(0, 0),
	}
	connect := p.clientFlags(cmd.Flags())
	e := &export{p: p}
	e.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&e.request.Queue, "queue", "", "only this queue's")
	flags.StringVar(&e.request.Kind, "kind", "", "only this kind")
	flags.StringVar(&e.request.Where, "where", "", `only those for which this filter is true, such as 'age > duration("1h")'; see docs/guides/filters.md`)
	flags.StringVar(&e.request.BatchId, "batch", "", "only those of this batch")
	states := flags.StringSlice("state", nil, "only these states: "+strings.Join(stateNames(), ", "))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list, err := parseStates(*states)
		if err != nil {
			return err
		}
		e.setStates(list)
		return e.run(cmd, connect)
	}
	return cmd
}

func (p *program) dlqExportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write dead letters as JSON lines, with their payloads and errors",
		Long: `Write dead letters as JSON lines, as 'rowlock task export' does. 'rowlock backup import' puts such a file back, as dead letters,
should they be purged meanwhile.`,
		Example: "  rowlock dlq export --queue mail >dead.jsonl\n  rowlock dlq export --group 6f1c2a9be77d0a43 --to dead.jsonl",
		Args:    args(0, 0),
	}
	connect := p.clientFlags(cmd.Flags())
	var dead deadLetters
	e := &export{p: p}
	e.add(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&dead.queue, "queue", "", "only this queue's")
	flags.StringVar(&dead.kind, "kind", "", "only this kind")
	flags.StringVar(&dead.where, "where", "", "only those for which this filter is true; see docs/guides/filters.md")
	flags.StringVar(&dead.group, "group", "", "only those whose error has this fingerprint, as 'rowlock dlq groups' shows it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := dead.checkGroup(); err != nil {
			return err
		}
		asked := dead.request()
		e.request.Queue, e.request.Kind, e.request.Where = asked.GetQueue(), asked.GetKind(), asked.GetWhere()
		e.setStates(asked.GetStates())
		return e.run(cmd, connect)
	}
	return cmd
}

// run writes the live tasks, then the finished ones.
func (e *export) run(cmd *cobra.Command, connect *clientFlags) error {
	if err := e.begin(); err != nil {
		return err
	}
	err := connect.run(cmd, func(ctx context.Context, c *connection) error {
		for ; e.at < len(e.passes); e.at++ {
			if err := e.pass(ctx, c.tasks, e.passes[e.at].states); err != nil {
				return e.resumable(ctx, err)
			}
			e.cursor = ""
		}
		return nil
	})
	return errors.Join(err, e.end(err))
}

func (e *export) pass(ctx context.Context, tasks rowlockv1.TaskServiceClient, states []rowlockv1.Task_State) error {
	e.request.States, e.request.Limit = states, pageSize
	for {
		e.request.Cursor = e.cursor
		answer, err := tasks.ListTasks(ctx, &e.request)
		if err != nil {
			return err
		}
		if err := e.lines.page(answer.GetTasks()); err != nil {
			return err
		}
		e.bar.add(len(answer.GetTasks()))
		if e.cursor = answer.GetNextCursor(); e.cursor == "" {
			return nil
		}
	}
}

// resumable adds to an error how to go on behind what was written. What can't be written can't be gone on with.
func (e *export) resumable(ctx context.Context, err error) error {
	var writing *writeError
	code, text := explain(ctx, err)
	if errors.As(err, &writing) || code == exitUsage || e.lines.count == 0 && e.cursor == "" {
		return err
	}
	e.lines.keep = true
	how := "append the output of the same command with"
	if e.to != "" {
		how = "repeat the command with"
	}
	return &exitError{code: code, text: fmt.Sprintf("%s; %s written; to go on, %s --cursor %s:%d:%s",
		text, render.Count(e.lines.count, "task"), how, e.passes[e.at].name, e.lines.bytes, e.cursor)}
}
